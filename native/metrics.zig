//! Counters, gauges and histograms of a whole cluster, in the segment.
//!
//! A series is a text that is written once and never changes; its number is the place of the text.
//! Counts are kept in lines: one cache line of eight `f64`, for one series, one part of it and one
//! slot. Only the listener of that slot writes to it, with plain aligned stores, so
//! nothing is locked, nothing is lost, and the counts of a listener that died stay: a successor
//! on the same slot goes on from them.
//!
//! Guarantees: a series or a line is published with one store or one compare-and-swap, so a process
//! that dies anywhere leaves at most a few bytes that nobody uses. Sums never go backwards. What a
//! damaged segment says is checked before it is followed.
//! Refuses: more texts, series or lines than `limits.zig` says; the caller counts elsewhere.

const std = @import("std");
const limits = @import("limits.zig");
const assert = std.debug.assert;

pub const cells_per_line = 8;
pub const Line = [cells_per_line]f64;

/// A part below this is summed cell by cell over all slots.
pub const parts_max: u32 = 256;

/// Parts of a gauge, by how the values of living listeners become one. Cell 0 is the value, cell 1
/// the incarnation that wrote it.
pub const Gauge = enum(u32) { sum = parts_max, min = parts_max + 1, max = parts_max + 2 };

/// What belongs to which line; all zeros: not given out.
const Key = packed struct(u64) { series: u32, part: u16, slot: u16 };

/// In front of the bytes of a text, in the same array of words.
const Head = extern struct {
    len: u32,
    /// The family of a series; 0: the text is a family.
    parent: u32,
    /// Series of this family, for the limit.
    children: u32,
    hash: u32,
};
const head_words = @sizeOf(Head) / 8;

pub const Region = extern struct {
    /// Given out of `texts` and `lines`, the first of each excluded: the number 0 is nobody's.
    texts_used: u32,
    series_used: u32,
    lines_used: u32,
    _pad: [13]u32,
    /// Numbers of texts by their hash, open addressing.
    index: [limits.metric_index_max]u32,
    texts: [limits.metric_text_words_max]u64,
    keys: [limits.metric_lines_max]Key,
    lines: [limits.metric_lines_max]Line align(64),
};

/// Where TypeScript finds what it writes and reads by itself.
pub const Map = extern struct {
    lines_ptr: u64,
    texts_ptr: u64,
    lines_bytes: u32,
    texts_bytes: u32,
    /// Of the listener that holds the slot.
    incarnation: u32,
    _pad: u32 = 0,
};

/// A line that a slot has already.
pub const Owned = extern struct { series: u32, part: u32, line: u32, _pad: u32 = 0 };

/// One part of one series, over all slots.
pub const Total = extern struct { series: u32, part: u32, cells: Line };

pub const Summary = extern struct {
    /// Totals written, or needed where there was no space.
    totals: u32,
    /// Listeners that hold a slot, and all that ever did.
    listeners_alive: u32,
    listeners_started: u32,
    series: u32,
    lines: u32,
    _pad: u32 = 0,
};

pub const Error = error{ OutOfMemory, OutOfSpace, InvalidArgument, SegmentInvalid };

/// @returns the number of the text, which is the same for everybody. `limit` is how many series
/// the family may have; 0: as many as there is space for.
pub fn register(
    region: *Region,
    seed: u64,
    parent: u32,
    limit: u32,
    text: []const u8,
) Error!u32 {
    if (text.len == 0 or text.len > limits.metric_text_bytes_max) return error.InvalidArgument;
    if (parent != 0) _ = try textOf(region, parent);
    const hash = std.hash.Wyhash.hash(seed ^ parent, text);
    var prepared: u32 = 0;
    var place: usize = @truncate(hash);
    for (0..limits.metric_index_max) |_| {
        place &= limits.metric_index_max - 1;
        const entry = &region.index[place];
        var found = @atomicLoad(u32, entry, .acquire);
        if (found == 0) {
            // Written completely before anybody can find it: if this process dies, nobody does.
            if (prepared == 0) prepared = try prepare(region, parent, limit, @truncate(hash), text);
            const other = @cmpxchgStrong(u32, entry, 0, prepared, .acq_rel, .acquire);
            if (other == null) {
                if (parent != 0) countChild(region, parent);
                return prepared;
            }
            found = other.?;
        }
        if (try isSame(region, found, parent, @truncate(hash), text)) return found;
        place += 1;
    }
    return error.OutOfSpace;
}

