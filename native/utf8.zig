//! A streaming UTF-8 check, one byte at a time, for bytes that appear one by one while a path or a
//! pattern is percent-decoded.
//!
//! Guarantees: accepts exactly the sequences of RFC 3629 section 4.
//! Refuses: overlong forms, surrogates, code points above U+10FFFF, stray continuation bytes.

const std = @import("std");
const assert = std.debug.assert;

pub const Utf8 = struct {
    /// Continuation bytes still missing.
    missing: u8 = 0,
    /// Range of the next continuation byte. It is narrower after E0, ED, F0 and F4: that is how
    /// overlong forms, surrogates and values above U+10FFFF are kept out.
    low: u8 = 0x80,
    high: u8 = 0xbf,

    /// False: the byte cannot follow what came before.
    pub fn push(state: *Utf8, byte: u8) bool {
        assert(state.missing <= 3);
        if (state.missing > 0) {
            if (byte < state.low or byte > state.high) return false;
            state.* = .{ .missing = state.missing - 1 };
            return true;
        }
        state.* = switch (byte) {
            0x00...0x7f => .{},
            0xc2...0xdf => .{ .missing = 1 },
            0xe0 => .{ .missing = 2, .low = 0xa0 },
            0xe1...0xec, 0xee...0xef => .{ .missing = 2 },
            0xed => .{ .missing = 2, .high = 0x9f },
            0xf0 => .{ .missing = 3, .low = 0x90 },
            0xf1...0xf3 => .{ .missing = 3 },
            0xf4 => .{ .missing = 3, .high = 0x8f },
            else => return false,
        };
        return true;
    }

    /// False: the text ends inside a character.
    pub fn complete(state: Utf8) bool {
        return state.missing == 0;
    }
};

fn accepts(bytes: []const u8) bool {
    var state: Utf8 = .{};
    for (bytes) |byte| if (!state.push(byte)) return false;
    return state.complete();
}

test "agrees with the standard library on every sequence of two bytes and on the hard ones" {
    for (0..0x10000) |pair| {
        const bytes = [2]u8{ @truncate(pair >> 8), @truncate(pair) };
        try std.testing.expectEqual(std.unicode.utf8ValidateSlice(&bytes), accepts(&bytes));
    }
    var prng: std.Random.DefaultPrng = .init(1);
    var bytes: [4]u8 = undefined;
    for (0..200_000) |_| {
        prng.random().bytes(&bytes);
        bytes[0] |= 0xc0;
        for (bytes[1..]) |*byte| byte.* = (byte.* & 0x3f) | 0x80;
        try std.testing.expectEqual(std.unicode.utf8ValidateSlice(&bytes), accepts(&bytes));
        const three = bytes[0..3];
        try std.testing.expectEqual(std.unicode.utf8ValidateSlice(three), accepts(three));
    }
}
