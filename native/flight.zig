//! Who computes what, so that the others wait: a lease per key in `word_map`.
//!
//! A word is the end of the lease, its low bits the owner: slot and the low half of its
//! incarnation. A lease that has ended, or whose owner is dead, is taken over by whoever comes.
//!
//! Guarantees: while an owner lives and its lease lasts, nobody else gets it, unless more
//! computations are under way than a bucket holds; then one is computed twice.

const std = @import("std");
const word_map = @import("word_map.zig");
const segment = @import("segment.zig");

/// The end of a lease is known to 17 ms, which is more than enough.
const owner_bits = 24;

pub fn acquire(
    shared: *const segment.Segment,
    slot: u32,
    hash: u64,
    now_ns: u64,
    end_ns: u64,
) bool {
    const map = shared.flights();
    while (true) {
        const found = map.findOrInsert(keyOf(hash), now_ns);
        if (isBusy(shared, found.word(), now_ns)) return false;
        if (found.replace(wordOf(shared, slot, end_ns))) return true;
    }
}

/// Does nothing where somebody else has taken it over.
pub fn release(shared: *const segment.Segment, slot: u32, hash: u64) void {
    const found = shared.flights().find(keyOf(hash)) orelse return;
    if (@as(u24, @truncate(found.word())) != ownerOf(shared, slot)) return;
    _ = found.replace(0);
}

pub fn isUnderWay(shared: *const segment.Segment, hash: u64, now_ns: u64) bool {
    const found = shared.flights().find(keyOf(hash)) orelse return false;
    return isBusy(shared, found.word(), now_ns);
}

fn isBusy(shared: *const segment.Segment, word: u64, now_ns: u64) bool {
    if (word >> owner_bits << owner_bits <= now_ns) return false;
    const owner: u24 = @truncate(word);
    const slot = owner >> 16;
    // Nobody is in a free slot, also where the low half of a former incarnation was 0.
    return shared.incarnationOf(slot) != 0 and owner == ownerOf(shared, slot);
}

fn wordOf(shared: *const segment.Segment, slot: u32, end_ns: u64) u64 {
    return end_ns >> owner_bits << owner_bits | ownerOf(shared, slot);
}

fn ownerOf(shared: *const segment.Segment, slot: u32) u24 {
    const incarnation: u16 = @truncate(shared.incarnationOf(slot));
    return @as(u24, @intCast(slot)) << 16 | incarnation;
}

fn keyOf(hash: u64) u64 {
    return @max(hash, 1);
}

const testing = std.testing;

test "one at a time computes, until it lets go, its time is over, or it is dead" {
    const shared = try segment.Segment.create(testing.allocator, .{ .shared = 0 });
    defer shared.close(testing.allocator);
    _ = shared.claimSlot(1);
    _ = shared.claimSlot(2);
    const second = std.time.ns_per_s;
    try testing.expect(acquire(shared, 1, 77, second, 3 * second));
    try testing.expect(!acquire(shared, 2, 77, second, 3 * second));
    try testing.expect(acquire(shared, 2, 78, second, 3 * second));
    release(shared, 2, 77);
    try testing.expect(isUnderWay(shared, 77, second));
    release(shared, 1, 77);
    try testing.expect(!isUnderWay(shared, 77, second));
    try testing.expect(acquire(shared, 2, 77, second, 3 * second));
    try testing.expect(acquire(shared, 1, 77, 3 * second, 5 * second));
    shared.releaseSlot(1);
    try testing.expect(!isUnderWay(shared, 77, 3 * second));
    _ = shared.claimSlot(1);
    try testing.expect(acquire(shared, 2, 77, 3 * second, 5 * second));
    while (shared.claimSlot(1) % 0x1_0000 != 0) {}
    try testing.expect(acquire(shared, 1, 99, 3 * second, 5 * second));
    shared.releaseSlot(1);
    try testing.expect(!isUnderWay(shared, 99, 3 * second));
}
