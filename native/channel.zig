//! Channels: bounded queues from any listener of a cluster to one consumer, which is one of them.
//!
//! What a listener sends lies in a ring of its own (`channel_ring.zig`), so a channel is as many
//! rings as listeners have sent into it. Names and rings are claimed by compare-and-swap and never
//! given back: a ring whose writer died still holds what was accepted, and the next listener on
//! that slot goes on with it.
//!
//! Guarantees: in order per sender; a message is handed out again until it was acknowledged, also
//! to another consumer; one consumer at a time, as long as slots are released only after their
//! listener has ended; no wake-up is lost: whoever goes to sleep says so and then looks again,
//! whoever changes something changes it and then looks who sleeps (both sequentially consistent).
//! Only one that the doorbell of a killed process should have passed on is lost: hence a slow poll.
//! Refuses: more channels or rings than the limits, senders and consumers whose slot went to
//! somebody else, and damaged memory.

const std = @import("std");
const limits = @import("limits.zig");
const ring = @import("channel_ring.zig");
const Segment = @import("segment.zig").Segment;
const assert = std.debug.assert;

pub const Error = error{
    OutOfMemory,
    InvalidArgument,
    ChannelFull,
    TooManyChannels,
    TooManyRings,
    NotOwner,
    SegmentInvalid,
};

/// One bit per slot.
pub const SlotSet = [limits.slots_max / 64]u64;

/// The shared part of a channel. All zeros: nobody has asked for it yet.
pub const Record = extern struct {
    /// Hash of its name; 0: free.
    name: u64 align(128),
    /// Who consumes: slot plus one, and its incarnation. 0: nobody.
    owner: u64,
    /// Slot plus one of the consumer while it sleeps. Read with every message, written rarely.
    sleeper: u32 align(128),
    /// Slots that wait for room, and slots that would consume.
    waiting: SlotSet align(128),
    candidates: SlotSet,
};

/// What the section `channels` holds. Claimed from the front: the first free one ends the list.
pub const Directory = extern struct {
    records: [limits.channels_max]Record,
    /// Channel and slot, each plus one, of the ring with this number. 0: free.
    rings: [limits.channel_rings_max]u32,
    ends: [limits.channel_rings_max]ring.Ends,
};

/// In front of every message that is handed out: the frame of the ring, but with where it comes
/// from in full. Whoever gets a message twice knows it by that.
pub const Taken = extern struct {
    length: u32,
    ring: u16,
    kind: u16,
    /// Frames of that ring before it; a double is exact up to 2^53, the count has 45 bits.
    number: f64,
};

pub const Stats = extern struct {
    sent: f64,
    acknowledged: f64,
    /// When the oldest message that waits was sent; 0: none waits.
    oldest_ns: f64,
    /// 1: somebody who lives consumes.
    consumed: u32,
    producers: u32,
};

/// Of how much room a sender may take at once before it counts again. With it, `capacity` is
/// exceeded by at most a sixteenth, or by one message per other sender where that is more; a
/// sender that is alone never exceeds it. Counting every time would cost a cache miss per sender.
const credit_share = 16;

