//! Blocks of the shared cache, in the order in which they were written: a ring of bytes with one
//! writer at a time and any number of readers, in any process.
//!
//! Places are counted in units of 64 bytes from the first that was ever written and never come
//! again, so a place says by itself whether its block is still there: not before `tail`.
//!
//! Guarantees: a reader that was overtaken by the writer learns of it, and a writer that is killed
//! at any instruction leaves a valid ring. What lies behind `head` is nobody's, and both bounds
//! change by one store each.
//! - The writer moves `tail` before it writes over a block, and every word is stored with release
//!   and loaded with acquire. So whoever has read one word of the new block sees the new `tail` in
//!   the load that follows: no lock, no fence, no data race. On x86-64 these are ordinary moves.
//! Refuses: nothing. A ring whose headers make no sense is emptied.

const std = @import("std");
const assert = std.debug.assert;

pub const unit_bytes = 64;
const unit_words = unit_bytes / 8;

/// Changed by the writer alone, in units.
pub const Bounds = extern struct {
    head: u64 align(64),
    tail: u64,
};

pub const Kind = enum(u32) { padding = 0, block = 1, _ };

/// One unit. The parts follow, each from a word of its own on: cells, key, head, body.
pub const Header = extern struct {
    hash: u64,
    units: u32,
    kind: Kind,
    cells_count: u32,
    key_len: u32,
    head_len: u32,
    body_len: u32,
    /// Number of the latest invalidation when its computation began.
    born: u64,
    stored_ns: u64,
    fresh_until_ns: u64,
    stale_until_ns: u64,

    fn words(self: *const Header) *const [unit_words]u64 {
        return @ptrCast(self);
    }
};

pub const Parts = struct {
    cells: []const u8,
    key: []const u8,
    head: []const u8,
    body: []const u8,

    pub fn units(self: Parts) u64 {
        const count = wordsOf(self.cells.len) + wordsOf(self.key.len) +
            wordsOf(self.head.len) + wordsOf(self.body.len);
        return 1 + (count + unit_words - 1) / unit_words;
    }
};

pub const Ring = struct {
    bounds: *Bounds,
    words: []u64,

    pub fn capacity(self: Ring) u64 {
        return self.words.len / unit_words;
    }

    pub fn head(self: Ring) u64 {
        return @atomicLoad(u64, &self.bounds.head, .acquire);
    }

    pub fn tail(self: Ring) u64 {
        return @atomicLoad(u64, &self.bounds.tail, .acquire);
    }

    pub fn used(self: Ring) u64 {
        // Tail first: head is never behind a tail that was read before it.
        const first = self.tail();
        return self.head() - first;
    }

    /// Whether the block at this place has not been given up.
    pub fn holds(self: Ring, place: u64) bool {
        return place >= self.tail();
    }

    /// Null: given up meanwhile.
    pub fn header(self: Ring, place: u64) ?Header {
        var result: Header = undefined;
        const target: *[unit_words]u64 = @ptrCast(&result);
        for (target, self.at(place)[0..unit_words]) |*word, *source| {
            word.* = @atomicLoad(u64, source, .acquire);
        }
        return if (self.holds(place) and self.isSound(place, result)) result else null;
    }

    /// What the writer finds at a place of its own: never overtaken, but perhaps without sense.
    pub fn isSound(self: Ring, place: u64, found: Header) bool {
        if (found.units == 0 or place + found.units > self.head()) return false;
        if (place % self.capacity() + found.units > self.capacity()) return false;
        if (found.kind == .padding) return true;
        const words = wordsOf(@as(u64, found.cells_count) * 4) + wordsOf(found.key_len) +
            wordsOf(found.head_len) + wordsOf(found.body_len);
        return found.kind == .block and found.units * unit_words >= unit_words + words;
    }

    /// Whether a block fits, and beyond it so many units.
    pub fn fits(self: Ring, units: u64, beyond: u64) bool {
        const needed = self.padding(units) + units + beyond;
        return self.capacity() - (self.head() - self.tail()) >= needed;
    }

    /// Writes a block, which must fit, behind the last one. Readers do not know of it yet.
    pub fn append(self: Ring, block: Header, parts: Parts) u64 {
        const place = self.makePlace(block.units);
        const target = self.at(place)[0 .. @as(usize, block.units) * unit_words];
        storeWords(target, block.words());
        var word: usize = unit_words;
        inline for (.{ parts.cells, parts.key, parts.head, parts.body }) |part| {
            storeBytes(target[word..], part);
            word += wordsOf(part.len);
        }
        self.setHead(place + block.units);
        return place;
    }

    /// Writes a copy of the block of another ring (or of this one), which must fit.
    pub fn appendCopy(self: Ring, other: Ring, from: u64, units: u32) u64 {
        const place = self.makePlace(units);
        const count = @as(usize, units) * unit_words;
        for (self.at(place)[0..count], other.at(from)[0..count]) |*target, *source| {
            @atomicStore(u64, target, @atomicLoad(u64, source, .acquire), .release);
        }
        self.setHead(place + units);
        return place;
    }

    pub fn setTail(self: Ring, place: u64) void {
        assert(place >= self.tail() and place <= self.head());
        @atomicStore(u64, &self.bounds.tail, place, .release);
    }

    /// The words of a block from its header on.
    pub fn at(self: Ring, place: u64) []u64 {
        return self.words[@intCast(place % self.capacity() * unit_words)..];
    }

    fn padding(self: Ring, units: u64) u64 {
        const left = self.capacity() - self.head() % self.capacity();
        return if (left < units) left else 0;
    }

    /// Blocks lie in one piece: the end of the memory may have to be left empty.
    fn makePlace(self: Ring, units: u32) u64 {
        assert(self.fits(units, 0));
        const empty = self.padding(units);
        const place = self.head();
        if (empty == 0) return place;
        var block = std.mem.zeroes(Header);
        block.units = @intCast(empty);
        storeWords(self.at(place), block.words());
        self.setHead(place + empty);
        return place + empty;
    }

    fn setHead(self: Ring, place: u64) void {
        @atomicStore(u64, &self.bounds.head, place, .release);
    }
};

