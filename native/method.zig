//! Method tokens and their ids. Nine are known from the start; an application may add more.
//!
//! Guarantees: ids are dense, never change, and equal tokens have equal ids.
//! Refuses: text that is not an RFC 9110 token (section 5.6.2), and more than `methods_max` tokens.
//! Methods are case-sensitive (RFC 9110 section 9.1): `get` is not `GET`.

const std = @import("std");
const assert = std.debug.assert;
const limits = @import("limits.zig");

pub const get: u32 = 0;
pub const head: u32 = 1;

/// The id of a token that nobody registered; no tree belongs to it.
pub const unknown: u32 = std.math.maxInt(u32);

/// In id order; the order is part of the ABI.
pub const standard = [_][]const u8{
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
};

comptime {
    assert(standard.len <= limits.methods_max);
    assert(std.mem.eql(u8, standard[get], "GET"));
    assert(std.mem.eql(u8, standard[head], "HEAD"));
}

pub const Error = error{ TooManyMethods, MethodInvalid };

const Token = struct {
    bytes: [limits.method_bytes_max]u8,
    len: u8,
};

pub const Registry = struct {
    tokens: [limits.methods_max]Token,
    count: u32,

    pub fn init() Registry {
        var registry: Registry = .{ .tokens = undefined, .count = 0 };
        for (standard) |text| registry.append(text);
        assert(registry.count == standard.len);
        return registry;
    }

    pub fn find(registry: *const Registry, text: []const u8) ?u32 {
        for (registry.tokens[0..registry.count], 0..) |*token, id| {
            if (std.mem.eql(u8, token.bytes[0..token.len], text)) return @intCast(id);
        }
        return null;
    }

    /// The id of a token, which is new or already known.
    pub fn register(registry: *Registry, text: []const u8) Error!u32 {
        if (!isToken(text)) return error.MethodInvalid;
        if (registry.find(text)) |id| return id;
        if (registry.count == limits.methods_max) return error.TooManyMethods;
        registry.append(text);
        return registry.count - 1;
    }

    fn append(registry: *Registry, text: []const u8) void {
        assert(isToken(text));
        assert(registry.count < limits.methods_max);
        const token = &registry.tokens[registry.count];
        @memcpy(token.bytes[0..text.len], text);
        token.len = @intCast(text.len);
        registry.count += 1;
    }
};

fn isToken(text: []const u8) bool {
    if (text.len == 0 or text.len > limits.method_bytes_max) return false;
    for (text) |byte| switch (byte) {
        'A'...'Z', 'a'...'z', '0'...'9' => {},
        '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~' => {},
        else => return false,
    };
    return true;
}

test "standard methods have the published ids and new tokens follow them" {
    var registry: Registry = .init();
    for (standard, 0..) |text, id| {
        try std.testing.expectEqual(@as(u32, @intCast(id)), try registry.register(text));
    }
    try std.testing.expectEqual(@as(u32, 9), try registry.register("PURGE"));
    try std.testing.expectEqual(@as(u32, 10), try registry.register("purge"));
    try std.testing.expectEqual(@as(u32, 9), try registry.register("PURGE"));
    try std.testing.expectEqual(null, registry.find("LOCK"));
}

test "text that is not a token is refused" {
    var registry: Registry = .init();
    const long = "M" ** (limits.method_bytes_max + 1);
    for ([_][]const u8{ "", "A B", "A\x00", "GÉT", "A:B", "A/B", long }) |text| {
        try std.testing.expectError(error.MethodInvalid, registry.register(text));
    }
    try std.testing.expectEqual(@as(u32, standard.len), registry.count);
    _ = try registry.register(long[0..limits.method_bytes_max]);
}

test "the table of methods is full at methods_max, and known tokens still answer" {
    var registry: Registry = .init();
    var buffer: [8]u8 = undefined;
    for (standard.len..limits.methods_max) |index| {
        const text = try std.fmt.bufPrint(&buffer, "M{d}", .{index});
        try std.testing.expectEqual(@as(u32, @intCast(index)), try registry.register(text));
    }
    try std.testing.expectError(error.TooManyMethods, registry.register("ONEMORE"));
    try std.testing.expectEqual(get, try registry.register("GET"));
}