/// A channel as one listener uses it. Not shared with other threads.
pub const Channel = struct {
    segment: *Segment,
    record: *Record,
    /// Number of the record, plus one.
    id: u16,
    slot: u16,
    incarnation: u32,
    capacity: u32,
    own_ring: ?u32 = null,
    tail_seen: ring.Cursor = @bitCast(@as(u64, 0)),
    credit: u32 = 0,
    /// Consumer: up to where each ring was handed out. The tails follow when that is acknowledged.
    handed_out: [limits.channel_rings_max]ring.Cursor = undefined,
    /// Consumer: which ring is asked first, in turn, so that no busy sender starves the others.
    turn: u32 = 0,

    pub fn open(
        gpa: std.mem.Allocator,
        segment: *Segment,
        slot: u32,
        capacity: u32,
        name: []const u8,
    ) Error!*Channel {
        if (slot >= limits.slots_max or capacity == 0) return error.InvalidArgument;
        const incarnation = segment.incarnationOf(slot);
        if (incarnation == 0) return error.NotOwner;
        const number = try claimRecord(segment.channels(), segment.seed(), name);
        const self = try gpa.create(Channel);
        self.* = .{
            .segment = segment,
            .record = &segment.channels().records[number],
            .id = number + 1,
            .slot = @intCast(slot),
            .incarnation = incarnation,
            .capacity = capacity,
        };
        // Whoever had the slot before waits for nothing any more.
        remove(&self.record.waiting, self.slot);
        remove(&self.record.candidates, self.slot);
        return self;
    }

    /// The slot plus one whose doorbell has to be rung, or 0.
    pub fn send(self: *Channel, message: ring.Message) Error!u32 {
        if (message.bytes.len > limits.channel_message_bytes_max) return error.InvalidArgument;
        if (self.segment.incarnationOf(self.slot) != self.incarnation) return error.NotOwner;
        const number = self.own_ring orelse try self.claimRing();
        if (self.credit == 0) self.credit = try self.countCredit();
        if (self.credit == 0) return error.ChannelFull;
        try self.ringAt(number).write(message, &self.tail_seen);
        self.credit -= 1;
        if (@atomicLoad(u32, &self.record.sleeper, .seq_cst) == 0) return 0;
        return @atomicRmw(u32, &self.record.sleeper, .Xchg, 0, .seq_cst);
    }

    /// True: there is no room for a message of that length, and the doorbell of this slot will be
    /// rung when there may be.
    pub fn mustWait(self: *Channel, length: usize) Error!bool {
        if (length > limits.channel_message_bytes_max) return error.InvalidArgument;
        add(&self.record.waiting, self.slot);
        self.credit = try self.countCredit();
        const has_room = self.credit > 0 and
            (self.own_ring == null or try self.ringAt(self.own_ring.?).hasRoom(length));
        if (has_room) remove(&self.record.waiting, self.slot);
        return !has_room;
    }

    /// Becomes the consumer, unless another one lives. If not, this slot is rung when that one
    /// lets go; when it dies, nobody rings.
    pub fn lease(self: *Channel) bool {
        if (self.owns()) return true;
        add(&self.record.candidates, self.slot);
        const owner = @atomicLoad(u64, &self.record.owner, .seq_cst);
        if (self.lives(owner)) return false;
        const mine = self.ownerWord();
        if (@cmpxchgStrong(u64, &self.record.owner, owner, mine, .seq_cst, .seq_cst) != null) {
            return false;
        }
        remove(&self.record.candidates, self.slot);
        self.rewind();
        return true;
    }

    /// Lets go, and is no candidate any more. `wake` gets the slots that would take over.
    pub fn release(self: *Channel, wake: *SlotSet) void {
        wake.* = @splat(0);
        remove(&self.record.candidates, self.slot);
        const mine = self.ownerWord();
        if (@cmpxchgStrong(u64, &self.record.owner, mine, 0, .seq_cst, .seq_cst) != null) return;
        for (wake, &self.record.candidates) |*to, *from| to.* = @atomicLoad(u64, from, .seq_cst);
    }

    /// Whether another listener that lives consumes, or would.
    pub fn hasRival(self: *const Channel) bool {
        const owner = @atomicLoad(u64, &self.record.owner, .seq_cst);
        if (owner != self.ownerWord() and self.lives(owner)) return true;
        for (0..limits.slots_max) |slot| {
            if (slot == self.slot or !contains(&self.record.candidates, @intCast(slot))) continue;
            if (self.segment.incarnationOf(@intCast(slot)) != 0) return true;
        }
        return false;
    }

    /// Copies at most `max` messages that were not handed out yet to `target`, each behind its
    /// `Taken` and padded to eight bytes. How many.
    pub fn take(self: *Channel, target: []align(8) u8, max: u32) Error!u32 {
        if (!self.owns()) return error.NotOwner;
        if (@atomicLoad(u32, &self.record.sleeper, .monotonic) != 0) {
            @atomicStore(u32, &self.record.sleeper, 0, .seq_cst);
        }
        const claimed = self.claimedRings();
        if (claimed == 0) return 0;
        var used: usize = 0;
        var count: u32 = 0;
        self.turn = (self.turn + 1) % claimed;
        for (0..claimed) |offset| {
            const number: u32 = @intCast((self.turn + offset) % claimed);
            if (!self.isOurs(number)) continue;
            const source = self.ringAt(number);
            const end = source.head();
            while (count < max) {
                const rest: []align(8) u8 = @alignCast(target[used..]);
                const before = self.handed_out[number].count;
                const size = try source.read(&self.handed_out[number], end, rest);
                if (size == 0) break;
                tell(rest[0..@sizeOf(Taken)], number, before);
                used += size;
                count += 1;
            }
        }
        return count;
    }

    /// What was handed out is done with. `wake` gets the slots that waited for room.
    pub fn acknowledge(self: *Channel, wake: *SlotSet) Error!void {
        wake.* = @splat(0);
        if (!self.owns()) return error.NotOwner;
        for (0..self.claimedRings()) |number| {
            if (!self.isOurs(@intCast(number))) continue;
            const source = self.ringAt(@intCast(number));
            const done = self.handed_out[number];
            if (source.tail() != done) source.acknowledge(done);
        }
        for (wake, &self.record.waiting) |*to, *from| {
            if (@atomicLoad(u64, from, .seq_cst) == 0) continue;
            to.* = @atomicRmw(u64, from, .Xchg, 0, .seq_cst);
        }
    }

    /// What was handed out and not acknowledged will be handed out again.
    pub fn rewind(self: *Channel) void {
        // Rings that nobody has claimed yet start at zero too, and only a consumer moves a tail.
        for (&self.handed_out, 0..) |*to, number| to.* = self.ringAt(@intCast(number)).tail();
    }

    /// True: nothing is there, and the doorbell of this slot will be rung when something is.
    pub fn maySleep(self: *Channel) bool {
        @atomicStore(u32, &self.record.sleeper, @as(u32, self.slot) + 1, .seq_cst);
        for (0..self.claimedRings()) |number| {
            if (!self.isOurs(@intCast(number))) continue;
            if (self.ringAt(@intCast(number)).head() == self.handed_out[number]) continue;
            @atomicStore(u32, &self.record.sleeper, 0, .seq_cst);
            return false;
        }
        return true;
    }

    pub fn stats(self: *const Channel) Error!Stats {
        var result: Stats = std.mem.zeroes(Stats);
        for (0..self.claimedRings()) |number| {
            if (!self.isOurs(@intCast(number))) continue;
            const one = self.ringAt(@intCast(number));
            const ends = try one.snapshot();
            result.sent += @floatFromInt(ends.head.count);
            result.acknowledged += @floatFromInt(ends.tail.count);
            result.producers += 1;
            const time = one.oldest() orelse continue;
            if (result.oldest_ns == 0 or time < result.oldest_ns) result.oldest_ns = time;
        }
        result.consumed = @intFromBool(self.lives(@atomicLoad(u64, &self.record.owner, .seq_cst)));
        return result;
    }

    fn countCredit(self: *const Channel) Error!u32 {
        var depth: u64 = 0;
        var producers: u32 = 0;
        for (0..self.claimedRings()) |number| {
            if (!self.isOurs(@intCast(number))) continue;
            const ends = try self.ringAt(@intCast(number)).snapshot();
            depth += ends.head.count -% ends.tail.count;
            producers += 1;
        }
        if (depth >= self.capacity) return 0;
        const room: u32 = @intCast(self.capacity - depth);
        return @max(1, room / (credit_share * @max(1, producers)));
    }

    fn claimRing(self: *Channel) Error!u32 {
        const word = @as(u32, self.id) << 16 | (@as(u32, self.slot) + 1);
        const directory = self.segment.channels();
        for (&directory.rings, 0..) |*claimed, number| {
            if (!claim(u32, claimed, word)) continue;
            const own = self.ringAt(@intCast(number));
            _ = try own.snapshot();
            self.tail_seen = own.tail();
            self.own_ring = @intCast(number);
            return @intCast(number);
        }
        return error.TooManyRings;
    }

    fn claimedRings(self: *const Channel) u32 {
        for (&self.segment.channels().rings, 0..) |*word, number| {
            if (@atomicLoad(u32, word, .seq_cst) == 0) return @intCast(number);
        }
        return limits.channel_rings_max;
    }

    fn isOurs(self: *const Channel, number: u32) bool {
        const word = @atomicLoad(u32, &self.segment.channels().rings[number], .monotonic);
        return word >> 16 == self.id;
    }

    fn ringAt(self: *const Channel, number: u32) ring.Ring {
        return .{
            .ends = &self.segment.channels().ends[number],
            .words = &self.segment.channelRings()[number],
        };
    }

    fn owns(self: *const Channel) bool {
        return @atomicLoad(u64, &self.record.owner, .monotonic) == self.ownerWord();
    }

    fn ownerWord(self: *const Channel) u64 {
        return @as(u64, self.slot) + 1 << 32 | self.incarnation;
    }

    fn lives(self: *const Channel, owner: u64) bool {
        if (owner == 0 or owner >> 32 > limits.slots_max) return false;
        const slot: u32 = @intCast((owner >> 32) -| 1);
        return self.segment.incarnationOf(slot) == @as(u32, @truncate(owner));
    }
};

