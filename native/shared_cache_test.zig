//! Tests of the shared cache: what it keeps, what it gives up, and threads that write, read and
//! invalidate at the same time. The tests with real processes that are killed are in TypeScript.

const std = @import("std");
const builtin = @import("builtin");
const limits = @import("limits.zig");
const ring = @import("ring.zig");
const segment = @import("segment.zig");
const shared_cache = @import("shared_cache.zig");
const testing = std.testing;
const Record = shared_cache.Record;
const SharedCache = shared_cache.SharedCache;

const far = std.math.maxInt(u64);

fn recordFrom(cache: SharedCache) Record {
    var record = std.mem.zeroes(Record);
    record.born = @atomicLoad(u64, &cache.table.invalidations, .seq_cst);
    record.fresh_until_ns = far;
    record.stale_until_ns = far;
    return record;
}

fn putText(cache: SharedCache, key: []const u8, cells: []const u32, body: []const u8) !bool {
    const bytes = std.mem.sliceAsBytes(cells);
    const parts: ring.Parts = .{ .cells = bytes, .key = key, .head = "[200,[]]", .body = body };
    return cache.put(0, recordFrom(cache), parts);
}

fn getText(cache: SharedCache, key: []const u8, buffer: []u8) ![]const u8 {
    var record: Record = undefined;
    try cache.get(key, 1, &record, buffer);
    const at = std.mem.alignForward(usize, record.cells_count * 4, 8) + 8;
    return buffer[at..][0..record.body_len];
}

fn alone(bytes: u64) !*segment.Segment {
    const shared = try segment.Segment.create(testing.allocator, .{
        .shared = 0,
        .cache_bytes = bytes,
    });
    _ = shared.claimSlot(0);
    return shared;
}

test "what was put is found, the newest of a key, until it ends" {
    const shared = try alone(0);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    var buffer: [256]u8 = undefined;
    try testing.expectError(error.NotFound, getText(cache, "/a", &buffer));
    try testing.expect(try putText(cache, "/a", &.{ 1, 2, 3 }, "first"));
    try testing.expectEqualStrings("first", try getText(cache, "/a", &buffer));
    try testing.expect(try putText(cache, "/a", &.{}, "second"));
    try testing.expectEqualStrings("second", try getText(cache, "/a", &buffer));
    try testing.expectError(error.NotFound, getText(cache, "/b", &buffer));
    var record = recordFrom(cache);
    record.stale_until_ns = 50;
    _ = try cache.put(0, record, .{ .cells = "", .key = "/t", .head = "", .body = "" });
    try cache.get("/t", 49, &record, &buffer);
    try testing.expectError(error.NotFound, cache.get("/t", 50, &record, &buffer));
    try testing.expect(cache.verify());
}

test "too small a buffer is told how much is needed, too large a block is refused" {
    const shared = try alone(limits.cache_bytes_min);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    var buffer: [64]u8 = undefined;
    _ = try putText(cache, "/a", &.{}, "x" ** 100);
    var record: Record = undefined;
    try testing.expectError(error.OutOfSpace, cache.get("/a", 1, &record, &buffer));
    try testing.expectEqual(100, record.body_len);
    const large = try testing.allocator.alloc(u8, limits.cache_bytes_min / 16);
    defer testing.allocator.free(large);
    @memset(large, 7);
    try testing.expectError(error.OutOfSpace, putText(cache, "/l", &.{}, large));
    try testing.expect(try putText(cache, "/l", &.{}, large[0 .. large.len - 256]));
}

test "an invalidation ends what has its cell and was begun before it, and nothing else" {
    const shared = try alone(0);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    var buffer: [256]u8 = undefined;
    const under_way = recordFrom(cache);
    _ = try putText(cache, "/a", &.{ 7, 8 }, "a");
    _ = try putText(cache, "/b", &.{9}, "b");
    try cache.invalidate(&.{8});
    try testing.expectError(error.NotFound, getText(cache, "/a", &buffer));
    try testing.expectEqualStrings("b", try getText(cache, "/b", &buffer));
    const cell: u32 = 8;
    _ = try cache.put(0, under_way, .{
        .cells = std.mem.asBytes(&cell),
        .key = "/late",
        .head = "",
        .body = "",
    });
    try testing.expectError(error.NotFound, getText(cache, "/late", &buffer));
    _ = try putText(cache, "/a", &.{ 7, 8 }, "again");
    try testing.expectEqualStrings("again", try getText(cache, "/a", &buffer));
    try cache.invalidate(&.{});
    try testing.expectError(error.NotFound, getText(cache, "/a", &buffer));
    try testing.expectError(error.NotFound, getText(cache, "/b", &buffer));
    try testing.expectError(error.InvalidArgument, cache.invalidate(&.{limits.cache_cells_max}));
}

