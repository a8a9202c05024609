//! Responses that all workers share. Bounded; scan-resistant by S3-FIFO (Yang, Zhang, Qiu, Yue and
//! Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023).
//!
//! Memory is divided into arenas of two rings: what is new begins in the small one; what is asked
//! for there, or comes back soon after it left, goes on to the main one. An arena has one writer at
//! a time: whoever takes it, for the few microseconds of a write. If every arena is taken, the
//! response is not stored: nobody waits. An arena whose writer was killed is taken over.
//!
//! Guarantees: a reader takes no part in any of this, and gets either a whole block with this very
//! key, made after the last invalidation of its cells, or nothing.
//! Refuses: blocks above a sixteenth of an arena.
//!
//! Invalidation: cells hold the number of the latest one that concerns them. Paths and tags are
//! hashed to cells, so that too much may be invalidated, never too little. A block is good if no
//! cell of it is newer than the beginning of its computation.

const std = @import("std");
const cache_debts = @import("cache_debts.zig");
const cache_index = @import("cache_index.zig");
const limits = @import("limits.zig");
const ring = @import("ring.zig");
const segment = @import("segment.zig");
const assert = std.debug.assert;
const Entry = cache_index.Entry;
const Ring = ring.Ring;

pub const Error = error{ NotFound, OutOfSpace, InvalidArgument };

/// What lies in the region beside the memory of the arenas. All zeros: empty.
pub const Table = extern struct {
    /// Number of the latest invalidation.
    invalidations: u64 align(64),
    /// The cell that concerns everything.
    all: u64,
    arenas: [limits.cache_arenas_max]Arena,
    /// Counted by the listeners, each in its own row: never torn, and kept when one dies.
    counters: [limits.slots_max]Counters,
    /// What other clusters have to be told, by slot.
    debts: [limits.slots_max]cache_debts.Debt,
    cells: [limits.cache_cells_max]u64,
    /// Who left the small ring lately, by hash: a newer one takes the place of an older.
    ghosts: [limits.cache_ghosts_max]u32,
    index: [limits.cache_buckets_max]cache_index.Bucket,
};

const Arena = extern struct {
    /// 0, or slot plus one and incarnation of the writer.
    owner: u64 align(64),
    evictions: u64,
    small: ring.Bounds,
    main: ring.Bounds,
};

/// Numbers of TypeScript, which counts. Whole cache lines: no two listeners write to the same one.
pub const Counters = extern struct { values: [16]f64 };

/// A block on its way in or out.
pub const Record = extern struct {
    born: u64,
    stored_ns: u64,
    fresh_until_ns: u64,
    stale_until_ns: u64,
    cells_count: u32,
    key_len: u32,
    head_len: u32,
    body_len: u32,
};

/// Of the whole cluster.
pub const Stats = extern struct {
    evictions: u64,
    bytes: u64,
    capacity: u64,
    block_bytes_max: u64,
    counters: Counters,
};

