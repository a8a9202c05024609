//! A bounded map from 64-bit keys to one 64-bit word each, shared by processes: rate limits, and
//! who computes what.
//!
//! A word is a point in time in nanoseconds below 2^63 (callers may keep something in its low
//! bits): once it has passed, its key may give way to another. Zero has always passed.
//!
//! Guarantees: a key has at most one live entry, whoever inserts it at the same time, and a process
//! that is killed at any instruction leaves nothing that others have to wait for.
//! Refuses: key 0. A bucket whose entries are all in use gives up the one that ends first; the
//! caller is told.
//!
//! Key and word lie side by side and change together, by a compare-and-swap of 128 bits. An entry
//! of a new key is placed as pending, under a number that no other pending entry ever has. It is
//! made live, by anybody, once no other entry of the bucket has the key: the entries are looked at
//! after it was placed, and of two pending ones the upper one is taken away first.
//!
//! Why no two become live: let I be placed before J, and both become live. Whoever made J live
//! looked at I after J was placed, so after I was placed. I had the key then, live or pending, and
//! J, or I first, would have been taken away. What acts on a state that has passed (a process that
//! was asleep) fails, because no pending entry looks like another. It is Dekker's argument, so all
//! of it is sequentially consistent.

const std = @import("std");
const assert = std.debug.assert;

/// Clocks of two processes are read apart, and a process may sleep between its clock and its swap:
/// whoever has to be sure that a time is ahead for all of them adds this.
pub const grace_ns: u64 = 10 * std.time.ns_per_ms;

/// A pending entry that is older was left by a process that died, and is the first to go.
const pending_ms_max: u32 = 1_000;

pub const entries_per_bucket = 7;

/// Two cache lines. All zeros: empty.
pub const Bucket = extern struct {
    /// Numbers the pending entries, by its lower half: to mistake one for another, a process would
    /// have to sleep through 2^32 insertions into one bucket.
    tickets: u64 align(128),
    _pad: u64,
    entries: [entries_per_bucket]Pair,
};

/// Key and word of an entry; a free one is all zeros. The highest bit of the word says that it is
/// pending; then below it are 31 bits of milliseconds and 32 of its ticket.
pub const Pair = extern struct {
    key: u64 align(16),
    word: u64,

    const free: Pair = .{ .key = 0, .word = 0 };

    /// Two loads, so key and word may be of two states: nothing follows from a pair before a swap
    /// from it has succeeded.
    fn load(self: *const Pair) Pair {
        const word = @atomicLoad(u64, &self.word, .seq_cst);
        return .{ .key = @atomicLoad(u64, &self.key, .seq_cst), .word = word };
    }

    fn swap(self: *Pair, from: Pair, to: Pair) bool {
        const target: *u128 = @ptrCast(self);
        return @cmpxchgStrong(u128, target, from.bits(), to.bits(), .seq_cst, .seq_cst) == null;
    }

    fn pending(key: u64, now_ns: u64, ticket: u64) Pair {
        const time: u64 = milliseconds(now_ns);
        const number: u32 = @truncate(ticket);
        return .{ .key = key, .word = pending_bit | time << 32 | number };
    }

    fn isPending(self: Pair) bool {
        return self.word & pending_bit != 0;
    }

    fn isAbandoned(self: Pair, now_ns: u64) bool {
        const placed: u31 = @truncate(self.word >> 32);
        // Clocks are read apart: what was placed a moment ahead of us is not old.
        const age = milliseconds(now_ns) -% placed;
        return self.isPending() and age > pending_ms_max and age < std.math.maxInt(u31) / 2;
    }

    fn bits(self: Pair) u128 {
        return @bitCast([2]u64{ self.key, self.word });
    }
};

const pending_bit: u64 = 1 << 63;

fn milliseconds(now_ns: u64) u31 {
    return @truncate(now_ns / std.time.ns_per_ms);
}

