//! A bounded map from 64-bit keys to one 64-bit word each, shared by processes: rate limits, and
//! who computes what.
//!
//! A word is a point in time in nanoseconds (callers may keep something in its low bits): once it
//! has passed, by more than `grace_ns`, its key may give way to another. Zero has always passed.
//!
//! Guarantees: a key has at most one entry, whoever inserts it at the same time, and a process that
//! is killed at any instruction leaves nothing that others have to wait for.
//! - Key and word lie side by side and change together, by a compare-and-swap of 128 bits.
//! - An insertion is first announced in the head of its bucket, by compare-and-swap too, and can
//!   then be finished by anybody: whoever meets the announcement finishes it before going on.
//! Refuses: key 0. A bucket whose entries are all in use gives up the one that ends first; the
//! caller is told.

const std = @import("std");
const assert = std.debug.assert;

/// Clocks of two processes are read apart; what ended only just now is not given away yet.
pub const grace_ns: u64 = 10 * std.time.ns_per_ms;

pub const entries_per_bucket = 7;

/// Two cache lines. All zeros: empty, no insertion going on.
pub const Bucket = extern struct {
    head: Pair align(128),
    entries: [entries_per_bucket]Pair,
};

/// What is swapped as one. In an entry: key and word; a free one has key 0 and, as its word, when
/// it was freed, so that no two states of it look alike. In a head: the key that is being inserted
/// and a ticket, which counts announcements and has the number of the entry plus one in its low
/// byte, 0 while there is none.
pub const Pair = extern struct {
    key: u64 align(16),
    word: u64,

    fn load(self: *const Pair) Pair {
        // Two loads: what does not belong together fails in the swap that follows every load.
        const word = @atomicLoad(u64, &self.word, .acquire);
        return .{ .key = @atomicLoad(u64, &self.key, .acquire), .word = word };
    }

    fn swap(self: *Pair, from: Pair, to: Pair) bool {
        const target: *u128 = @ptrCast(self);
        return @cmpxchgStrong(u128, target, from.bits(), to.bits(), .acq_rel, .acquire) == null;
    }

    fn equals(self: Pair, other: Pair) bool {
        return self.key == other.key and self.word == other.word;
    }

    fn bits(self: Pair) u128 {
        return @bitCast([2]u64{ self.key, self.word });
    }
};

/// An entry, as it was when it was found.
pub const Found = struct {
    pair: *Pair,
    seen: Pair,
    /// An entry in use was given up for it.
    evicted: bool = false,

    pub fn word(self: Found) u64 {
        return self.seen.word;
    }

    /// False: somebody was faster, and the key has to be looked up again.
    pub fn replace(self: Found, new: u64) bool {
        return self.pair.swap(self.seen, .{ .key = self.seen.key, .word = new });
    }
};

pub const WordMap = struct {
    /// A power of two of them.
    buckets: []Bucket,

    /// Null: no entry, which is the same as a word of 0.
    pub fn find(self: WordMap, key: u64) ?Found {
        assert(key != 0);
        for (&self.bucketOf(key).entries) |*pair| {
            if (@atomicLoad(u64, &pair.key, .acquire) != key) continue;
            const seen = pair.load();
            if (seen.key == key) return .{ .pair = pair, .seen = seen };
        }
        return null;
    }

    /// The entry of a key; a new one has the word 0. `now_ns` decides only which others have ended.
    pub fn findOrInsert(self: WordMap, key: u64, now_ns: u64) Found {
        assert(key != 0);
        const bucket = self.bucketOf(key);
        var evicted = false;
        while (true) {
            const head = bucket.head.load();
            if (isAnnouncement(head)) {
                finish(bucket, head);
                continue;
            }
            if (self.find(key)) |found| {
                return .{ .pair = found.pair, .seen = found.seen, .evicted = evicted };
            }
            const index = freeEntry(bucket, now_ns, &evicted) orelse continue;
            const announced: Pair = .{ .key = key, .word = head.word + 0x100 + index + 1 };
            if (bucket.head.swap(head, announced)) finish(bucket, announced);
        }
    }

    fn bucketOf(self: WordMap, key: u64) *Bucket {
        assert(std.math.isPowerOfTwo(self.buckets.len));
        // Callers' keys are hashes, so any of their bits will do.
        return &self.buckets[@intCast(key & (self.buckets.len - 1))];
    }
};

fn isAnnouncement(head: Pair) bool {
    return head.word & 0xff != 0;
}

