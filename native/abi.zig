//! The whole C surface. TypeScript mirrors it line for line; nothing here decides anything.
//!
//! Every function takes an explicit handle; there are no mutable globals, because worker threads of
//! one process share the loaded library. A null handle, a null result pointer or a null text with a
//! length is `invalid_argument` (for `find`: `not_sealed`), never a crash: JavaScript turns a
//! missing argument into 0.
//! A handle that was destroyed is not detected: the caller owns it.

const std = @import("std");
const clock = @import("clock.zig");
const flight = @import("flight.zig");
const limits = @import("limits.zig");
const manifest = @import("manifest.zig");
const response_cache = @import("response_cache.zig");
const route_table = @import("route_table.zig");
const segment = @import("segment.zig");
const shared_cache = @import("shared_cache.zig");
const status = @import("status.zig");

pub const Status = status.Status;
pub const Verdict = status.Verdict;
pub const InsertReport = route_table.InsertReport;
pub const Match = route_table.Match;
pub const CacheEntry = response_cache.CacheEntry;
const Table = route_table.Table;
const Cache = response_cache.Cache;
const Segment = segment.Segment;
const SharedCache = shared_cache.SharedCache;
const CacheRecord = shared_cache.Record;
const CacheStats = shared_cache.Stats;

/// Read by the standard library, which looks for it in the root file.
pub const panic = @import("brief_panic.zig").panic;

/// Pages from the kernel: no state of its own and no libc. Tables and caches ask it for few, large
/// blocks, and give all of them back.
const gpa = std.heap.page_allocator;

const flag_strict: u32 = 1;

export fn robyn_abi_version() u32 {
    return manifest.version;
}

/// Too small a buffer is `out_of_space`; `written` is then the size needed.
export fn robyn_manifest(buffer: ?[*]u8, capacity: u32, written: ?*u32) i32 {
    const count = written orelse return @intFromEnum(Status.invalid_argument);
    count.* = manifest.text.len;
    if (capacity < manifest.text.len) return @intFromEnum(Status.out_of_space);
    const target = buffer orelse return @intFromEnum(Status.invalid_argument);
    @memcpy(target[0..manifest.text.len], manifest.text);
    return @intFromEnum(Status.ok);
}

/// Null: out of memory, or an unknown flag.
export fn robyn_table_create(flags: u32) ?*Table {
    if (flags & ~flag_strict != 0) return null;
    const table = gpa.create(Table) catch return null;
    table.* = .init(gpa, .{ .strict = flags & flag_strict != 0 });
    return table;
}

export fn robyn_table_destroy(handle: ?*Table) void {
    const table = handle orelse return;
    table.deinit();
    gpa.destroy(table);
}

export fn robyn_table_method(handle: ?*Table, ptr: ?[*]const u8, len: u32, id: ?*u32) i32 {
    return statusOf(tableMethod(handle, ptr, len, id));
}

fn tableMethod(handle: ?*Table, ptr: ?[*]const u8, len: u32, id: ?*u32) status.Error!void {
    const table = handle orelse return error.InvalidArgument;
    const result = id orelse return error.InvalidArgument;
    result.* = try table.method(try slice(ptr, len));
}

export fn robyn_table_insert(
    handle: ?*Table,
    method: u32,
    ptr: ?[*]const u8,
    len: u32,
    endpoint: u32,
    report: ?*InsertReport,
) i32 {
    return statusOf(tableInsert(handle, method, ptr, len, endpoint, report));
}

fn tableInsert(
    handle: ?*Table,
    method: u32,
    ptr: ?[*]const u8,
    len: u32,
    endpoint: u32,
    report: ?*InsertReport,
) status.Error!void {
    const table = handle orelse return error.InvalidArgument;
    const result = report orelse return error.InvalidArgument;
    try table.insert(method, try slice(ptr, len), endpoint, result);
}

export fn robyn_table_seal(handle: ?*Table) i32 {
    const table = handle orelse return @intFromEnum(Status.invalid_argument);
    return statusOf(table.seal());
}