/// A live entry, as it was when it was found. What its word says holds once `replace` or `confirm`
/// has succeeded.
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
        assert(new & pending_bit == 0);
        return self.pair.swap(self.seen, .{ .key = self.seen.key, .word = new });
    }

    /// Whether key and word belong together, for who decides by them without changing them.
    pub fn confirm(self: Found) bool {
        return self.pair.swap(self.seen, self.seen);
    }
};

pub const WordMap = struct {
    /// A power of two of them.
    buckets: []Bucket,

    /// Null: no entry, which is the same as a word of 0.
    pub fn find(self: WordMap, key: u64) ?Found {
        assert(key != 0);
        for (&self.bucketOf(key).entries) |*pair| {
            if (@atomicLoad(u64, &pair.key, .seq_cst) != key) continue;
            const seen = pair.load();
            if (seen.key == key and !seen.isPending()) return .{ .pair = pair, .seen = seen };
        }
        return null;
    }

    /// The entry of a key; a new one has the word 0. `now_ns` decides only which others have ended.
    pub fn findOrInsert(self: WordMap, key: u64, now_ns: u64) Found {
        const bucket = self.bucketOf(key);
        var evicted = false;
        while (true) {
            if (self.find(key)) |found| {
                return .{ .pair = found.pair, .seen = found.seen, .evicted = evicted };
            }
            const index = pendingOf(bucket, key) orelse place(bucket, key, now_ns, &evicted);
            if (index) |placed| enliven(bucket, key, placed);
        }
    }

    fn bucketOf(self: WordMap, key: u64) *Bucket {
        assert(std.math.isPowerOfTwo(self.buckets.len));
        // Callers' keys are hashes, so any of their bits will do.
        return &self.buckets[@intCast(key & (self.buckets.len - 1))];
    }
};

fn pendingOf(bucket: *Bucket, key: u64) ?usize {
    for (&bucket.entries, 0..) |*pair, index| {
        const seen = pair.load();
        if (seen.key == key and seen.isPending()) return index;
    }
    return null;
}

/// Makes the pending entry at `index` live, or takes it away where another has the key. Whatever
/// happened, it is not pending any more, and the caller looks again.
fn enliven(bucket: *Bucket, key: u64, index: usize) void {
    while (!settle(bucket, key, index)) {}
}

/// False: another entry of the key changed meanwhile, and has to be looked at again.
fn settle(bucket: *Bucket, key: u64, index: usize) bool {
    const own = bucket.entries[index].load();
    if (own.key != key or !own.isPending()) return true;
    for (&bucket.entries, 0..) |*pair, other| {
        if (other == index) continue;
        const seen = pair.load();
        if (seen.key != key) continue;
        if (!seen.isPending() or other < index) {
            return bucket.entries[index].swap(own, .free);
        }
        if (!pair.swap(seen, .free)) return false;
    }
    return bucket.entries[index].swap(own, .{ .key = key, .word = 0 });
}

/// Gives an entry to the key, pending. Null: somebody was faster, try again.
fn place(bucket: *Bucket, key: u64, now_ns: u64, evicted: *bool) ?usize {
    var first: usize = 0;
    var first_seen: Pair = undefined;
    var first_rank: u64 = std.math.maxInt(u64);
    comptime assert(insertion_rank < std.math.maxInt(u64));
    for (&bucket.entries, 0..) |*pair, index| {
        const seen = pair.load();
        const rank = rankOf(seen, now_ns);
        if (rank >= first_rank) continue;
        first = index;
        first_seen = seen;
        first_rank = rank;
    }
    const ticket = @atomicRmw(u64, &bucket.tickets, .Add, 1, .seq_cst);
    const own: Pair = .pending(key, now_ns, ticket);
    if (!bucket.entries[first].swap(first_seen, own)) return null;
    const was_live = first_seen.key != 0 and !first_seen.isPending();
    if (was_live and first_seen.word > now_ns) evicted.* = true;
    return first;
}

/// An insertion that is going on is disturbed last; its process then begins anew.
const insertion_rank = pending_bit;

