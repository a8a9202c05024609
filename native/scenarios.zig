//! Runs test/scenarios/*.json, the tables that the TypeScript cores have to answer alike.
//!
//! Guarantees: every file of the folder is run (build.zig lists them), every field is understood: a
//! key that this file does not know is an error, not a case that silently passes.

const std = @import("std");
const assert = std.debug.assert;
const limits = @import("limits.zig");
const status = @import("status.zig");
const route_table = @import("route_table.zig");
const names = @import("scenario_names").names;

/// A text, or `[prefix, piece, times, suffix]` for the long ones.
const Text = union(enum) {
    plain: []const u8,
    repeat: struct { []const u8, []const u8, usize, []const u8 },

    pub fn jsonParse(
        gpa: std.mem.Allocator,
        source: anytype,
        options: std.json.ParseOptions,
    ) !Text {
        if (try source.peekNextTokenType() == .string) {
            return .{ .plain = try std.json.innerParse([]const u8, gpa, source, options) };
        }
        const Repeat = struct { repeat: @FieldType(Text, "repeat") };
        const parsed = try std.json.innerParse(Repeat, gpa, source, options);
        return .{ .repeat = parsed.repeat };
    }

    fn expand(text: Text, arena: std.mem.Allocator) ![]u8 {
        switch (text) {
            .plain => |plain| return arena.dupe(u8, plain),
            .repeat => |repeat| {
                var list: std.ArrayList(u8) = .empty;
                try list.appendSlice(arena, repeat[0]);
                for (0..repeat[2]) |_| try list.appendSlice(arena, repeat[1]);
                try list.appendSlice(arena, repeat[3]);
                return list.items;
            },
        }
    }
};

const Route = struct { []const u8, Text };

const Refused = struct {
    route: Route,
    status: status.Status,
    reason: ?status.Reason = null,
    with: ?u32 = null,
};

const Case = struct {
    method: []const u8,
    url: Text,
    route: ?u32 = null,
    verdict: ?status.Verdict = null,
    values: ?[]const []const u8 = null,
    /// Decoded values by name: those of TypeScript.
    params: std.json.Value = .null,
    path: ?[]const u8 = null,
    allowed: ?[]const []const u8 = null,
};

const Scenario = struct {
    title: []const u8,
    strict: bool = false,
    routes: []const Route,
    refused: []const Refused = &.{},
    cases: []const Case = &.{},
};

test "scenario tables" {
    comptime assert(names.len > 0);
    var cases_count: usize = 0;
    inline for (names) |name| {
        var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
        defer arena.deinit();
        errdefer std.debug.print("in test/scenarios/{s}\n", .{name});
        const text = @embedFile("test/scenarios/" ++ name);
        const scenario = try std.json.parseFromSliceLeaky(Scenario, arena.allocator(), text, .{});
        try runScenario(arena.allocator(), &scenario);
        cases_count += scenario.cases.len + scenario.refused.len;
    }
    try std.testing.expect(cases_count >= 150);
}

fn runScenario(arena: std.mem.Allocator, scenario: *const Scenario) !void {
    var table: route_table.Table = .init(std.testing.allocator, .{ .strict = scenario.strict });
    defer table.deinit();
    for (scenario.routes, 0..) |route, endpoint| {
        var report: route_table.InsertReport = undefined;
        const pattern = try route[1].expand(arena);
        errdefer std.debug.print("route {s}\n", .{pattern});
        try table.insert(try table.method(route[0]), pattern, @intCast(endpoint), &report);
    }
    for (scenario.refused, 0..) |refused, index| {
        errdefer std.debug.print("refused {d}\n", .{index});
        try expectRefused(arena, &table, &refused, scenario.routes.len);
    }
    try table.seal();
    for (scenario.cases, 0..) |case, index| {
        errdefer std.debug.print("case {d} of '{s}'\n", .{ index, scenario.title });
        try expectCase(arena, &table, &case);
    }
}

fn expectRefused(
    arena: std.mem.Allocator,
    table: *route_table.Table,
    refused: *const Refused,
    routes_len: usize,
) !void {
    const pattern = try refused.route[1].expand(arena);
    errdefer std.debug.print("pattern {s}\n", .{pattern});
    var report: route_table.InsertReport = .empty;
    const result: status.Error!void = result: {
        const method = table.method(refused.route[0]) catch |err| break :result err;
        break :result table.insert(method, pattern, @intCast(routes_len), &report);
    };
    try std.testing.expectEqual(refused.status, status.statusOf(result));
    const reason: status.Reason = refused.reason orelse .none;
    try std.testing.expectEqual(reason, @as(status.Reason, @enumFromInt(report.reason)));
    if (refused.with) |with| try std.testing.expectEqual(with, report.conflict);
    try std.testing.expectEqual(refused.status == .conflict, refused.with != null);
}

fn expectCase(arena: std.mem.Allocator, table: *route_table.Table, case: *const Case) !void {
    const url = try case.url.expand(arena);
    errdefer std.debug.print("{s} {s}\n", .{ case.method, url[0..@min(url.len, 200)] });
    const method = table.methods.find(case.method) orelse std.math.maxInt(u32);
    var match: route_table.Match = undefined;
    const found = table.find(method, url, &match);
    if (case.route) |route| {
        try std.testing.expectEqual(null, case.verdict);
        try std.testing.expectEqual(@as(i32, @intCast(route)), found);
    } else {
        try std.testing.expectEqual(@intFromEnum(case.verdict.?), found);
    }
    if (case.values) |values| {
        try std.testing.expectEqual(values.len, match.values_count);
        for (values, 0..) |value, index| {
            const span = match.spans[2 * index ..][0..2];
            try std.testing.expectEqualStrings(value, url[span[0]..span[1]]);
        }
    }
    if (case.path) |path| {
        const actual = url[match.path_start..match.path_end];
        try std.testing.expectEqualStrings(path, actual);
    }
    var allowed: u32 = 0;
    for (case.allowed orelse &.{}) |token| {
        allowed |= @as(u32, 1) << @intCast(table.methods.find(token).?);
    }
    try std.testing.expectEqual(allowed, match.allowed);
}