/// An endpoint, or a `Verdict`. Writes the canonical path over the path in `url`.
export fn robyn_table_find(
    handle: ?*const Table,
    method: u32,
    url: ?[*]u8,
    len: u32,
    match: ?*Match,
) i32 {
    const table = handle orelse return @intFromEnum(Verdict.not_sealed);
    const result = match orelse return @intFromEnum(Verdict.not_sealed);
    const text = url orelse return @intFromEnum(Verdict.bad_path);
    return table.find(method, text[0..len], result);
}

/// Null: out of memory.
export fn robyn_cache_create() ?*Cache {
    const cache = gpa.create(Cache) catch return null;
    cache.* = .init(gpa);
    return cache;
}

export fn robyn_cache_destroy(handle: ?*Cache) void {
    const cache = handle orelse return;
    cache.deinit();
    gpa.destroy(cache);
}

export fn robyn_cache_put(
    handle: ?*Cache,
    endpoint: u32,
    encoding: u32,
    code: u32,
    head_ptr: ?[*]const u8,
    head_len: u32,
    body_ptr: ?[*]const u8,
    body_len: u32,
) i32 {
    const cache = handle orelse return @intFromEnum(Status.invalid_argument);
    return statusOf(cachePut(cache, endpoint, encoding, .{
        .code = code,
        .head = slice(head_ptr, head_len) catch |err| return statusOf(err),
        .body = slice(body_ptr, body_len) catch |err| return statusOf(err),
    }));
}

fn cachePut(
    cache: *Cache,
    endpoint: u32,
    encoding: u32,
    answer: response_cache.Answer,
) status.Error!void {
    try cache.put(endpoint, try encodingOf(encoding), answer);
}

export fn robyn_cache_seal(handle: ?*Cache) i32 {
    const cache = handle orelse return @intFromEnum(Status.invalid_argument);
    return statusOf(cache.seal());
}

/// The pointers stay valid until the cache is destroyed; of an empty text only the length counts.
export fn robyn_cache_get(
    handle: ?*const Cache,
    endpoint: u32,
    encoding: u32,
    entry: ?*CacheEntry,
) i32 {
    return statusOf(cacheGet(handle, endpoint, encoding, entry));
}

fn cacheGet(
    handle: ?*const Cache,
    endpoint: u32,
    encoding: u32,
    entry: ?*CacheEntry,
) status.Error!void {
    const cache = handle orelse return error.InvalidArgument;
    const result = entry orelse return error.InvalidArgument;
    const answer = try cache.get(endpoint, try encodingOf(encoding));
    result.* = .{
        .head_ptr = @intFromPtr(answer.head.ptr),
        .head_len = @intCast(answer.head.len),
        .body_len = @intCast(answer.body.len),
        .body_ptr = @intFromPtr(answer.body.ptr),
        .status = answer.code,
        ._pad = 0,
    };
}

/// `handle` becomes the address of the segment. See `segment.zig` for the options.
export fn robyn_segment_create(options: ?*const segment.Options, handle: ?*u64) i32 {
    return statusOf(segmentCreate(options, handle));
}

fn segmentCreate(options: ?*const segment.Options, handle: ?*u64) status.Error!void {
    const wanted = options orelse return error.InvalidArgument;
    const result = handle orelse return error.InvalidArgument;
    result.* = @intFromPtr(try Segment.create(gpa, wanted.*));
}

/// Maps the segment behind a descriptor that this process was started with.
export fn robyn_segment_open(descriptor: i32, handle: ?*u64) i32 {
    return statusOf(segmentOpen(descriptor, handle));
}

fn segmentOpen(descriptor: i32, handle: ?*u64) status.Error!void {
    const result = handle orelse return error.InvalidArgument;
    result.* = @intFromPtr(try Segment.open(gpa, descriptor));
}

/// No view of the segment may be used afterwards. The descriptor stays open.
export fn robyn_segment_close(handle: ?*Segment) void {
    const owned = handle orelse return;
    owned.close(gpa);
}

/// -1: the segment is memory of this process alone.
export fn robyn_segment_descriptor(handle: ?*const Segment) i32 {
    const owned = handle orelse return -1;
    return owned.descriptor;
}