pub fn wordsOf(bytes: u64) usize {
    return @intCast((bytes + 7) / 8);
}

fn storeWords(target: []u64, source: []const u64) void {
    for (target[0..source.len], source) |*word, value| @atomicStore(u64, word, value, .release);
}

fn storeBytes(target: []u64, bytes: []const u8) void {
    const whole = bytes.len / 8;
    for (target[0..whole], 0..) |*word, index| {
        @atomicStore(u64, word, readWord(bytes[index * 8 ..][0..8]), .release);
    }
    if (bytes.len % 8 != 0) {
        @atomicStore(u64, &target[whole], lastWord(bytes[whole * 8 ..]), .release);
    }
}

pub fn loadBytes(target: []u8, source: []const u64) void {
    const whole = target.len / 8;
    for (source[0..whole], 0..) |*word, index| {
        const value = @atomicLoad(u64, word, .acquire);
        target[index * 8 ..][0..8].* = @bitCast(value);
    }
    if (target.len % 8 != 0) {
        const rest: [8]u8 = @bitCast(@atomicLoad(u64, &source[whole], .acquire));
        @memcpy(target[whole * 8 ..], rest[0 .. target.len % 8]);
    }
}

pub fn equalBytes(expected: []const u8, source: []const u64) bool {
    const whole = expected.len / 8;
    for (source[0..whole], 0..) |*word, index| {
        const value = readWord(expected[index * 8 ..][0..8]);
        if (@atomicLoad(u64, word, .acquire) != value) return false;
    }
    if (expected.len % 8 == 0) return true;
    return @atomicLoad(u64, &source[whole], .acquire) == lastWord(expected[whole * 8 ..]);
}

fn readWord(bytes: *const [8]u8) u64 {
    return @bitCast(bytes.*);
}

fn lastWord(bytes: []const u8) u64 {
    var word: [8]u8 = @splat(0);
    @memcpy(word[0..bytes.len], bytes);
    return @bitCast(word);
}

comptime {
    assert(@sizeOf(Header) == unit_bytes);
    assert(@sizeOf(Bounds) == 64);
}

const testing = std.testing;

fn blockOf(parts: Parts) Header {
    var block = std.mem.zeroes(Header);
    block.kind = .block;
    block.units = @intCast(parts.units());
    block.key_len = @intCast(parts.key.len);
    block.body_len = @intCast(parts.body.len);
    return block;
}

test "blocks come back as they were written, also over the end of the memory" {
    var bounds = std.mem.zeroes(Bounds);
    var words: [8 * 10]u64 = undefined;
    const ring: Ring = .{ .bounds = &bounds, .words = &words };
    var random = std.Random.DefaultPrng.init(testing.random_seed);
    var body: [150]u8 = undefined;
    var copy: [150]u8 = undefined;
    for (0..500) |_| {
        const part = body[0..random.random().uintAtMost(usize, body.len)];
        random.random().bytes(part);
        const parts: Parts = .{ .cells = "", .key = "a key", .head = "", .body = part };
        const units = parts.units();
        while (!ring.fits(units, 0)) {
            const first = ring.header(ring.tail()).?;
            ring.setTail(ring.tail() + first.units);
        }
        const place = ring.append(blockOf(parts), parts);
        const found = ring.header(place).?;
        try testing.expectEqual(units, found.units);
        const source = ring.at(place)[8..];
        try testing.expect(equalBytes("a key", source));
        try testing.expect(!equalBytes("a kez", source));
        loadBytes(copy[0..part.len], source[1..]);
        try testing.expectEqualStrings(part, copy[0..part.len]);
        ring.setTail(place);
        try testing.expect(ring.header(place) != null);
        ring.setTail(ring.head());
        try testing.expectEqual(null, ring.header(place));
    }
}