fn prepare(region: *Region, parent: u32, limit: u32, hash: u32, text: []const u8) Error!u32 {
    if (parent != 0 and limit != 0) {
        if (@atomicLoad(u32, &headOf(region, parent).children, .monotonic) >= limit) {
            return error.OutOfSpace;
        }
    }
    _ = try reserve(&region.series_used, 1, limits.metric_series_max);
    const body_words: u32 = @intCast((text.len + 7) / 8);
    const words = head_words + body_words;
    const number = 1 + try reserve(&region.texts_used, words, limits.metric_text_words_max - 1);
    headOf(region, number).* = .{
        .len = @intCast(text.len),
        .parent = parent,
        .children = 0,
        .hash = hash,
    };
    const bytes = std.mem.sliceAsBytes(region.texts[number + head_words ..][0..body_words]);
    @memcpy(bytes[0..text.len], text);
    return number;
}

/// Never more than `max`, however often it is called: a number that wrapped would be given twice.
fn reserve(used: *u32, count: u32, max: u32) Error!u32 {
    var start = @atomicLoad(u32, used, .monotonic);
    while (true) {
        if (start > max or count > max - start) return error.OutOfSpace;
        start = @cmpxchgWeak(u32, used, start, start + count, .monotonic, .monotonic) orelse
            return start;
    }
}

fn countChild(region: *Region, parent: u32) void {
    _ = @atomicRmw(u32, &headOf(region, parent).children, .Add, 1, .monotonic);
}

fn isSame(region: *const Region, number: u32, parent: u32, hash: u32, text: []const u8) Error!bool {
    const other = try textOf(region, number);
    const head = headOf(@constCast(region), number);
    return head.hash == hash and head.parent == parent and std.mem.eql(u8, other, text);
}

fn headOf(region: *Region, number: u32) *Head {
    return @ptrCast(&region.texts[number]);
}

fn textOf(region: *const Region, number: u32) Error![]const u8 {
    const end = 1 + @atomicLoad(u32, &region.texts_used, .monotonic);
    if (number == 0 or end > region.texts.len or number + head_words >= end) {
        return error.SegmentInvalid;
    }
    const head = headOf(@constCast(region), number);
    const bytes = std.mem.sliceAsBytes(region.texts[number + head_words .. end]);
    if (head.len == 0 or head.len > bytes.len) return error.SegmentInvalid;
    return bytes[0..head.len];
}

/// A line of zeros for this slot. Called once for each by the listener that holds the slot.
pub fn addLine(region: *Region, slot: u32, series: u32, part: u32) Error!u32 {
    if (part > @intFromEnum(Gauge.max)) return error.InvalidArgument;
    _ = try textOf(region, series);
    const line = 1 + try reserve(&region.lines_used, 1, limits.metric_lines_max - 1);
    const key: Key = .{ .series = series, .part = @intCast(part), .slot = @intCast(slot) };
    @atomicStore(u64, @as(*u64, @ptrCast(&region.keys[line])), @bitCast(key), .release);
    return line;
}

/// The lines that earlier listeners of the slot have left to this one.
pub fn owned(region: *const Region, slot: u32, target: []Owned) Error!u32 {
    var count: u32 = 0;
    for (keysOf(region), 0..) |*stored, line| {
        const key = load(stored) orelse continue;
        if (key.slot != slot) continue;
        if (count < target.len) {
            target[count] = .{ .series = key.series, .part = key.part, .line = @intCast(line) };
        }
        count += 1;
    }
    return count;
}

/// Lines given out, and the one before them, which is nobody's: its key stays 0. Their number is
/// bounded, whatever the segment says.
fn keysOf(region: *const Region) []const Key {
    const used = @atomicLoad(u32, &region.lines_used, .acquire);
    return region.keys[0 .. 1 + @min(used, limits.metric_lines_max - 1)];
}

fn load(stored: *const Key) ?Key {
    const bits = @atomicLoad(u64, @as(*const u64, @ptrCast(stored)), .acquire);
    return if (bits == 0) null else @bitCast(bits);
}