/// The incarnation that now holds the slot; 0 for a slot that does not exist.
export fn robyn_segment_claim_slot(handle: ?*Segment, slot: u32) u32 {
    const owned = handle orelse return 0;
    if (slot >= limits.slots_max) return 0;
    return owned.claimSlot(slot);
}

export fn robyn_segment_release_slot(handle: ?*Segment, slot: u32) void {
    const owned = handle orelse return;
    if (slot < limits.slots_max) owned.releaseSlot(slot);
}

/// Nanoseconds of the clock that all processes of this machine share.
export fn robyn_monotonic_ns() f64 {
    return @floatFromInt(clock.monotonicNanoseconds());
}

/// Where TypeScript reads and counts by itself: addresses of the number of the latest invalidation,
/// of the cells, and of the counters of a slot.
export fn robyn_shared_cache_views(handle: ?*Segment, slot: u32, addresses: ?*[3]u64) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    const result = addresses orelse return @intFromEnum(Status.invalid_argument);
    if (slot >= limits.slots_max) return @intFromEnum(Status.invalid_argument);
    const table = SharedCache.of(owned).table;
    result.* = .{
        @intFromPtr(&table.invalidations),
        @intFromPtr(&table.cells),
        @intFromPtr(&table.counters[slot]),
    };
    return @intFromEnum(Status.ok);
}

/// `not_found`, or the record is filled, and the buffer too unless it is `out_of_space`.
export fn robyn_shared_cache_get(
    handle: ?*Segment,
    key_ptr: ?[*]const u8,
    key_len: u32,
    now_ns: f64,
    record: ?*CacheRecord,
    buffer: ?[*]u8,
    capacity: u32,
) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    const result = record orelse return @intFromEnum(Status.invalid_argument);
    const target = buffer orelse return @intFromEnum(Status.invalid_argument);
    const key = slice(key_ptr, key_len) catch |err| return statusOf(err);
    const now = toNanoseconds(now_ns);
    return statusOf(SharedCache.of(owned).get(key, now, result, target[0..capacity]));
}

/// `parts` holds cells, key, head and body one after the other; the record says how long each is.
/// `out_of_space`: too large to be stored. `not_found`: there was nowhere to write just now.
export fn robyn_shared_cache_put(
    handle: ?*Segment,
    slot: u32,
    record: ?*const CacheRecord,
    parts: ?[*]const u8,
) i32 {
    return statusOf(sharedCachePut(handle, slot, record, parts));
}

fn sharedCachePut(
    handle: ?*Segment,
    slot: u32,
    record: ?*const CacheRecord,
    parts: ?[*]const u8,
) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const block = record orelse return error.InvalidArgument;
    const bytes = parts orelse return error.InvalidArgument;
    if (slot >= limits.slots_max or block.key_len > limits.cache_key_bytes_max or
        block.cells_count > limits.cache_cells_per_response_max) return error.InvalidArgument;
    const key = block.cells_count * 4;
    const head = key + block.key_len;
    const body = @as(usize, head) + block.head_len;
    const stored = try SharedCache.of(owned).put(slot, block.*, .{
        .cells = bytes[0..key],
        .key = bytes[key..head],
        .head = bytes[head..body],
        .body = bytes[body .. body + block.body_len],
    });
    if (!stored) return error.NotFound;
}

/// Counts as being asked for.
export fn robyn_shared_cache_touch(handle: ?*Segment, ptr: ?[*]const u8, len: u32) void {
    const owned = handle orelse return;
    SharedCache.of(owned).touch(slice(ptr, len) catch return);
}

/// The cell of a path or tag.
export fn robyn_shared_cache_cell(handle: ?*Segment, ptr: ?[*]const u8, len: u32) u32 {
    const owned = handle orelse return 0;
    return SharedCache.of(owned).cellOf(slice(ptr, len) catch return 0);
}

/// No cells: everything.
export fn robyn_shared_cache_invalidate(handle: ?*Segment, cells: ?[*]const u32, count: u32) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    if (count == 0) return statusOf(SharedCache.of(owned).invalidate(&.{}));
    const list = cells orelse return @intFromEnum(Status.invalid_argument);
    return statusOf(SharedCache.of(owned).invalidate(list[0..count]));
}

