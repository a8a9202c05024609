//! Invalidations that other clusters have to be told of: how many each listener has begun, and how
//! many of them have arrived where every cluster looks.
//!
//! Guarantees: an invalidation is owed before it takes effect here, and as long as it may not have
//! arrived, also when whoever began it is killed at any instruction. Numbers only go up, and what
//! is settled is true for ever, so it does not matter who settles, or how often.

const std = @import("std");
const limits = @import("limits.zig");
const segment = @import("segment.zig");
const shared_cache = @import("shared_cache.zig");

pub const Debt = extern struct {
    /// The latest one that was begun; only the listener in the slot adds to it.
    incurred: u64,
    /// All up to this one have arrived.
    settled: u64,

    fn isOpen(self: *const Debt) bool {
        const settled = @atomicLoad(u64, &self.settled, .seq_cst);
        return settled < @atomicLoad(u64, &self.incurred, .seq_cst);
    }
};

pub const Debts = struct {
    shared: *const segment.Segment,
    rows: *[limits.slots_max]Debt,

    pub fn of(shared: *const segment.Segment) Debts {
        return .{ .shared = shared, .rows = &shared_cache.SharedCache.of(shared).table.debts };
    }

    /// Whoever sees the invalidation take effect sees that it is owed.
    pub fn incur(self: Debts, slot: u32) u64 {
        return @atomicRmw(u64, &self.rows[slot].incurred, .Add, 1, .seq_cst) + 1;
    }

    /// What was never incurred is not settled: it would hide what comes.
    pub fn settle(self: Debts, slot: u32, number: u64) void {
        const row = &self.rows[slot];
        if (number > @atomicLoad(u64, &row.incurred, .seq_cst)) return;
        _ = @atomicRmw(u64, &row.settled, .Max, number, .seq_cst);
    }

    /// Whether anybody owes.
    pub fn areOpen(self: Debts) bool {
        for (self.rows) |*row| if (row.isOpen()) return true;
        return false;
    }

    /// The latest one that the slot owes; 0: nothing.
    pub fn owedBy(self: Debts, slot: u32) u64 {
        const row = &self.rows[slot];
        // Read first: what is incurred in between is not part of the answer.
        const incurred = @atomicLoad(u64, &row.incurred, .seq_cst);
        return if (@atomicLoad(u64, &row.settled, .seq_cst) < incurred) incurred else 0;
    }

    /// The same, of a slot that nobody holds: whoever owed it is dead.
    pub fn leftBy(self: Debts, slot: u32) u64 {
        return if (self.shared.incarnationOf(slot) == 0) self.owedBy(slot) else 0;
    }
};

test "what is incurred is owed until all up to it is settled" {
    const shared = try segment.Segment.create(std.testing.allocator, .{ .shared = 0 });
    defer shared.close(std.testing.allocator);
    const debts = Debts.of(shared);
    try std.testing.expect(!debts.areOpen());
    try std.testing.expectEqual(1, debts.incur(3));
    try std.testing.expectEqual(2, debts.incur(3));
    debts.settle(3, 1);
    try std.testing.expect(debts.areOpen());
    try std.testing.expectEqual(2, debts.owedBy(3));
    try std.testing.expectEqual(0, debts.owedBy(4));
    debts.settle(3, 3);
    try std.testing.expect(debts.areOpen());
    debts.settle(3, 2);
    debts.settle(3, 1);
    try std.testing.expect(!debts.areOpen());
    try std.testing.expectEqual(0, debts.owedBy(3));
}

test "what a dead listener owes is left to the others, what a living one owes is not" {
    const shared = try segment.Segment.create(std.testing.allocator, .{ .shared = 0 });
    defer shared.close(std.testing.allocator);
    const debts = Debts.of(shared);
    _ = shared.claimSlot(7);
    _ = debts.incur(7);
    try std.testing.expectEqual(0, debts.leftBy(7));
    shared.releaseSlot(7);
    try std.testing.expectEqual(1, debts.leftBy(7));
    debts.settle(7, 1);
    try std.testing.expectEqual(0, debts.leftBy(7));
}