/// Turns the frame in front of a message into what the consumer is told.
fn tell(target: *align(8) [@sizeOf(Taken)]u8, number: u32, before: u45) void {
    const frame: ring.Frame = @bitCast(target.*);
    const taken: Taken = .{
        .length = frame.length,
        .ring = @intCast(number),
        .kind = frame.kind,
        .number = @floatFromInt(before),
    };
    target.* = @bitCast(taken);
}

fn claimRecord(directory: *Directory, seed: u64, name: []const u8) Error!u16 {
    const hash = std.hash.Wyhash.hash(seed, name);
    const word = if (hash == 0) 1 else hash;
    for (&directory.records, 0..) |*record, number| {
        if (claim(u64, &record.name, word)) return @intCast(number);
    }
    return error.TooManyChannels;
}

/// Whether `target` is `word` now: it was before, or it was free.
fn claim(comptime Word: type, target: *Word, word: Word) bool {
    const found = @atomicLoad(Word, target, .seq_cst);
    if (found == word) return true;
    if (found != 0) return false;
    const other = @cmpxchgStrong(Word, target, 0, word, .seq_cst, .seq_cst) orelse return true;
    return other == word;
}

fn add(set: *SlotSet, slot: u16) void {
    _ = @atomicRmw(u64, &set[slot / 64], .Or, bitOf(slot), .seq_cst);
}

