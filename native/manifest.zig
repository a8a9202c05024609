//! What TypeScript compares with its own tables when it loads the library: limits, sizes and values
//! of enums, as JSON text made by the compiler from the declarations themselves.
//!
//! Guarantees: nothing in it is written by hand, so it cannot disagree with the library it is in.

const std = @import("std");
const limits = @import("limits.zig");
const method = @import("method.zig");
const metrics = @import("metrics.zig");
const status = @import("status.zig");
const channel = @import("channel.zig");
const response_cache = @import("response_cache.zig");
const rate_limit = @import("rate_limit.zig");
const route_table = @import("route_table.zig");
const segment = @import("segment.zig");
const shared_cache = @import("shared_cache.zig");

/// Counts up whenever a signature, a layout or the meaning of a value changes.
pub const version: u32 = 7;

pub const text = text: {
    @setEvalBranchQuota(100_000);
    break :text "{\"version\":" ++ std.fmt.comptimePrint("{d}", .{version}) ++
        ",\"limits\":" ++ declarations(limits) ++
        ",\"sizes\":" ++ sizes ++
        ",\"methods\":" ++ methods ++
        ",\"status\":" ++ values(status.Status) ++
        ",\"verdict\":" ++ values(status.Verdict) ++
        ",\"reason\":" ++ values(status.Reason) ++
        ",\"encoding\":" ++ values(response_cache.Encoding) ++ "}";
};

const sizes = sizesOf(.{
    .Match = route_table.Match,
    .InsertReport = route_table.InsertReport,
    .CacheEntry = response_cache.CacheEntry,
    .SegmentOptions = segment.Options,
    .RateWindow = rate_limit.Window,
    .MetricsMap = metrics.Map,
    .MetricsOwned = metrics.Owned,
    .MetricsTotal = metrics.Total,
    .MetricsSummary = metrics.Summary,
    .CacheRecord = shared_cache.Record,
    .CacheStats = shared_cache.Stats,
    .ChannelStats = channel.Stats,
});

fn sizesOf(comptime types: anytype) []const u8 {
    comptime {
        var result: []const u8 = "{";
        for (@typeInfo(@TypeOf(types)).@"struct".fields, 0..) |field, index| {
            const size = @sizeOf(@field(types, field.name));
            result = result ++ (if (index == 0) "" else ",") ++
                std.fmt.comptimePrint("\"{s}\":{d}", .{ field.name, size });
        }
        return result ++ "}";
    }
}

const methods = methods: {
    var result: []const u8 = "[";
    for (method.standard, 0..) |token, id| {
        result = result ++ (if (id == 0) "\"" else ",\"") ++ token ++ "\"";
    }
    break :methods result ++ "]";
};

fn declarations(comptime Namespace: type) []const u8 {
    comptime {
        var result: []const u8 = "{";
        for (@typeInfo(Namespace).@"struct".decls, 0..) |declaration, index| {
            const value: u32 = @field(Namespace, declaration.name);
            result = result ++ (if (index == 0) "" else ",") ++
                std.fmt.comptimePrint("\"{s}\":{d}", .{ declaration.name, value });
        }
        return result ++ "}";
    }
}

fn values(comptime Enum: type) []const u8 {
    comptime {
        var result: []const u8 = "{";
        for (@typeInfo(Enum).@"enum".fields, 0..) |field, index| {
            result = result ++ (if (index == 0) "" else ",") ++
                std.fmt.comptimePrint("\"{s}\":{d}", .{ field.name, field.value });
        }
        return result ++ "}";
    }
}

test "the manifest is JSON and names what it promises" {
    const gpa = std.testing.allocator;
    const parsed = try std.json.parseFromSlice(std.json.Value, gpa, text, .{});
    defer parsed.deinit();
    const root = parsed.value.object;
    try std.testing.expectEqual(version, root.get("version").?.integer);
    const root_limits = root.get("limits").?.object;
    try std.testing.expectEqual(limits.params_max, root_limits.get("params_max").?.integer);
    try std.testing.expectEqual(148, root.get("sizes").?.object.get("Match").?.integer);
    try std.testing.expectEqual(-5, root.get("status").?.object.get("conflict").?.integer);
    try std.testing.expectEqual(-3, root.get("verdict").?.object.get("bad_path").?.integer);
    try std.testing.expectEqual(12, root.get("reason").?.object.get("bad_utf8").?.integer);
    try std.testing.expectEqualStrings("TRACE", root.get("methods").?.array.items[8].string);
}
