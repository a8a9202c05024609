//! A ring of bytes with one writer and one reader at a time: what one listener sent into one
//! channel and the consumer has not acknowledged yet.
//!
//! Guarantees: a frame is in the ring completely or not at all, whoever is killed when: its bytes
//! come first, then one word, the head, that says how far and how many. The reader moves the
//! other word, the tail, once what lies before it will never be asked for again. All zeros is an
//! empty ring; a ring outlives its writer, and the next one goes on at its head.
//! Refuses: ends that contradict each other, and frames that are not where the count says or
//! longer than what was written: the memory is damaged then, and nothing of it is handed out.

const std = @import("std");
const limits = @import("limits.zig");
const assert = std.debug.assert;

pub const words_max = limits.channel_ring_bytes / 8;
pub const Words = [words_max]u64;

pub const Error = error{ ChannelFull, SegmentInvalid };

/// How far and how many, in one word, so that no reader meets one without the other.
pub const Cursor = packed struct(u64) {
    /// In words of eight bytes, modulo twice the ring: full and empty differ.
    position: Position,
    /// Frames since the ring was first used: 35 million million, a year of a million per second.
    count: u45,
};

const Position = std.math.IntFittingRange(0, 2 * words_max - 1);

/// A cache line (and its neighbour, which is fetched along) for each of the two who write.
pub const Ends = extern struct {
    head: u64 align(128),
    tail: u64 align(128),
};

/// In front of every message, here and in what `read` copies out.
pub const Frame = extern struct {
    length: u32,
    /// Low bits of the frame's number: a frame that is not where it should be is noticed.
    sequence: u16,
    kind: u16,
    /// Nanoseconds on the shared clock, as the sender read it.
    time: f64,
};

pub const Message = struct { bytes: []const u8, kind: u16, time: f64 };

pub const Ring = struct {
    ends: *Ends,
    words: *Words,

    // Every access to the ends is sequentially consistent, because each is one half of a question
    // such as "is somebody asleep who has to hear of this?" (see channel.zig).
    pub fn head(self: Ring) Cursor {
        return @bitCast(@atomicLoad(u64, &self.ends.head, .seq_cst));
    }

    pub fn tail(self: Ring) Cursor {
        return @bitCast(@atomicLoad(u64, &self.ends.tail, .seq_cst));
    }

    /// Everything before it is done with: its bytes may be written over from now on.
    pub fn acknowledge(self: Ring, to: Cursor) void {
        @atomicStore(u64, &self.ends.tail, @bitCast(to), .seq_cst);
    }

    /// `tail_seen` is the writer's own copy: the reader's cache line is asked only when needed.
    pub fn write(self: Ring, message: Message, tail_seen: *Cursor) Error!void {
        const from = self.head();
        const size = frameWords(message.bytes.len);
        if (try wordsBetween(tail_seen.*, from) + size > words_max) {
            tail_seen.* = self.tail();
            if (try wordsBetween(tail_seen.*, from) + size > words_max) return error.ChannelFull;
        }
        const frame: [2]u64 = @bitCast(Frame{
            .length = @intCast(message.bytes.len),
            .sequence = @truncate(from.count),
            .kind = message.kind,
            .time = message.time,
        });
        self.words[from.position % words_max] = frame[0];
        self.words[(from.position +% 1) % words_max] = frame[1];
        self.copyIn(from.position +% 2, message.bytes);
        const to: Cursor = .{ .position = from.position +% size, .count = from.count +% 1 };
        @atomicStore(u64, &self.ends.head, @bitCast(to), .seq_cst);
    }

    pub fn hasRoom(self: Ring, length: usize) Error!bool {
        // The tail second: it never passes a head that was read before it, as only we move that.
        const from = self.head();
        return try wordsBetween(self.tail(), from) + frameWords(length) <= words_max;
    }

    /// Copies the frame at `at` and its message to the start of `target`, and moves `at` behind it.
    /// The bytes used, a multiple of eight; 0 where there is none before `end`, or no room for it.
    pub fn read(self: Ring, at: *Cursor, end: Cursor, target: []align(8) u8) Error!usize {
        const written = try wordsBetween(at.*, end);
        if (written == 0) return 0;
        const head_words = [2]u64{
            self.words[at.position % words_max],
            self.words[(at.position +% 1) % words_max],
        };
        const frame: Frame = @bitCast(head_words);
        if (frame.length > limits.channel_message_bytes_max) return error.SegmentInvalid;
        const size = frameWords(frame.length);
        if (size > written) return error.SegmentInvalid;
        if (frame.sequence != @as(u16, @truncate(at.count))) return error.SegmentInvalid;
        if (size * 8 > target.len) return 0;
        @memcpy(target[0..16], std.mem.asBytes(&head_words));
        self.copyOut(at.position +% 2, target[16..][0..frame.length]);
        at.* = .{ .position = at.position +% size, .count = at.count +% 1 };
        return @as(usize, size) * 8;
    }

    /// When the oldest message that waits was sent; null: none waits.
    pub fn oldest(self: Ring) ?f64 {
        while (true) {
            const first = self.tail();
            if (first.count == self.head().count) return null;
            const time: f64 = @bitCast(self.words[(first.position +% 1) % words_max]);
            // Moved on meanwhile: the word may belong to another frame by now.
            if (self.tail() == first) return time;
        }
    }

    /// Both ends at one moment, for anybody who is neither writer nor reader.
    pub fn snapshot(self: Ring) Error!struct { head: Cursor, tail: Cursor } {
        while (true) {
            const last = self.tail();
            const first = self.head();
            if (self.tail() != last) continue;
            _ = try wordsBetween(last, first);
            return .{ .head = first, .tail = last };
        }
    }

    fn copyIn(self: Ring, position: Position, bytes: []const u8) void {
        const start = @as(usize, position % words_max) * 8;
        const memory = std.mem.sliceAsBytes(self.words);
        const before_end = @min(bytes.len, memory.len - start);
        @memcpy(memory[start..][0..before_end], bytes[0..before_end]);
        @memcpy(memory[0 .. bytes.len - before_end], bytes[before_end..]);
    }

    fn copyOut(self: Ring, position: Position, target: []u8) void {
        const start = @as(usize, position % words_max) * 8;
        const memory = std.mem.sliceAsBytes(self.words);
        const before_end = @min(target.len, memory.len - start);
        @memcpy(target[0..before_end], memory[start..][0..before_end]);
        @memcpy(target[before_end..], memory[0 .. target.len - before_end]);
    }
};