/// 1: the caller is to compute what belongs to the key, for so many nanoseconds. 0: somebody does.
export fn robyn_flight_acquire(
    handle: ?*Segment,
    slot: u32,
    key_ptr: ?[*]const u8,
    key_len: u32,
    now_ns: f64,
    length_ns: f64,
) i32 {
    const owned = handle orelse return 1;
    if (slot >= limits.slots_max) return 1;
    const key = slice(key_ptr, key_len) catch return 1;
    const now = toNanoseconds(now_ns);
    const end = now +| toNanoseconds(length_ns);
    return @intFromBool(flight.acquire(owned, slot, SharedCache.of(owned).hashOf(key), now, end));
}

export fn robyn_flight_release(handle: ?*Segment, slot: u32, ptr: ?[*]const u8, len: u32) void {
    const owned = handle orelse return;
    if (slot >= limits.slots_max) return;
    const key = slice(ptr, len) catch return;
    flight.release(owned, slot, SharedCache.of(owned).hashOf(key));
}

/// 1: somebody computes it.
export fn robyn_flight_under_way(
    handle: ?*Segment,
    ptr: ?[*]const u8,
    len: u32,
    now_ns: f64,
) i32 {
    const owned = handle orelse return 0;
    const hash = SharedCache.of(owned).hashOf(slice(ptr, len) catch return 0);
    return @intFromBool(flight.isUnderWay(owned, hash, toNanoseconds(now_ns)));
}

export fn robyn_shared_cache_stats(handle: ?*Segment, stats: ?*CacheStats) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    const result = stats orelse return @intFromEnum(Status.invalid_argument);
    result.* = SharedCache.of(owned).stats();
    return @intFromEnum(Status.ok);
}

/// For tests: 1 if the whole structure is sound. Nobody may write meanwhile.
export fn robyn_shared_cache_verify(handle: ?*Segment) i32 {
    const owned = handle orelse return 0;
    return @intFromBool(SharedCache.of(owned).verify());
}

/// JavaScript's numbers; anything that is none in this range is the start or the end of time.
fn toNanoseconds(value: f64) u64 {
    return std.math.lossyCast(u64, value);
}

fn statusOf(result: status.Error!void) i32 {
    return @intFromEnum(status.statusOf(result));
}

/// An empty JavaScript buffer arrives as a null pointer.
fn slice(ptr: ?[*]const u8, len: u32) error{InvalidArgument}![]const u8 {
    if (len == 0) return "";
    const start = ptr orelse return error.InvalidArgument;
    return start[0..len];
}

fn encodingOf(value: u32) error{InvalidArgument}!response_cache.Encoding {
    return std.enums.fromInt(response_cache.Encoding, value) orelse error.InvalidArgument;
}

test "a table through the C surface, as a caller uses it" {
    const table = robyn_table_create(0).?;
    defer robyn_table_destroy(table);
    var id: u32 = undefined;
    try std.testing.expectEqual(0, robyn_table_method(table, "PURGE", 5, &id));
    try std.testing.expectEqual(9, id);
    try std.testing.expectEqual(-9, robyn_table_method(table, "PU RGE", 6, &id));
    var report: InsertReport = undefined;
    try std.testing.expectEqual(0, robyn_table_insert(table, 0, "/u/:id", 6, 42, &report));
    try std.testing.expectEqual(-5, robyn_table_insert(table, 0, "/u/:x", 5, 43, &report));
    try std.testing.expectEqual(42, report.conflict);
    try std.testing.expectEqual(-4, robyn_table_insert(table, 0, "/u/{id}", 7, 43, &report));
    try std.testing.expectEqual(InsertReport{
        .reason = 7,
        .offset = 3,
        .conflict = 0,
        ._pad = 0,
    }, report);
    try std.testing.expectEqual(-9, robyn_table_insert(table, 10, "/", 1, 0, &report));
    try std.testing.expectEqual(-12, robyn_table_insert(table, 0, "/", 1, 1 << 31, &report));

    var url = "http://h/%75/a%2fb/?q".*;
    var match: Match = undefined;
    try std.testing.expectEqual(-6, robyn_table_find(table, 0, &url, url.len, &match));
    try std.testing.expectEqual(0, robyn_table_seal(table));
    try std.testing.expectEqual(-2, robyn_table_seal(table));
    try std.testing.expectEqual(-2, robyn_table_insert(table, 0, "/x", 2, 0, &report));
    try std.testing.expectEqual(42, robyn_table_find(table, 0, &url, url.len, &match));
    try std.testing.expectEqual(1, match.rewritten);
    try std.testing.expectEqualStrings("/u/a%2Fb", url[match.path_start..match.path_end]);
    try std.testing.expectEqual(1, match.values_count);
    try std.testing.expectEqualStrings("a%2Fb", url[match.spans[0]..match.spans[1]]);
    var other = "/u/1".*;
    try std.testing.expectEqual(-2, robyn_table_find(table, 2, &other, other.len, &match));
    try std.testing.expectEqual(1, match.allowed);
    try std.testing.expectEqual(-2, robyn_table_find(table, 0xffffffff, &other, 4, &match));
}