/// In the order in which lines have to be added up: by series, then by part.
const Item = packed struct(u64) {
    line: u24,
    part: u16,
    series: u24,

    fn key(self: Item) u64 {
        return @as(u64, @bitCast(self)) >> 24;
    }
};

/// Adds up the lines of all slots. `incarnations` is who holds which slot now.
/// @returns how many totals there are; those that fit were written.
pub fn read(
    gpa: std.mem.Allocator,
    region: *const Region,
    incarnations: []const u32,
    target: []Total,
) Error!u32 {
    const keys = keysOf(region);
    const items = try gpa.alloc(u64, keys.len);
    defer gpa.free(items);
    var used: usize = 0;
    for (keys, 0..) |*stored, line| {
        const key = load(stored) orelse continue;
        if (key.slot >= incarnations.len or key.series >= region.texts.len) {
            return error.SegmentInvalid;
        }
        const series: u24 = @intCast(key.series);
        items[used] = @bitCast(Item{ .line = @intCast(line), .part = key.part, .series = series });
        used += 1;
    }
    std.mem.sortUnstable(u64, items[0..used], {}, std.sort.asc(u64));
    return addUp(region, incarnations, items[0..used], target);
}

fn addUp(
    region: *const Region,
    incarnations: []const u32,
    items: []const u64,
    target: []Total,
) u32 {
    var count: u32 = 0;
    var total: Total = undefined;
    for (items, 0..) |bits, index| {
        const item: Item = @bitCast(bits);
        if (index == 0 or @as(Item, @bitCast(items[index - 1])).key() != item.key()) {
            total = .{ .series = item.series, .part = item.part, .cells = @splat(0) };
        }
        const slot = region.keys[item.line].slot;
        addLineTo(&total, &region.lines[item.line], incarnations[slot]);
        const is_last = index + 1 == items.len or
            @as(Item, @bitCast(items[index + 1])).key() != item.key();
        if (!is_last) continue;
        if (count < target.len) target[count] = total;
        count += 1;
    }
    return count;
}

/// Of a gauge, cell 0 becomes the value and cell 1 the number of living listeners that have one.
fn addLineTo(total: *Total, line: *const Line, incarnation: u32) void {
    if (total.part < parts_max) {
        for (&total.cells, line) |*sum, *cell| sum.* += loadCell(cell);
        return;
    }
    if (incarnation == 0 or loadCell(&line[1]) != @as(f64, @floatFromInt(incarnation))) return;
    const value = loadCell(&line[0]);
    const first = total.cells[1] == 0;
    total.cells[1] += 1;
    total.cells[0] = switch (total.part) {
        @intFromEnum(Gauge.min) => if (first) value else @min(total.cells[0], value),
        @intFromEnum(Gauge.max) => if (first) value else @max(total.cells[0], value),
        else => total.cells[0] + value,
    };
}

fn loadCell(cell: *const f64) f64 {
    return @bitCast(@atomicLoad(u64, @as(*const u64, @ptrCast(cell)), .monotonic));
}

comptime {
    assert(@sizeOf(Head) == 16);
    assert(@sizeOf(Line) == 64);
    assert(@sizeOf(Total) == 72);
    assert(@sizeOf(Owned) == 16);
    assert(@sizeOf(Summary) == 24);
    assert(@sizeOf(Map) == 32);
    assert(@offsetOf(Region, "lines") % 64 == 0);
    // The widths of `Item`.
    assert(limits.metric_lines_max <= std.math.maxInt(u24));
    assert(limits.metric_text_words_max <= std.math.maxInt(u24));
    // Probing ends: the index is never full.
    assert(limits.metric_series_max * 2 <= limits.metric_index_max);
    assert(std.math.isPowerOfTwo(limits.metric_index_max));
    assert(limits.slots_max <= std.math.maxInt(u16));
}

const testing = std.testing;

fn emptyRegion() !*Region {
    const region = try testing.allocator.create(Region);
    @memset(std.mem.asBytes(region), 0);
    return region;
}