fn frameWords(length: usize) Position {
    assert(length <= limits.channel_message_bytes_max);
    return @intCast(2 + (length + 7) / 8);
}

/// Words written from `first` to `last`. Every frame has at least two.
fn wordsBetween(first: Cursor, last: Cursor) error{SegmentInvalid}!u32 {
    const words: u32 = last.position -% first.position;
    const frames = last.count -% first.count;
    if (words > words_max or frames > words / 2) return error.SegmentInvalid;
    if (words > 0 and frames == 0) return error.SegmentInvalid;
    return words;
}

comptime {
    assert(@sizeOf(Frame) == 16);
    assert(@sizeOf(Ends) == 256);
    assert(std.math.isPowerOfTwo(words_max));
    // The position wraps where twice the ring does.
    assert(std.math.maxInt(Position) == 2 * words_max - 1);
    assert(@bitSizeOf(Position) == 19);
}

const testing = std.testing;

const TestRing = struct {
    ends: Ends = std.mem.zeroes(Ends),
    words: *Words,

    fn init() !TestRing {
        return .{ .words = try testing.allocator.create(Words) };
    }

    fn deinit(self: *TestRing) void {
        testing.allocator.destroy(self.words);
    }

    fn ring(self: *TestRing) Ring {
        return .{ .ends = &self.ends, .words = self.words };
    }
};

test "messages come out as they went in, around the end of the ring and around the position" {
    var memory: TestRing = try .init();
    defer memory.deinit();
    const ring = memory.ring();
    var seen = ring.tail();
    var at = ring.tail();
    var bytes: [5_000]u8 = undefined;
    var target: [6_000]u8 align(8) = undefined;
    for (0..3_000) |number| {
        const length = (number * 37) % bytes.len;
        for (bytes[0..length], 0..) |*byte, index| byte.* = @truncate(number + index);
        const time: f64 = @floatFromInt(number);
        try ring.write(.{ .bytes = bytes[0..length], .kind = 1, .time = time }, &seen);
        try testing.expectEqual(time, ring.oldest().?);
        const used = try ring.read(&at, ring.head(), &target);
        try testing.expectEqual(16 + (length + 7) / 8 * 8, used);
        const frame: Frame = @bitCast(target[0..16].*);
        try testing.expectEqual(length, frame.length);
        try testing.expectEqual(1, frame.kind);
        try testing.expectEqual(time, frame.time);
        try testing.expectEqualSlices(u8, bytes[0..length], target[16..][0..length]);
        try testing.expectEqual(0, try ring.read(&at, ring.head(), &target));
        ring.acknowledge(at);
        try testing.expectEqual(null, ring.oldest());
    }
    // Three times around the position, six times around the ring.
    try testing.expect(3_000 * 2_500 > 3 * 8 * 2 * words_max / 2);
}