/// Puts the announced key into its entry, if nobody has, and takes the announcement away.
fn finish(bucket: *Bucket, announced: Pair) void {
    const entry = &bucket.entries[@intCast((announced.word & 0xff) - 1)];
    const seen = entry.load();
    // Read after the entry: as long as the announcement stands, what was seen is not out of date,
    // and a free entry never looks the same twice.
    if (!bucket.head.load().equals(announced)) return;
    if (seen.key == 0) _ = entry.swap(seen, .{ .key = announced.key, .word = 0 });
    const idle: Pair = .{ .key = 0, .word = (announced.word | 0xff) ^ 0xff };
    _ = bucket.head.swap(announced, idle);
}

/// Null: somebody was faster, try again.
fn freeEntry(bucket: *Bucket, now_ns: u64, evicted: *bool) ?u8 {
    var first: u8 = 0;
    var first_seen = bucket.entries[0].load();
    for (&bucket.entries, 0..) |*entry, index| {
        const seen = entry.load();
        if (seen.key == 0) return @intCast(index);
        if (seen.word < first_seen.word) {
            first = @intCast(index);
            first_seen = seen;
        }
    }
    if (first_seen.key == 0) return null;
    const ended = first_seen.word +| grace_ns <= now_ns;
    if (!bucket.entries[first].swap(first_seen, .{ .key = 0, .word = now_ns | 1 })) return null;
    if (!ended) evicted.* = true;
    return first;
}

comptime {
    assert(@sizeOf(Bucket) == 128);
    assert(entries_per_bucket < 0xff);
}

const testing = std.testing;

test "a key keeps its word" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)} ** 4;
    const map: WordMap = .{ .buckets = &buckets };
    try testing.expectEqual(null, map.find(9));
    const inserted = map.findOrInsert(9, 0);
    try testing.expectEqual(0, inserted.word());
    try testing.expect(inserted.replace(50));
    try testing.expect(!inserted.replace(60));
    try testing.expectEqual(50, map.find(9).?.word());
    try testing.expectEqual(50, map.findOrInsert(9, 0).word());
    try testing.expectEqual(null, map.find(13));
}

test "a full bucket gives up what has ended, then what ends first, and says so" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const map: WordMap = .{ .buckets = &buckets };
    for (1..entries_per_bucket + 1) |key| {
        try testing.expect(map.findOrInsert(key, 0).replace(1_000 * grace_ns + key));
    }
    try testing.expect(map.find(3).?.replace(grace_ns));
    try testing.expect(!map.findOrInsert(100, 2 * grace_ns).evicted);
    try testing.expectEqual(null, map.find(3));
    try testing.expect(map.find(100).?.replace(2_000 * grace_ns));
    const forced = map.findOrInsert(101, 2 * grace_ns);
    try testing.expect(forced.evicted);
    try testing.expectEqual(null, map.find(1));
    try testing.expectEqual(2_000 * grace_ns, map.find(100).?.word());
}

test "an insertion that was announced and abandoned is finished by the next one" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const map: WordMap = .{ .buckets = &buckets };
    buckets[0].head = .{ .key = 5, .word = 0x100 + 3 };
    _ = map.findOrInsert(6, 0);
    try testing.expectEqual(&buckets[0].entries[2], map.find(5).?.pair);
    try testing.expect(map.find(6) != null);
    // Killed between the entry and the head.
    buckets[0].head = .{ .key = 5, .word = 0x500 + 3 };
    _ = map.findOrInsert(7, 0);
    var count: usize = 0;
    for (buckets[0].entries) |entry| count += @intFromBool(entry.key == 5);
    try testing.expectEqual(1, count);
}

test "threads that insert and count together lose nothing and never split a key" {
    const keys = 40;
    const rounds = 20_000;
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)} ** 16;
    const map: WordMap = .{ .buckets = &buckets };
    const count = struct {
        fn run(shared: WordMap, seed: u64) void {
            var random = std.Random.DefaultPrng.init(seed);
            for (0..rounds) |_| {
                // Far in the future: no entry ends, and the buckets are large enough for all keys.
                const key = 1 + random.random().uintLessThan(u64, keys);
                while (true) {
                    const found = shared.findOrInsert(key, 0);
                    const word = if (found.word() == 0) std.math.maxInt(u63) else found.word();
                    if (found.replace(word + 1)) break;
                }
            }
        }
    }.run;
    var threads: [4]std.Thread = undefined;
    for (&threads, 0..) |*thread, seed| thread.* = try .spawn(.{}, count, .{ map, seed });
    for (threads) |thread| thread.join();
    var total: u64 = 0;
    for (buckets) |bucket| for (bucket.entries) |entry| {
        if (entry.key != 0) total += entry.word - std.math.maxInt(u63);
    };
    try testing.expectEqual(threads.len * rounds, total);
    for (1..keys + 1) |key| try testing.expect(map.find(key) != null);
}