fn remove(set: *SlotSet, slot: u16) void {
    _ = @atomicRmw(u64, &set[slot / 64], .And, ~bitOf(slot), .seq_cst);
}

fn contains(set: *const SlotSet, slot: u16) bool {
    return @atomicLoad(u64, &set[slot / 64], .seq_cst) & bitOf(slot) != 0;
}

fn bitOf(slot: u16) u64 {
    return @as(u64, 1) << @intCast(slot % 64);
}

comptime {
    assert(@sizeOf(Record) == 384);
    assert(@sizeOf(Stats) == 32);
}

const testing = std.testing;

fn openTest(segment: *Segment, slot: u32, capacity: u32, name: []const u8) !*Channel {
    if (segment.incarnationOf(slot) == 0) _ = segment.claimSlot(slot);
    return Channel.open(testing.allocator, segment, slot, capacity, name);
}

fn text(bytes: []const u8) ring.Message {
    return .{ .bytes = bytes, .kind = 0, .time = 1 };
}

/// The only message of a taken buffer.
fn messageOf(target: []align(8) const u8) []const u8 {
    const taken: Taken = @bitCast(target[0..16].*);
    return target[16..][0..taken.length];
}

test "what comes again has the same ring and number" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const one = try openTest(segment, 0, 100, "events");
    defer testing.allocator.destroy(one);
    const two = try openTest(segment, 1, 100, "events");
    defer testing.allocator.destroy(two);
    for (0..3) |_| _ = try one.send(text("x"));
    _ = try two.send(text("y"));
    var wake: SlotSet = undefined;
    var target: [128]u8 align(8) = undefined;
    try testing.expect(one.lease());
    one.turn = 1;
    try testing.expectEqual(1, try one.take(&target, 1));
    try one.acknowledge(&wake);
    for (0..2) |_| {
        one.turn = 1;
        try testing.expectEqual(3, try one.take(&target, 10));
        for ([_]Taken{
            .{ .length = 1, .ring = 0, .kind = 0, .number = 1 },
            .{ .length = 1, .ring = 0, .kind = 0, .number = 2 },
            .{ .length = 1, .ring = 1, .kind = 0, .number = 0 },
        }, 0..) |expected, index| {
            const taken: Taken = @bitCast(target[24 * index ..][0..16].*);
            try testing.expectEqual(expected, taken);
        }
        one.rewind();
    }
}