pub const SharedCache = struct {
    shared: *const segment.Segment,
    table: *Table,
    memory: []align(64) u8,

    pub fn of(shared: *const segment.Segment) SharedCache {
        return .{
            .shared = shared,
            .table = @ptrCast(shared.section(.cache)),
            .memory = @alignCast(shared.cacheMemory()),
        };
    }

    pub fn hashOf(self: SharedCache, key: []const u8) u64 {
        return std.hash.Wyhash.hash(self.shared.seed(), key);
    }

    pub fn cellOf(self: SharedCache, name: []const u8) u32 {
        return @intCast(self.hashOf(name) % limits.cache_cells_max);
    }

    /// Fills the record, and `buffer` with cells, head and body, each from a multiple of 8 on.
    /// With too small a buffer the record says how much is needed.
    pub fn get(
        self: SharedCache,
        key: []const u8,
        now_ns: u64,
        record: *Record,
        buffer: []u8,
    ) Error!void {
        const hash = self.hashOf(key);
        var all = self.index().candidates(hash);
        while (all.next()) |found| {
            const source = self.ringOf(found.entry) orelse continue;
            const block = source.header(found.entry.place) orelse continue;
            if (block.kind != .block or block.hash != hash or block.key_len != key.len) continue;
            const words = source.at(found.entry.place)[8..];
            const cells_words = ring.wordsOf(@as(u64, block.cells_count) * 4);
            if (!ring.equalBytes(key, words[cells_words..])) continue;
            record.* = recordOf(block);
            if (now_ns >= block.stale_until_ns or !self.isValid(block, words)) {
                _ = found.replace(.{});
                continue;
            }
            try copyOut(block, words, buffer);
            if (!source.holds(found.entry.place)) continue;
            found.visit();
            return;
        }
        return error.NotFound;
    }

    /// Somebody who keeps a copy says that it is still asked for.
    pub fn touch(self: SharedCache, key: []const u8) void {
        const hash = self.hashOf(key);
        var all = self.index().candidates(hash);
        while (all.next()) |found| if (self.hasHash(found.entry, hash)) return found.visit();
    }

    /// False: all arenas are being written to.
    pub fn put(
        self: SharedCache,
        slot: u32,
        record: Record,
        parts: ring.Parts,
    ) Error!bool {
        const units = parts.units();
        if (units > self.blockUnitsMax()) return error.OutOfSpace;
        const me = self.ownerWord(slot);
        const number = self.takeArena(slot, me) orelse return false;
        defer self.leaveArena(number, me);
        const hash = self.hashOf(parts.key);
        const returns = @atomicLoad(u32, self.ghostOf(hash), .monotonic) == ghostMark(hash);
        var location: Entry = .{ .arena = @intCast(number + 1), .main = returns };
        if (returns) self.makeRoomInMain(number, units) else self.makeRoomInSmall(number, units);
        const place = self.ringOf(location).?.append(blockOf(hash, units, record, parts), parts);
        location.place = @intCast(place);
        self.publish(number, hash, location);
        return true;
    }

    /// Without cells: everything. Seen by every reader when it returns.
    pub fn invalidate(self: SharedCache, cells: []const u32) Error!void {
        for (cells) |cell| if (cell >= limits.cache_cells_max) return error.InvalidArgument;
        const latest = &self.table.invalidations;
        const number = @atomicRmw(u64, latest, .Add, 1, .seq_cst) + 1;
        if (cells.len == 0) _ = @atomicRmw(u64, &self.table.all, .Max, number, .seq_cst);
        for (cells) |cell| _ = @atomicRmw(u64, &self.table.cells[cell], .Max, number, .seq_cst);
        // Once more: who saw the first number may have looked at the cells before they changed.
        _ = @atomicRmw(u64, latest, .Add, 1, .seq_cst);
    }

    pub fn stats(self: SharedCache) Stats {
        var result: Stats = .{
            .evictions = 0,
            .bytes = 0,
            .capacity = self.memory.len,
            .block_bytes_max = self.blockUnitsMax() * ring.unit_bytes,
            .counters = std.mem.zeroes(Counters),
        };
        for (&self.table.counters) |*row| {
            for (&result.counters.values, &row.values) |*sum, *value| {
                sum.* += @atomicLoad(f64, value, .monotonic);
            }
        }
        for (0..self.arenasCount()) |number| {
            const arena = &self.table.arenas[number];
            result.evictions += @atomicLoad(u64, &arena.evictions, .monotonic);
            const used = self.small(number).used() + self.main(number).used();
            result.bytes += used * ring.unit_bytes;
        }
        return result;
    }

    /// For tests: every block in its ring, every entry at its block. Nobody may write meanwhile.
    pub fn verify(self: SharedCache) bool {
        for (0..self.arenasCount()) |number| {
            if (!isSoundRing(self.small(number)) or !isSoundRing(self.main(number))) return false;
        }
        for (&self.table.index, 0..) |*bucket, number| for (bucket.entries) |word| {
            const entry: Entry = @bitCast(word);
            if (entry.arena == 0) {
                if (word != 0) return false;
                continue;
            }
            const source = self.ringOf(entry) orelse return false;
            const block = source.header(entry.place) orelse return false;
            if (block.kind != .block or cache_index.tagOf(block.hash) != entry.tag) return false;
            if (block.hash & (limits.cache_buckets_max - 1) != number) return false;
        };
        return true;
    }

    fn index(self: SharedCache) cache_index.Index {
        return .{ .buckets = &self.table.index };
    }

    fn isValid(self: SharedCache, block: ring.Header, words: []const u64) bool {
        if (@atomicLoad(u64, &self.table.all, .seq_cst) > block.born) return false;
        for (0..block.cells_count) |number| {
            const pair: [2]u32 = @bitCast(@atomicLoad(u64, &words[number / 2], .acquire));
            const cell = pair[number % 2];
            // Only what is being written over can be out of range.
            if (cell >= limits.cache_cells_max) return false;
            if (@atomicLoad(u64, &self.table.cells[cell], .seq_cst) > block.born) return false;
        }
        return true;
    }

    fn hasHash(self: SharedCache, entry: Entry, hash: u64) bool {
        const source = self.ringOf(entry) orelse return false;
        const block = source.header(entry.place) orelse return false;
        return block.hash == hash;
    }

    /// New in, older of the same key out. Two who do this at once may both be thrown out: a miss.
    fn publish(self: SharedCache, number: usize, hash: u64, location: Entry) void {
        if (self.index().insert(hash, location)) self.countEviction(number);
        var all = self.index().candidates(hash);
        while (all.next()) |found| {
            if (found.entry.isAt(location) or !self.hasHash(found.entry, hash)) continue;
            _ = found.replace(.{});
        }
    }

    fn makeRoomInSmall(self: SharedCache, number: usize, units: u64) void {
        const source = self.small(number);
        while (!source.fits(units, 0)) {
            const step = self.oldest(number, false) orelse continue;
            if (step.found) |found| {
                // Readers keep copies for a second and count as one visit then: one is enough.
                if (found.entry.visits == 0 or !self.promote(number, source, step)) {
                    if (!self.forget(number, step)) continue;
                    const mark = ghostMark(step.block.hash);
                    @atomicStore(u32, self.ghostOf(step.block.hash), mark, .monotonic);
                }
            }
            source.setTail(step.location.place + step.block.units);
        }
    }

    fn makeRoomInMain(self: SharedCache, number: usize, units: u64) void {
        const target = self.main(number);
        // Time is bounded: after so many second chances nobody gets another.
        var chances: u32 = 32;
        while (!target.fits(units, self.blockUnitsMax())) {
            const step = self.oldest(number, true) orelse continue;
            if (step.found) |found| {
                const again = chances > 0 and found.entry.visits > 0 and
                    target.fits(step.block.units, 0);
                chances -|= 1;
                if (!again or !self.move(number, target, step, found.entry.visits - 1)) {
                    if (!self.forget(number, step)) continue;
                }
            }
            target.setTail(step.location.place + step.block.units);
        }
    }

    const Step = struct { location: Entry, block: ring.Header, found: ?cache_index.Found };

    /// Null: it was no block, and is gone; or the ring made no sense, and is empty.
    fn oldest(self: SharedCache, number: usize, main_ring: bool) ?Step {
        var location: Entry = .{ .arena = @intCast(number + 1), .main = main_ring };
        const source = self.ringOf(location).?;
        location.place = @intCast(source.tail());
        const block = source.header(location.place) orelse {
            source.setTail(source.head());
            return null;
        };
        if (block.kind == .padding) {
            source.setTail(location.place + block.units);
            return null;
        }
        return .{
            .location = location,
            .block = block,
            .found = self.index().find(block.hash, location),
        };
    }

    fn promote(self: SharedCache, number: usize, source: Ring, step: Step) bool {
        assert(source.holds(step.location.place));
        self.makeRoomInMain(number, step.block.units);
        return self.move(number, source, step, 0);
    }

    /// Copies a block to the head of the main ring. False: a visit came between, look again.
    fn move(self: SharedCache, number: usize, source: Ring, step: Step, visits: u2) bool {
        const target = self.main(number);
        var entry = step.location;
        entry.main = true;
        entry.visits = visits;
        entry.tag = cache_index.tagOf(step.block.hash);
        entry.place = @intCast(target.appendCopy(source, step.location.place, step.block.units));
        return step.found.?.replace(entry);
    }

    /// False: it was visited meanwhile. Gone by another hand is gone as well.
    fn forget(self: SharedCache, number: usize, step: Step) bool {
        if (!step.found.?.replace(.{})) {
            if (self.index().find(step.block.hash, step.location) != null) return false;
        }
        self.countEviction(number);
        return true;
    }

    fn countEviction(self: SharedCache, number: usize) void {
        const evictions = &self.table.arenas[number].evictions;
        @atomicStore(u64, evictions, evictions.* + 1, .monotonic);
    }

    /// Its own first, so that writers seldom meet.
    fn takeArena(self: SharedCache, slot: u32, me: u64) ?usize {
        const count = self.arenasCount();
        // Who has no slot could not be told from a dead one.
        if (@as(u32, @truncate(me)) == 0) return null;
        for (0..count) |distance| {
            const number = (slot + distance) % count;
            const owner = &self.table.arenas[number].owner;
            const seen = @atomicLoad(u64, owner, .acquire);
            if (seen != 0 and self.lives(seen)) continue;
            if (@cmpxchgStrong(u64, owner, seen, me, .acq_rel, .acquire) == null) return number;
        }
        return null;
    }

    fn leaveArena(self: SharedCache, number: usize, me: u64) void {
        const owner = &self.table.arenas[number].owner;
        _ = @cmpxchgStrong(u64, owner, me, 0, .acq_rel, .monotonic);
    }

    fn ownerWord(self: SharedCache, slot: u32) u64 {
        return @as(u64, slot + 1) << 32 | self.shared.incarnationOf(slot);
    }

    fn lives(self: SharedCache, owner: u64) bool {
        const slot: u32 = @intCast((owner >> 32) - 1);
        if (slot >= limits.slots_max) return false;
        return self.shared.incarnationOf(slot) == @as(u32, @truncate(owner));
    }

    fn arenasCount(self: SharedCache) usize {
        return if (self.shared.isShared()) limits.cache_arenas_max else 1;
    }

    fn arenaUnits(self: SharedCache) usize {
        return self.memory.len / self.arenasCount() / ring.unit_bytes;
    }

    fn blockUnitsMax(self: SharedCache) u64 {
        return self.arenaUnits() / 16;
    }

    fn small(self: SharedCache, number: usize) Ring {
        return self.ringOf(.{ .arena = @intCast(number + 1), .main = false }).?;
    }

    fn main(self: SharedCache, number: usize) Ring {
        return self.ringOf(.{ .arena = @intCast(number + 1), .main = true }).?;
    }

    fn ringOf(self: SharedCache, entry: Entry) ?Ring {
        if (entry.arena > self.arenasCount()) return null;
        const arena = &self.table.arenas[entry.arena - 1];
        const units = self.arenaUnits();
        // An eighth: two of the largest blocks, so that one fits wherever the ring is.
        const small_units = units / 8;
        const memory: []u64 = @ptrCast(self.memory);
        const words = memory[(entry.arena - 1) * units * 8 ..][0 .. units * 8];
        return if (entry.main)
            .{ .bounds = &arena.main, .words = words[small_units * 8 ..] }
        else
            .{ .bounds = &arena.small, .words = words[0 .. small_units * 8] };
    }

    fn ghostOf(self: SharedCache, hash: u64) *u32 {
        return &self.table.ghosts[@intCast(hash % limits.cache_ghosts_max)];
    }
};