test "the same text has the same number, in every family another one" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    const family = try register(region, 7, 0, 0, "counter\x00a_total");
    try testing.expectEqual(family, try register(region, 7, 0, 0, "counter\x00a_total"));
    const series = try register(region, 7, family, 0, "x=\"1\"");
    try testing.expectEqual(series, try register(region, 7, family, 0, "x=\"1\""));
    try testing.expect(series != try register(region, 7, 0, 0, "x=\"1\""));
    try testing.expectEqualStrings("x=\"1\"", try textOf(region, series));
    try testing.expectError(error.InvalidArgument, register(region, 7, 0, 0, ""));
    try testing.expectError(error.SegmentInvalid, register(region, 7, 999_999, 0, "x"));
}

test "a family takes as many series as its limit, and a known one beyond it" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    const family = try register(region, 7, 0, 0, "f");
    const first = try register(region, 7, family, 2, "a");
    _ = try register(region, 7, family, 2, "b");
    try testing.expectError(error.OutOfSpace, register(region, 7, family, 2, "c"));
    try testing.expectEqual(first, try register(region, 7, family, 2, "a"));
}

test "lines of all slots are added up, gauges of the living alone" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    const series = try register(region, 7, 0, 0, "f");
    const incarnations = [_]u32{ 5, 6, 0 };
    for (0..3) |slot| {
        const counter = try addLine(region, @intCast(slot), series, 3);
        region.lines[counter] = .{ 1, 2, 0, 0, 0, 0, 0, @floatFromInt(slot) };
        const gauge = try addLine(region, @intCast(slot), series, @intFromEnum(Gauge.max));
        region.lines[gauge][0] = @floatFromInt(10 * slot);
        region.lines[gauge][1] = @floatFromInt(5 + slot);
    }
    var totals: [4]Total = undefined;
    try testing.expectEqual(2, try read(testing.allocator, region, &incarnations, &totals));
    try testing.expectEqual(Line{ 3, 6, 0, 0, 0, 0, 0, 3 }, totals[0].cells);
    try testing.expectEqual(10, totals[1].cells[0]);
    try testing.expectEqual(2, totals[1].cells[1]);
    try testing.expectEqual(2, try read(testing.allocator, region, &incarnations, &.{}));
    var lines: [4]Owned = undefined;
    try testing.expectEqual(2, try owned(region, 1, &lines));
    try testing.expectEqual(3, lines[0].part);
    try testing.expectEqual(3, lines[0].line);
}

test "a death between any two steps leaves a registry that goes on" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    // Text reserved and half written, line reserved without a key.
    _ = try reserve(&region.texts_used, 9, limits.metric_text_words_max);
    region.texts[3] = 0xdead_beef;
    _ = try reserve(&region.lines_used, 1, limits.metric_lines_max);
    _ = try prepare(region, 0, 0, 1, "never published");
    const series = try register(region, 7, 0, 0, "f");
    try testing.expectEqualStrings("f", try textOf(region, series));
    try testing.expectEqual(2, try addLine(region, 0, series, 0));
    var totals: [1]Total = undefined;
    try testing.expectEqual(1, try read(testing.allocator, region, &.{1}, &totals));
    try testing.expectEqual(series, totals[0].series);
}

test "what is full says so, again and again" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    const series = try register(region, 7, 0, 0, "f");
    region.lines_used = limits.metric_lines_max - 1;
    for (0..3) |_| try testing.expectError(error.OutOfSpace, addLine(region, 0, series, 0));
    region.series_used = limits.metric_series_max;
    for (0..3) |_| try testing.expectError(error.OutOfSpace, register(region, 7, 0, 0, "g"));
    try testing.expectEqual(limits.metric_lines_max - 1, region.lines_used);
}

test "threads that register the same texts agree on their numbers" {
    const region = try emptyRegion();
    defer testing.allocator.destroy(region);
    const Registering = struct {
        fn run(target: *Region, numbers: *[200]u32) void {
            for (numbers, 0..) |*number, index| {
                const text = std.mem.asBytes(&index);
                // 0 is no number: what failed is seen below.
                number.* = register(target, 7, 0, 0, text) catch 0;
            }
        }
    };
    var numbers: [4][200]u32 = undefined;
    var threads: [4]std.Thread = undefined;
    for (&threads, &numbers) |*thread, *own| {
        thread.* = try std.Thread.spawn(.{}, Registering.run, .{ region, own });
    }
    for (threads) |thread| thread.join();
    for (numbers[0]) |number| try testing.expect(number != 0);
    for (numbers[1..]) |*own| try testing.expectEqualSlices(u32, &numbers[0], own);
}