test "a full ring takes nothing more until its reader has acknowledged" {
    var memory: TestRing = try .init();
    defer memory.deinit();
    const ring = memory.ring();
    var seen = ring.tail();
    const message: Message = .{ .bytes = "x" ** 1008, .kind = 0, .time = 0 };
    for (0..limits.channel_ring_bytes / 1024) |_| try ring.write(message, &seen);
    try testing.expectError(error.ChannelFull, ring.write(message, &seen));
    const empty: Message = .{ .bytes = "", .kind = 0, .time = 0 };
    try testing.expectError(error.ChannelFull, ring.write(empty, &seen));
    try testing.expect(!try ring.hasRoom(0));
    var at = ring.tail();
    var target: [2048]u8 align(8) = undefined;
    try testing.expectEqual(1024, try ring.read(&at, ring.head(), &target));
    try testing.expectError(error.ChannelFull, ring.write(message, &seen));
    ring.acknowledge(at);
    try testing.expect(try ring.hasRoom(1008));
    try ring.write(message, &seen);
    try testing.expectError(error.ChannelFull, ring.write(empty, &seen));
}

test "a target that is too small is not written to" {
    var memory: TestRing = try .init();
    defer memory.deinit();
    const ring = memory.ring();
    var seen = ring.tail();
    try ring.write(.{ .bytes = "123456789", .kind = 0, .time = 0 }, &seen);
    var at = ring.tail();
    var target: [24]u8 align(8) = @splat(7);
    try testing.expectEqual(0, try ring.read(&at, ring.head(), &target));
    try testing.expectEqual(ring.tail(), at);
    try testing.expectEqual(7, target[0]);
}

test "what a damaged ring says is refused, whatever it is" {
    var memory: TestRing = try .init();
    defer memory.deinit();
    const ring = memory.ring();
    var target: [4096]u8 align(8) = undefined;
    var random = std.Random.DefaultPrng.init(5);
    const reader = random.random();
    for (0..20_000) |_| {
        memory.ends = std.mem.zeroes(Ends);
        var seen = ring.tail();
        for (0..3) |_| try ring.write(.{ .bytes = "abcdefgh", .kind = 0, .time = 1 }, &seen);
        // Frames at words 0, 3 and 6: one of their first words, or one of the ends, becomes noise.
        const noise = reader.int(u64);
        const place = reader.uintLessThan(u32, 5);
        if (place < 3) memory.words[place * 3] = noise;
        if (place == 3) memory.ends.head = noise;
        if (place == 4) memory.ends.tail = noise;
        var at = ring.tail();
        var refused = false;
        for (0..3) |_| {
            const used = ring.read(&at, ring.head(), &target) catch {
                refused = true;
                break;
            };
            // Noise that looks like a frame is possible, one that leaves the ring is not.
            try testing.expect(used <= target.len);
        }
        const frame: Frame = @bitCast([2]u64{ noise, 0 });
        const plausible = frame.length <= 16 and frame.sequence < 3;
        if (place < 3 and !plausible) try testing.expect(refused);
    }
    memory.ends = std.mem.zeroes(Ends);
    memory.ends.head = @bitCast(Cursor{ .position = 3, .count = 0 });
    var seen = ring.tail();
    const message: Message = .{ .bytes = "", .kind = 0, .time = 0 };
    try testing.expectError(error.SegmentInvalid, ring.write(message, &seen));
    try testing.expectError(error.SegmentInvalid, ring.snapshot());
}

test "a writer and a reader in two threads lose nothing and swap nothing" {
    const count = 200_000;
    var memory: TestRing = try .init();
    defer memory.deinit();
    const ring = memory.ring();
    const produce = struct {
        fn run(shared: Ring) void {
            var seen = shared.tail();
            var number: u32 = 0;
            while (number < count) {
                const bytes = [_]u8{@truncate(number)} ** 100;
                const message: Message = .{
                    .bytes = bytes[0 .. number % 100],
                    .kind = 0,
                    .time = @floatFromInt(number),
                };
                // Full: the reader is slower; damaged: the test fails, as nothing arrives.
                shared.write(message, &seen) catch {
                    std.Thread.yield() catch {};
                    continue;
                };
                number += 1;
            }
        }
    }.run;
    const thread: std.Thread = try .spawn(.{}, produce, .{ring});
    defer thread.join();
    var target: [128]u8 align(8) = undefined;
    var at = ring.tail();
    var number: u32 = 0;
    while (number < count) {
        if (try ring.read(&at, ring.head(), &target) == 0) {
            std.Thread.yield() catch {};
            continue;
        }
        const frame: Frame = @bitCast(target[0..16].*);
        try testing.expectEqual(@as(f64, @floatFromInt(number)), frame.time);
        try testing.expectEqual(number % 100, frame.length);
        for (target[16..][0..frame.length]) |byte| {
            try testing.expectEqual(@as(u8, @truncate(number)), byte);
        }
        number += 1;
        if (number % 64 == 0) ring.acknowledge(at);
    }
}