test "what two senders sent arrives in order per sender, and other channels see nothing of it" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const one = try openTest(segment, 0, 100, "events");
    defer testing.allocator.destroy(one);
    const two = try openTest(segment, 1, 100, "events");
    defer testing.allocator.destroy(two);
    const other = try openTest(segment, 0, 100, "other");
    defer testing.allocator.destroy(other);
    _ = try one.send(text("a1"));
    _ = try two.send(text("b1"));
    _ = try one.send(text("a2"));
    _ = try other.send(text("no"));
    var target: [256]u8 align(8) = undefined;
    try testing.expectError(error.NotOwner, two.take(&target, 10));
    try testing.expect(two.lease());
    try testing.expect(!one.lease());
    try testing.expectEqual(3, try two.take(&target, 10));
    try testing.expectEqual(0, try two.take(&target, 10));
    var a: u8 = 0;
    var at: usize = 0;
    for (0..3) |_| {
        const message = messageOf(@alignCast(target[at..]));
        if (message[0] == 'a') {
            try testing.expect(message[1] > a);
            a = message[1];
        }
        at += 24;
    }
    try testing.expectEqual('2', a);
    const stats = try one.stats();
    try testing.expectEqual(3, stats.sent);
    try testing.expectEqual(0, stats.acknowledged);
    try testing.expectEqual(2, stats.producers);
    try testing.expectEqual(1, stats.consumed);
}

test "what was not acknowledged comes again, also to the next consumer" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const one = try openTest(segment, 0, 100, "events");
    defer testing.allocator.destroy(one);
    const two = try openTest(segment, 1, 100, "events");
    defer testing.allocator.destroy(two);
    var target: [64]u8 align(8) = undefined;
    var wake: SlotSet = undefined;
    for ([_][]const u8{ "1", "2", "3" }) |bytes| _ = try one.send(text(bytes));
    try testing.expect(one.lease());
    try testing.expectEqual(1, try one.take(&target, 1));
    try one.acknowledge(&wake);
    try testing.expectEqual(1, try one.take(&target, 1));
    one.rewind();
    try testing.expectEqual(1, try one.take(&target, 1));
    try testing.expectEqualStrings("2", messageOf(&target));
    try testing.expect(!two.lease());
    try testing.expect(one.hasRival());
    segment.releaseSlot(0);
    try testing.expect(two.lease());
    try testing.expectEqual(1, try two.take(&target, 1));
    try testing.expectEqualStrings("2", messageOf(&target));
    // The old one, should it still run, can neither acknowledge nor send.
    try testing.expectError(error.NotOwner, one.acknowledge(&wake));
    try testing.expectError(error.NotOwner, one.send(text("4")));
    try two.acknowledge(&wake);
    // Its slot goes on where it ended.
    const three = try openTest(segment, 0, 100, "events");
    defer testing.allocator.destroy(three);
    _ = try three.send(text("4"));
    try testing.expectEqual(1, try two.take(&target, 1));
    try testing.expectEqualStrings("3", messageOf(&target));
    try testing.expectEqual(1, try two.take(&target, 1));
    try testing.expectEqualStrings("4", messageOf(&target));
    try testing.expectEqual(1, (try two.stats()).producers);
    two.release(&wake);
    try testing.expectEqual(0, (try two.stats()).consumed);
}

test "a sender that is alone stops at the capacity, several of them shortly above" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const one = try openTest(segment, 0, 1_000, "events");
    defer testing.allocator.destroy(one);
    for (0..1_000) |_| _ = try one.send(text("x"));
    try testing.expectError(error.ChannelFull, one.send(text("x")));
    var senders: [8]*Channel = undefined;
    for (&senders, 0..) |*sender, slot| {
        sender.* = try openTest(segment, @intCast(slot), 1_000, "several");
    }
    defer for (senders) |sender| testing.allocator.destroy(sender);
    var random = std.Random.DefaultPrng.init(1);
    var total: u32 = 0;
    for (0..20_000) |_| {
        const sender = senders[random.random().uintLessThan(u32, senders.len)];
        _ = sender.send(text("x")) catch |err| {
            try testing.expectEqual(error.ChannelFull, err);
            continue;
        };
        total += 1;
    }
    try testing.expect(total >= 1_000);
    try testing.expect(total <= 1_000 + 1_000 / credit_share);
}

