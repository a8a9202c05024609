//! Ready answers of const routes: built, then sealed.
//!
//! Guarantees: every byte is copied on `put`, and its address stays until `deinit`: a view of it
//! may be held as long as the cache. Once sealed it never changes, so threads may share it.
//! Refuses: a second answer for one endpoint and encoding, and more than `const_entries_max`
//! entries or `const_bytes_max` bytes. It does not read what it keeps: a head is opaque.

const std = @import("std");
const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const limits = @import("limits.zig");
const status = @import("status.zig");

pub const Encoding = enum(u32) { identity = 0, gzip = 1, br = 2, zstd = 3 };

/// One answer as the boundary shows it.
pub const CacheEntry = extern struct {
    head_ptr: u64,
    head_len: u32,
    body_len: u32,
    body_ptr: u64,
    status: u32,
    _pad: u32,
};

comptime {
    assert(@sizeOf(CacheEntry) == 32);
    assert(@sizeOf(usize) <= @sizeOf(u64));
}

/// An answer as it is stored. `code` is the HTTP status.
pub const Answer = struct {
    code: u32,
    head: []const u8,
    body: []const u8,
};

const Key = struct { endpoint: u32, encoding: Encoding };

pub const Cache = struct {
    gpa: Allocator,
    arena: std.heap.ArenaAllocator,
    entries: std.AutoHashMapUnmanaged(Key, Answer),
    bytes_count: u64,
    sealed: bool,

    pub fn init(gpa: Allocator) Cache {
        return .{
            .gpa = gpa,
            .arena = .init(gpa),
            .entries = .empty,
            .bytes_count = 0,
            .sealed = false,
        };
    }

    pub fn deinit(cache: *Cache) void {
        cache.entries.deinit(cache.gpa);
        cache.arena.deinit();
        cache.* = undefined;
    }

    pub fn put(
        cache: *Cache,
        endpoint: u32,
        encoding: Encoding,
        answer: Answer,
    ) status.Error!void {
        if (cache.sealed) return error.Sealed;
        if (endpoint > limits.endpoint_max) return error.InvalidArgument;
        if (answer.code < 100 or answer.code > 999) return error.InvalidArgument;
        const key: Key = .{ .endpoint = endpoint, .encoding = encoding };
        if (cache.entries.contains(key)) return error.Conflict;
        if (cache.entries.count() == limits.const_entries_max) return error.OutOfSpace;
        const added = @as(u64, answer.head.len) + answer.body.len;
        if (added > limits.const_bytes_max - cache.bytes_count) return error.OutOfSpace;
        try cache.entries.ensureUnusedCapacity(cache.gpa, 1);
        const copy = try cache.arena.allocator().alloc(u8, @intCast(added));
        @memcpy(copy[0..answer.head.len], answer.head);
        @memcpy(copy[answer.head.len..], answer.body);
        cache.bytes_count += added;
        cache.entries.putAssumeCapacityNoClobber(key, .{
            .code = answer.code,
            .head = copy[0..answer.head.len],
            .body = copy[answer.head.len..],
        });
        assert(cache.bytes_count <= limits.const_bytes_max);
    }

    pub fn seal(cache: *Cache) status.Error!void {
        if (cache.sealed) return error.Sealed;
        cache.sealed = true;
    }

    pub fn get(cache: *const Cache, endpoint: u32, encoding: Encoding) status.Error!Answer {
        if (!cache.sealed) return error.NotSealed;
        return cache.entries.get(.{ .endpoint = endpoint, .encoding = encoding }) orelse
            error.NotFound;
    }
};

const testing_answer: Answer = .{ .code = 200, .head = "{}", .body = "hello" };

test "what was put comes back, per encoding, only after the seal" {
    var cache: Cache = .init(std.testing.allocator);
    defer cache.deinit();
    var body = "hello".*;
    try cache.put(7, .identity, .{ .code = 200, .head = "{}", .body = &body });
    try cache.put(7, .gzip, .{ .code = 201, .head = "", .body = "" });
    body[0] = 'j';
    try std.testing.expectError(error.NotSealed, cache.get(7, .identity));
    try cache.seal();
    try std.testing.expectError(error.Sealed, cache.seal());
    try std.testing.expectError(error.Sealed, cache.put(8, .br, testing_answer));
    const answer = try cache.get(7, .identity);
    try std.testing.expectEqualStrings("hello", answer.body);
    try std.testing.expectEqualStrings("{}", answer.head);
    try std.testing.expectEqual(201, (try cache.get(7, .gzip)).code);
    try std.testing.expectError(error.NotFound, cache.get(7, .zstd));
    try std.testing.expectError(error.NotFound, cache.get(8, .identity));
}

test "a second answer and an impossible status are refused" {
    var cache: Cache = .init(std.testing.allocator);
    defer cache.deinit();
    try cache.put(0, .identity, testing_answer);
    try std.testing.expectError(error.Conflict, cache.put(0, .identity, testing_answer));
    for ([_]u32{ 0, 99, 1000 }) |code| {
        const answer: Answer = .{ .code = code, .head = "", .body = "" };
        try std.testing.expectError(error.InvalidArgument, cache.put(1, .identity, answer));
    }
    const above = limits.endpoint_max + 1;
    try std.testing.expectError(error.InvalidArgument, cache.put(above, .br, testing_answer));
}

test "bytes and entries end at their limits" {
    const gpa = std.heap.page_allocator;
    const large = try gpa.alloc(u8, limits.const_bytes_max + 1);
    defer gpa.free(large);
    var cache: Cache = .init(gpa);
    defer cache.deinit();
    const whole: Answer = .{ .code = 200, .head = "", .body = large };
    try std.testing.expectError(error.OutOfSpace, cache.put(0, .identity, whole));
    const most: Answer = .{ .code = 200, .head = "a", .body = large[0 .. large.len - 3] };
    try cache.put(0, .identity, most);
    const two: Answer = .{ .code = 200, .head = "a", .body = "b" };
    try std.testing.expectError(error.OutOfSpace, cache.put(1, .identity, two));
    try cache.put(1, .identity, .{ .code = 200, .head = "", .body = "b" });
    try std.testing.expectEqual(limits.const_bytes_max, cache.bytes_count);

    var full: Cache = .init(gpa);
    defer full.deinit();
    const nothing: Answer = .{ .code = 204, .head = "", .body = "" };
    for (0..limits.const_entries_max) |endpoint| {
        try full.put(@intCast(endpoint), .identity, nothing);
    }
    try std.testing.expectError(error.OutOfSpace, full.put(0, .br, nothing));
    try std.testing.expectError(error.Conflict, full.put(0, .identity, nothing));
}

test "an allocation that fails leaks nothing and loses nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, fillCache, .{});
}

fn fillCache(gpa: Allocator) !void {
    var cache: Cache = .init(gpa);
    defer cache.deinit();
    for (0..40) |endpoint| {
        const before = cache.bytes_count;
        cache.put(@intCast(endpoint), .identity, testing_answer) catch |err| {
            try std.testing.expectEqual(before, cache.bytes_count);
            try std.testing.expectEqual(endpoint, cache.entries.count());
            return err;
        };
    }
    try cache.seal();
    for (0..40) |endpoint| {
        const answer = try cache.get(@intCast(endpoint), .identity);
        try std.testing.expectEqualStrings("hello", answer.body);
    }
}
