//! Sixteen bytes at a time: what every x86-64 and arm64 processor can do.
//!
//! Guarantees: a load is one instruction and its bounds are checked. Coercing an array to a vector
//! is not the same: where two such loads were merged the disassembly showed sixteen loads of one
//! byte.

const std = @import("std");
const builtin = @import("builtin");

pub const count = 16;
pub const Lanes = @Vector(count, u8);
pub const Found = @Vector(count, bool);

/// Bit `i` for lane `i`.
pub const Mask = u16;

comptime {
    // `maskOf` puts lane 0 into the lowest bit only here. Bun runs on no other kind of machine.
    std.debug.assert(builtin.cpu.arch.endian() == .little);
}

pub inline fn load(text: []const u8, index: usize) Lanes {
    return @as(*align(1) const Lanes, @ptrCast(text[index..][0..count])).*;
}

pub inline fn loadWord(comptime Word: type, text: []const u8, index: usize) Word {
    return @as(*align(1) const Word, @ptrCast(text[index..][0..@sizeOf(Word)])).*;
}

pub inline fn splat(byte: u8) Lanes {
    return @splat(byte);
}

pub inline fn equal(bytes: Lanes, byte: u8) Found {
    return bytes == splat(byte);
}

pub inline fn inRange(bytes: Lanes, first: u8, last: u8) Found {
    return bytes -% splat(first) <= splat(last - first);
}

pub inline fn maskOf(found: Found) Mask {
    return @bitCast(found);
}

test "masks put lane 0 into the lowest bit" {
    const text = "/bcdefghijklmno/";
    try std.testing.expectEqual(0x8001, maskOf(equal(load(text, 0), '/')));
    try std.testing.expectEqual(0x7ffe, maskOf(inRange(load(text, 0), 'b', 'o')));
    try std.testing.expectEqual(@as(u32, '/') | 'b' << 8, loadWord(u16, text, 0));
}