/// Which entry goes first: a free one, one that a dead process left, the one that ends first.
fn rankOf(seen: Pair, now_ns: u64) u64 {
    if (seen.key == 0) return 0;
    if (seen.isAbandoned(now_ns)) return 1;
    if (seen.isPending()) return insertion_rank;
    return @max(seen.word, 2);
}

comptime {
    assert(@sizeOf(Bucket) == 128);
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

test "an insertion that a dead process left is finished by the next one for its key" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const map: WordMap = .{ .buckets = &buckets };
    buckets[0].entries[2] = .pending(5, 0, 40);
    buckets[0].entries[4] = .pending(5, 0, 41);
    try testing.expectEqual(null, map.find(5));
    try testing.expectEqual(&buckets[0].entries[2], map.findOrInsert(5, 0).pair);
    try testing.expectEqual(Pair.free, buckets[0].entries[4]);
    // Killed beside an entry that is live.
    buckets[0].entries[0] = .pending(5, 0, 42);
    enliven(&buckets[0], 5, 0);
    try testing.expectEqual(&buckets[0].entries[2], map.find(5).?.pair);
    try testing.expectEqual(Pair.free, buckets[0].entries[0]);
}

test "insertions of dead processes go before entries in use, and never block a bucket" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const map: WordMap = .{ .buckets = &buckets };
    const now = 5_000 * std.time.ns_per_ms;
    for (&buckets[0].entries, 1..) |*entry, key| {
        entry.* = .{ .key = key, .word = 1_000 * now + key };
    }
    buckets[0].entries[3] = .pending(90, 1_000 * std.time.ns_per_ms, 7);
    try testing.expect(!map.findOrInsert(91, now).evicted);
    try testing.expectEqual(91, buckets[0].entries[3].key);
    for (&buckets[0].entries, 1..) |*entry, ticket| entry.* = .pending(50 + ticket, now, ticket);
    try testing.expect(!map.findOrInsert(92, now).evicted);
    try testing.expect(map.find(92) != null);
}

test "what is read of two states is found out by the swap" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const map: WordMap = .{ .buckets = &buckets };
    const found = map.findOrInsert(5, 0);
    try testing.expect(found.confirm());
    const torn: Found = .{ .pair = found.pair, .seen = .{ .key = 5, .word = 77 } };
    try testing.expect(!torn.confirm());
    try testing.expect(!torn.replace(78));
}

test "two threads that insert one key at the same instant leave it once, every time" {
    const Race = struct {
        map: WordMap,
        arrived: u32 = 0,

        fn run(self: *@This(), thread: u32) void {
            for (1..rounds + 1) |round| {
                _ = @atomicRmw(u32, &self.arrived, .Add, 1, .seq_cst);
                while (@atomicLoad(u32, &self.arrived, .seq_cst) < 2 * round) {
                    std.atomic.spinLoopHint();
                }
                // One of them takes the first free entry for another key, so that the two choose
                // different entries for the one that they share.
                const key = 1 + 2 * @as(u64, round);
                if (thread == round % 2) _ = self.map.findOrInsert(key + 1, round);
                _ = self.map.findOrInsert(key, round);
            }
        }

        const rounds = 50_000;
    };
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)} ** 1024;
    const map: WordMap = .{ .buckets = &buckets };
    var race: Race = .{ .map = map };
    const other: std.Thread = try .spawn(.{}, Race.run, .{ &race, 1 });
    race.run(0);
    other.join();
    for (&buckets) |*bucket| for (bucket.entries, 0..) |entry, index| {
        try testing.expect(!entry.isPending());
        for (bucket.entries[index + 1 ..]) |later| {
            try testing.expect(entry.key == 0 or entry.key != later.key);
        }
    };
}

test "threads that insert and count together lose nothing and never split a key" {
    const keys = 40;
    const rounds = 20_000;
    const far = 1 << 62;
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
                    const word = if (found.word() == 0) far else found.word();
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
        if (entry.key != 0) total += entry.word - far;
    };
    try testing.expectEqual(threads.len * rounds, total);
    for (1..keys + 1) |key| try testing.expect(map.find(key) != null);
}