test "what is asked for stays through a scan ten times as large as the memory" {
    const shared = try alone(limits.cache_bytes_min);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    var buffer: [2048]u8 = undefined;
    var key: [32]u8 = undefined;
    const body = "b" ** 1000;
    const wanted = 100;
    for (0..wanted) |number| {
        const name = try std.fmt.bufPrint(&key, "/wanted/{d}", .{number});
        _ = try putText(cache, name, &.{}, body);
        _ = try getText(cache, name, &buffer);
    }
    for (0..10 * limits.cache_bytes_min / 1000) |number| {
        _ = try putText(cache, try std.fmt.bufPrint(&key, "/scan/{d}", .{number}), &.{}, body);
        const name = try std.fmt.bufPrint(&key, "/wanted/{d}", .{number % wanted});
        _ = getText(cache, name, &buffer) catch {};
    }
    var kept: usize = 0;
    for (0..wanted) |number| {
        const name = try std.fmt.bufPrint(&key, "/wanted/{d}", .{number});
        if (getText(cache, name, &buffer)) |_| kept += 1 else |_| {}
    }
    try testing.expectEqual(wanted, kept);
    try testing.expect(cache.verify());
    try testing.expect(cache.stats().evictions > 9_000);
    try testing.expect(cache.stats().bytes <= cache.stats().capacity);
}

test "who was thrown out unread and comes back goes to the main ring" {
    const shared = try alone(limits.cache_bytes_min);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    var key: [32]u8 = undefined;
    var buffer: [2048]u8 = undefined;
    _ = try putText(cache, "/again", &.{}, "1");
    for (0..200) |number| {
        const name = try std.fmt.bufPrint(&key, "/{d}", .{number});
        _ = try putText(cache, name, &.{}, "b" ** 1000);
    }
    try testing.expectError(error.NotFound, getText(cache, "/again", &buffer));
    _ = try putText(cache, "/again", &.{}, "2");
    for (0..200) |number| {
        const name = try std.fmt.bufPrint(&key, "/more/{d}", .{number});
        _ = try putText(cache, name, &.{}, "b" ** 1000);
    }
    try testing.expectEqualStrings("2", try getText(cache, "/again", &buffer));
}

test "an arena whose writer died is taken over, one whose writer lives is left alone" {
    const shared = try alone(0);
    defer shared.close(testing.allocator);
    const cache = SharedCache.of(shared);
    const living = shared.claimSlot(5);
    cache.table.arenas[0].owner = 6 << 32 | @as(u64, living);
    try testing.expect(!try putText(cache, "/a", &.{}, "1"));
    shared.releaseSlot(5);
    try testing.expect(try putText(cache, "/a", &.{}, "1"));
    try testing.expectEqual(0, cache.table.arenas[0].owner);
}

/// Bodies begin with the number of their key and repeat one byte made from it and their length.
fn fillBody(body: []u8, number: usize) void {
    @memset(body, @truncate(number *% 31 +% body.len));
    body[0] = @truncate(number);
}

fn isWhole(body: []const u8, number: usize) bool {
    if (body[0] != @as(u8, @truncate(number))) return false;
    const expected: u8 = @truncate(number *% 31 +% body.len);
    for (body[1..]) |byte| if (byte != expected) return false;
    return true;
}

fn worker(shared: *segment.Segment, slot: u32, torn: *u32) void {
    const cache = SharedCache.of(shared);
    var random = std.Random.DefaultPrng.init(testing.random_seed + slot);
    const r = random.random();
    var body: [4096]u8 = undefined;
    var buffer: [8192]u8 = undefined;
    var key: [32]u8 = undefined;
    for (0..20_000) |_| {
        const number = r.uintLessThan(usize, 2_000);
        const name = std.fmt.bufPrint(&key, "/{d}", .{number}) catch return;
        const choice = r.uintLessThan(u32, 100);
        if (choice == 0) {
            cache.invalidate(&.{@intCast(number)}) catch {};
        } else if (choice < 40) {
            const part = body[0 .. 1 + r.uintLessThan(usize, body.len - 1)];
            fillBody(part, number);
            const cell: u32 = @intCast(number);
            const parts: ring.Parts = .{
                .cells = std.mem.asBytes(&cell),
                .key = name,
                .head = "[200,[]]",
                .body = part,
            };
            _ = cache.put(slot, recordFrom(cache), parts) catch {};
        } else {
            const found = getText(cache, name, &buffer) catch continue;
            if (!isWhole(found, number)) _ = @atomicRmw(u32, torn, .Add, 1, .monotonic);
        }
    }
}

test "threads that write, read and invalidate together never see a torn body" {
    if (builtin.os.tag != .linux) return error.SkipZigTest;
    const shared = try segment.Segment.create(testing.allocator, .{
        .shared = 1,
        .cache_bytes = limits.cache_bytes_min,
    });
    defer {
        _ = std.os.linux.close(shared.descriptor);
        shared.close(testing.allocator);
    }
    var torn: u32 = 0;
    var threads: [6]std.Thread = undefined;
    for (&threads, 0..) |*thread, slot| {
        _ = shared.claimSlot(@intCast(slot));
        thread.* = try .spawn(.{}, worker, .{ shared, @as(u32, @intCast(slot)), &torn });
    }
    for (threads) |thread| thread.join();
    try testing.expectEqual(0, torn);
    const cache = SharedCache.of(shared);
    try testing.expect(cache.verify());
    try testing.expect(cache.stats().evictions > 1_000);
}
