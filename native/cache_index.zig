//! Where the blocks of the shared cache lie: hash of a key → ring and place, in one word each.
//!
//! Guarantees: an entry changes by compare-and-swap of all of it, so a reader that was asleep
//! cannot bring one back or mark another. Nothing here is ever locked, and all zeros is empty.
//! Refuses: nothing. A bucket without room gives up the entry that was asked for least.

const std = @import("std");
const assert = std.debug.assert;

pub const Entry = packed struct(u64) {
    /// In units. 2^44 of them are a petabyte written to one ring.
    place: u44 = 0,
    main: bool = false,
    /// Number of the arena plus one; 0 is an empty entry.
    arena: u5 = 0,
    /// How often it was found since it was put where it is, up to `visits_max`.
    visits: u2 = 0,
    tag: u12 = 0,

    pub fn isAt(self: Entry, other: Entry) bool {
        return self.arena == other.arena and self.main == other.main and self.place == other.place;
    }
};

pub const visits_max = 3;

pub const Bucket = extern struct {
    entries: [8]u64 align(64),
};

pub fn tagOf(hash: u64) u12 {
    return @intCast(hash >> 52);
}

pub const Found = struct {
    slot: *u64,
    entry: Entry,

    pub fn replace(self: Found, new: Entry) bool {
        const from: u64 = @bitCast(self.entry);
        const to: u64 = @bitCast(new);
        return @cmpxchgStrong(u64, self.slot, from, to, .acq_rel, .acquire) == null;
    }

    /// May be lost where others change the entry too; then it was not forgotten anyway.
    pub fn visit(self: Found) void {
        if (self.entry.visits == visits_max) return;
        var visited = self.entry;
        visited.visits += 1;
        _ = self.replace(visited);
    }
};

pub const Index = struct {
    /// A power of two of them.
    buckets: []Bucket,

    pub fn bucketOf(self: Index, hash: u64) *Bucket {
        assert(std.math.isPowerOfTwo(self.buckets.len));
        return &self.buckets[@intCast(hash & (self.buckets.len - 1))];
    }

    /// The entries that may be those of a key: few but for the one, if any.
    pub fn candidates(self: Index, hash: u64) Candidates {
        return .{ .bucket = self.bucketOf(hash), .tag = tagOf(hash) };
    }

    /// The entry of the block that lies there.
    pub fn find(self: Index, hash: u64, location: Entry) ?Found {
        var all = self.candidates(hash);
        while (all.next()) |found| if (found.entry.isAt(location)) return found;
        return null;
    }

    /// True: another entry was given up for it.
    pub fn insert(self: Index, hash: u64, location: Entry) bool {
        var entry = location;
        entry.tag = tagOf(hash);
        // Whoever is overtaken that often leaves its block unknown, which is only a waste.
        for (0..64) |_| {
            const place = leastWanted(self.bucketOf(hash));
            if (place.replace(entry)) return place.entry.arena != 0;
        }
        return false;
    }
};

pub const Candidates = struct {
    bucket: *Bucket,
    tag: u12,
    index: usize = 0,

    pub fn next(self: *Candidates) ?Found {
        while (self.index < self.bucket.entries.len) {
            const slot = &self.bucket.entries[self.index];
            self.index += 1;
            const entry: Entry = @bitCast(@atomicLoad(u64, slot, .acquire));
            if (entry.arena == 0 or entry.tag != self.tag) continue;
            return .{ .slot = slot, .entry = entry };
        }
        return null;
    }
};

fn leastWanted(bucket: *Bucket) Found {
    var least: ?Found = null;
    for (&bucket.entries) |*slot| {
        const entry: Entry = @bitCast(@atomicLoad(u64, slot, .acquire));
        const found: Found = .{ .slot = slot, .entry = entry };
        if (entry.arena == 0) return found;
        if (least == null or entry.visits < least.?.entry.visits) least = found;
    }
    return least.?;
}

comptime {
    assert(@sizeOf(Bucket) == 64);
}

const testing = std.testing;

test "an entry is found by its hash and by its place, until it is replaced" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)} ** 2;
    const index: Index = .{ .buckets = &buckets };
    const hash = 0xabc0_0000_0000_0007;
    try testing.expect(!index.insert(hash, .{ .arena = 1, .place = 5 }));
    var all = index.candidates(hash);
    const found = all.next().?;
    try testing.expectEqual(5, found.entry.place);
    try testing.expectEqual(null, all.next());
    try testing.expectEqual(null, index.find(hash, .{ .arena = 1, .main = true, .place = 5 }));
    found.visit();
    // Seen before the visit: nothing that it decides may count any more.
    try testing.expect(!found.replace(.{}));
    const now = index.find(hash, .{ .arena = 1, .place = 5 }).?;
    try testing.expectEqual(1, now.entry.visits);
    try testing.expect(now.replace(.{}));
    try testing.expectEqual(null, index.find(hash, .{ .arena = 1, .place = 5 }));
}

test "a full bucket gives up what was asked for least" {
    var buckets = [_]Bucket{std.mem.zeroes(Bucket)};
    const index: Index = .{ .buckets = &buckets };
    for (0..8) |place| {
        const location: Entry = .{ .arena = 1, .place = @intCast(place) };
        try testing.expect(!index.insert(place << 52, location));
        if (place != 6) index.find(place << 52, location).?.visit();
    }
    try testing.expect(index.insert(9 << 52, .{ .arena = 1, .place = 9 }));
    try testing.expectEqual(null, index.find(6 << 52, .{ .arena = 1, .place = 6 }));
    try testing.expect(index.find(9 << 52, .{ .arena = 1, .place = 9 }) != null);
}