test "missing arguments are refused, not dereferenced" {
    const invalid = @intFromEnum(Status.invalid_argument);
    var report: InsertReport = undefined;
    var match: Match = undefined;
    var url = "/".*;
    try std.testing.expectEqual(null, robyn_table_create(2));
    try std.testing.expectEqual(invalid, robyn_table_insert(null, 0, "/", 1, 0, &report));
    try std.testing.expectEqual(invalid, robyn_table_seal(null));
    try std.testing.expectEqual(-6, robyn_table_find(null, 0, &url, 1, &match));
    robyn_table_destroy(null);
    const table = robyn_table_create(1).?;
    defer robyn_table_destroy(table);
    try std.testing.expectEqual(invalid, robyn_table_insert(table, 0, null, 1, 0, &report));
    try std.testing.expectEqual(invalid, robyn_table_insert(table, 0, "/", 1, 0, null));
    try std.testing.expectEqual(-4, robyn_table_insert(table, 0, null, 0, 0, &report));
    try std.testing.expectEqual(0, robyn_table_seal(table));
    try std.testing.expectEqual(-6, robyn_table_find(table, 0, &url, 1, null));
    try std.testing.expectEqual(-3, robyn_table_find(table, 0, null, 1, &match));
    try std.testing.expectEqual(-3, robyn_table_find(table, 0, &url, 0, &match));
}

test "a cache through the C surface" {
    const cache = robyn_cache_create().?;
    defer robyn_cache_destroy(cache);
    var entry: CacheEntry = undefined;
    try std.testing.expectEqual(0, robyn_cache_put(cache, 3, 2, 200, "{}", 2, "body", 4));
    try std.testing.expectEqual(-5, robyn_cache_put(cache, 3, 2, 200, "{}", 2, "body", 4));
    try std.testing.expectEqual(-12, robyn_cache_put(cache, 3, 4, 200, "{}", 2, "body", 4));
    try std.testing.expectEqual(-12, robyn_cache_put(cache, 4, 0, 200, null, 2, "body", 4));
    try std.testing.expectEqual(0, robyn_cache_put(cache, 4, 0, 204, null, 0, null, 0));
    try std.testing.expectEqual(-3, robyn_cache_get(cache, 3, 2, &entry));
    try std.testing.expectEqual(0, robyn_cache_seal(cache));
    try std.testing.expectEqual(0, robyn_cache_get(cache, 3, 2, &entry));
    const body: [*]const u8 = @ptrFromInt(entry.body_ptr);
    try std.testing.expectEqualStrings("body", body[0..entry.body_len]);
    try std.testing.expectEqual(200, entry.status);
    try std.testing.expectEqual(-13, robyn_cache_get(cache, 3, 0, &entry));
    try std.testing.expectEqual(-12, robyn_cache_get(cache, 3, 9, &entry));
    try std.testing.expectEqual(-12, robyn_cache_get(null, 3, 0, &entry));
}