fn ghostMark(hash: u64) u32 {
    return @intCast(hash >> 32 | 1);
}

fn recordOf(block: ring.Header) Record {
    return .{
        .born = block.born,
        .stored_ns = block.stored_ns,
        .fresh_until_ns = block.fresh_until_ns,
        .stale_until_ns = block.stale_until_ns,
        .cells_count = block.cells_count,
        .key_len = block.key_len,
        .head_len = block.head_len,
        .body_len = block.body_len,
    };
}

fn blockOf(hash: u64, units: u64, record: Record, parts: ring.Parts) ring.Header {
    return .{
        .hash = hash,
        .units = @intCast(units),
        .kind = .block,
        .cells_count = @intCast(parts.cells.len / 4),
        .key_len = @intCast(parts.key.len),
        .head_len = @intCast(parts.head.len),
        .body_len = @intCast(parts.body.len),
        .born = record.born,
        .stored_ns = record.stored_ns,
        .fresh_until_ns = record.fresh_until_ns,
        .stale_until_ns = record.stale_until_ns,
    };
}

fn copyOut(block: ring.Header, words: []const u64, buffer: []u8) error{OutOfSpace}!void {
    const cells_len = block.cells_count * 4;
    const head_at = ring.wordsOf(cells_len);
    const body_at = head_at + ring.wordsOf(block.head_len);
    if (buffer.len < body_at * 8 + block.body_len) return error.OutOfSpace;
    const key_words = ring.wordsOf(block.key_len);
    ring.loadBytes(buffer[0..cells_len], words);
    ring.loadBytes(buffer[head_at * 8 ..][0..block.head_len], words[head_at + key_words ..]);
    ring.loadBytes(buffer[body_at * 8 ..][0..block.body_len], words[body_at + key_words ..]);
}

fn isSoundRing(source: Ring) bool {
    var place = source.tail();
    while (place < source.head()) {
        const block = source.header(place) orelse return false;
        place += block.units;
    }
    return place == source.head() and source.used() <= source.capacity();
}

comptime {
    assert(@sizeOf(Record) == 48);
    assert(@sizeOf(Counters) == 128);
    assert(limits.cache_arenas_max < 32);
}