test "sleepers are named once, and nobody goes to sleep over something" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const sender = try openTest(segment, 3, 2, "events");
    defer testing.allocator.destroy(sender);
    const consumer = try openTest(segment, 70, 2, "events");
    defer testing.allocator.destroy(consumer);
    var target: [64]u8 align(8) = undefined;
    var wake: SlotSet = undefined;
    try testing.expect(consumer.lease());
    try testing.expect(consumer.maySleep());
    try testing.expectEqual(71, try sender.send(text("1")));
    try testing.expectEqual(0, try sender.send(text("2")));
    try testing.expect(!consumer.maySleep());
    try testing.expectError(error.ChannelFull, sender.send(text("3")));
    try testing.expect(try sender.mustWait(1));
    try testing.expectEqual(2, try consumer.take(&target, 10));
    try testing.expect(consumer.maySleep());
    try consumer.acknowledge(&wake);
    try testing.expectEqual(SlotSet{ 1 << 3, 0, 0, 0 }, wake);
    try consumer.acknowledge(&wake);
    try testing.expectEqual(@as(SlotSet, @splat(0)), wake);
    try testing.expect(!try sender.mustWait(1));
    try testing.expect(!sender.lease());
    consumer.release(&wake);
    try testing.expectEqual(SlotSet{ 1 << 3, 0, 0, 0 }, wake);
    try testing.expect(sender.lease());
}

test "limits of the directory are errors of their own" {
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    var names: [limits.channels_max][1]u8 = undefined;
    var opened: [limits.channels_max]*Channel = undefined;
    for (&names, &opened, 0..) |*name, *channel, index| {
        name[0] = @intCast(index);
        channel.* = try openTest(segment, 0, 1, name);
    }
    defer for (opened) |channel| testing.allocator.destroy(channel);
    try testing.expectError(error.TooManyChannels, openTest(segment, 0, 1, "one more"));
    try testing.expectError(error.InvalidArgument, openTest(segment, 0, 0, &names[0]));
    _ = segment.claimSlot(1);
    for (0..limits.slots_max) |slot| {
        const channel = try openTest(segment, @intCast(slot), 1_000, &names[5]);
        defer testing.allocator.destroy(channel);
        if (slot < limits.channel_rings_max) {
            _ = try channel.send(text("x"));
        } else {
            try testing.expectError(error.TooManyRings, channel.send(text("x")));
        }
    }
}

test "threads that send and a consumer that moves between threads lose nothing" {
    const senders = 3;
    const each = 20_000;
    const segment = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer segment.close(testing.allocator);
    const produce = struct {
        fn run(channel: *Channel) void {
            var number: u64 = 0;
            while (number < each) {
                const message: ring.Message = .{
                    .bytes = std.mem.asBytes(&number),
                    .kind = channel.slot,
                    .time = 1,
                };
                _ = channel.send(message) catch {
                    std.Thread.yield() catch {};
                    continue;
                };
                number += 1;
            }
        }
    }.run;
    var channels: [senders]*Channel = undefined;
    var threads: [senders]std.Thread = undefined;
    for (&channels, &threads, 0..) |*channel, *thread, slot| {
        channel.* = try openTest(segment, @intCast(slot), 500, "events");
        thread.* = try .spawn(.{}, produce, .{channel.*});
    }
    defer for (channels) |channel| testing.allocator.destroy(channel);
    var next: [senders]u64 = @splat(0);
    var target: [4096]u8 align(8) = undefined;
    var wake: SlotSet = undefined;
    var done: u64 = 0;
    var slot: u32 = 100;
    while (done < senders * each) : (slot = 100 + (slot + 1) % 100) {
        const consumer = try openTest(segment, slot, 500, "events");
        defer testing.allocator.destroy(consumer);
        try testing.expect(consumer.lease());
        for (0..50) |_| {
            const count = try consumer.take(&target, 40);
            for (0..count) |index| {
                const frame: ring.Frame = @bitCast(target[index * 24 ..][0..16].*);
                const number = std.mem.bytesToValue(u64, target[index * 24 + 16 ..][0..8]);
                try testing.expectEqual(next[frame.kind], number);
                next[frame.kind] += 1;
            }
            try consumer.acknowledge(&wake);
            done += count;
            if (count == 0) std.Thread.yield() catch {};
        }
        // Handed out and then killed: the next consumer gets the same again.
        _ = try consumer.take(&target, 7);
        segment.releaseSlot(slot);
    }
    for (threads) |thread| thread.join();
    for (next) |number| try testing.expectEqual(each, number);
}