test "a segment through the C surface" {
    var handle: u64 = 0;
    const options: segment.Options = .{ .shared = 0 };
    try std.testing.expectEqual(0, robyn_segment_create(&options, &handle));
    const owned: *Segment = @ptrFromInt(handle);
    defer robyn_segment_close(owned);
    try std.testing.expectEqual(-1, robyn_segment_descriptor(owned));
    try std.testing.expectEqual(1, robyn_segment_claim_slot(owned, 0));
    try std.testing.expectEqual(0, robyn_segment_claim_slot(owned, limits.slots_max));
    robyn_segment_release_slot(owned, limits.slots_max);
    robyn_segment_release_slot(owned, 0);
    try std.testing.expectEqual(-12, robyn_segment_create(null, &handle));
    try std.testing.expectEqual(-12, robyn_segment_open(0, null));
    try std.testing.expectEqual(-1, robyn_segment_descriptor(null));
    robyn_segment_close(null);
}

test "the shared cache and who computes for it through the C surface" {
    var handle: u64 = 0;
    const options: segment.Options = .{ .shared = 0 };
    try std.testing.expectEqual(0, robyn_segment_create(&options, &handle));
    const owned: *Segment = @ptrFromInt(handle);
    defer robyn_segment_close(owned);
    _ = robyn_segment_claim_slot(owned, 0);
    var addresses: [3]u64 = undefined;
    try std.testing.expectEqual(0, robyn_shared_cache_views(owned, 0, &addresses));
    const latest: *const u64 = @ptrFromInt(addresses[0]);
    var record = std.mem.zeroes(CacheRecord);
    record.stale_until_ns = 100;
    record.key_len = 2;
    record.head_len = 2;
    record.body_len = 4;
    var buffer: [64]u8 = undefined;
    try std.testing.expectEqual(0, robyn_shared_cache_put(owned, 0, &record, "/k[]body"));
    try std.testing.expectEqual(0, robyn_shared_cache_get(owned, "/k", 2, 1, &record, &buffer, 64));
    try std.testing.expectEqualStrings("body", buffer[8..12]);
    robyn_shared_cache_touch(owned, "/k", 2);
    const late = robyn_shared_cache_get(owned, "/k", 2, 100, &record, &buffer, 64);
    try std.testing.expectEqual(-13, late);
    const cell = robyn_shared_cache_cell(owned, "tag", 3);
    try std.testing.expectEqual(0, robyn_shared_cache_invalidate(owned, &.{cell}, 1));
    try std.testing.expectEqual(0, robyn_shared_cache_invalidate(owned, null, 0));
    try std.testing.expect(latest.* > 0);
    try std.testing.expectEqual(1, robyn_flight_acquire(owned, 0, "/k", 2, 1e9, 1e9));
    try std.testing.expectEqual(0, robyn_flight_acquire(owned, 0, "/k", 2, 1e9, 1e9));
    try std.testing.expectEqual(1, robyn_flight_under_way(owned, "/k", 2, 1e9));
    robyn_flight_release(owned, 0, "/k", 2);
    try std.testing.expectEqual(0, robyn_flight_under_way(owned, "/k", 2, 1e9));
    var stats: CacheStats = undefined;
    try std.testing.expectEqual(0, robyn_shared_cache_stats(owned, &stats));
    try std.testing.expect(stats.bytes > 0);
    try std.testing.expectEqual(1, robyn_shared_cache_verify(owned));
    record.key_len = limits.cache_key_bytes_max + 1;
    try std.testing.expectEqual(-12, robyn_shared_cache_put(owned, 0, &record, "/k[]body"));
    try std.testing.expectEqual(-12, robyn_shared_cache_put(owned, 0, null, "/k[]body"));
    try std.testing.expectEqual(-12, robyn_shared_cache_views(null, 0, &addresses));
}

test "the manifest reports the size it needs" {
    var buffer: [8192]u8 = undefined;
    var written: u32 = 0;
    const out_of_space = @intFromEnum(Status.out_of_space);
    try std.testing.expectEqual(out_of_space, robyn_manifest(null, 0, &written));
    try std.testing.expectEqual(manifest.text.len, written);
    try std.testing.expectEqual(out_of_space, robyn_manifest(&buffer, written - 1, &written));
    try std.testing.expectEqual(0, robyn_manifest(&buffer, written, &written));
    try std.testing.expectEqualStrings(manifest.text, buffer[0..written]);
    try std.testing.expectEqual(manifest.version, robyn_abi_version());
}
