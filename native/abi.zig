//! The whole C surface. TypeScript mirrors it line for line; nothing here decides anything.
//!
//! Every function takes an explicit handle; there are no mutable globals, because worker threads of
//! one process share the loaded library. A null handle, a null result pointer or a null text with a
//! length is `invalid_argument` (for `find`: `not_sealed`), never a crash: JavaScript turns a
//! missing argument into 0.
//! A handle that was destroyed is not detected: the caller owns it.

const std = @import("std");
const channel = @import("channel.zig");
const clock = @import("clock.zig");
const limits = @import("limits.zig");
const manifest = @import("manifest.zig");
const process = @import("process.zig");
const response_cache = @import("response_cache.zig");
const route_table = @import("route_table.zig");
const segment = @import("segment.zig");
const status = @import("status.zig");

pub const Status = status.Status;
pub const Verdict = status.Verdict;
pub const InsertReport = route_table.InsertReport;
pub const Match = route_table.Match;
pub const CacheEntry = response_cache.CacheEntry;
pub const ChannelStats = channel.Stats;
const Table = route_table.Table;
const Cache = response_cache.Cache;
const Segment = segment.Segment;
const Channel = channel.Channel;

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

/// `handle` becomes the address of the channel as this slot uses it. Close it before the segment.
export fn robyn_channel_open(
    owner: ?*Segment,
    slot: u32,
    capacity: u32,
    name: ?[*]const u8,
    name_len: u32,
    handle: ?*u64,
) i32 {
    return statusOf(channelOpen(owner, slot, capacity, name, name_len, handle));
}

fn channelOpen(
    owner: ?*Segment,
    slot: u32,
    capacity: u32,
    name: ?[*]const u8,
    name_len: u32,
    handle: ?*u64,
) status.Error!void {
    const owned = owner orelse return error.InvalidArgument;
    const result = handle orelse return error.InvalidArgument;
    const text = try slice(name, name_len);
    result.* = @intFromPtr(try Channel.open(gpa, owned, slot, capacity, text));
}

/// Whoever consumes releases first.
export fn robyn_channel_close(handle: ?*Channel) void {
    const owned = handle orelse return;
    gpa.destroy(owned);
}

/// 0, or the slot plus one whose doorbell has to be rung, or a status.
export fn robyn_channel_send(
    handle: ?*Channel,
    ptr: ?[*]const u8,
    len: u32,
    kind: u32,
    time_ns: f64,
) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    const bytes = slice(ptr, len) catch |err| return statusOf(err);
    const slot = owned.send(.{
        .bytes = bytes,
        .kind = @truncate(kind),
        .time = time_ns,
    }) catch |err| return statusOf(err);
    return @intCast(slot);
}

/// 1: full, and this slot will be rung; 0: try again now; or a status.
export fn robyn_channel_must_wait(handle: ?*Channel, len: u32) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    return @intFromBool(owned.mustWait(len) catch |err| return statusOf(err));
}

/// 1: this slot consumes.
export fn robyn_channel_lease(handle: ?*Channel) i32 {
    const owned = handle orelse return 0;
    return @intFromBool(owned.lease());
}

/// `wake` becomes the set of the slots that would consume.
export fn robyn_channel_release(handle: ?*Channel, wake: ?*channel.SlotSet) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    owned.release(wake orelse return @intFromEnum(Status.invalid_argument));
    return @intFromEnum(Status.ok);
}

/// 1: another listener consumes, or would.
export fn robyn_channel_has_rival(handle: ?*const Channel) i32 {
    const owned = handle orelse return 0;
    return @intFromBool(owned.hasRival());
}

/// How many messages were copied to `target`, whose address is a multiple of eight; or a status.
export fn robyn_channel_take(handle: ?*Channel, target: ?[*]u8, capacity: u32, max: u32) i32 {
    const invalid = @intFromEnum(Status.invalid_argument);
    const owned = handle orelse return invalid;
    const start = target orelse return invalid;
    if (!std.mem.isAligned(@intFromPtr(start), 8)) return invalid;
    const bytes: []align(8) u8 = @alignCast(start[0..capacity]);
    const count = owned.take(bytes, max) catch |err| return statusOf(err);
    return @intCast(count);
}

/// `wake` becomes the set of the slots that waited for room.
export fn robyn_channel_acknowledge(handle: ?*Channel, wake: ?*channel.SlotSet) i32 {
    const owned = handle orelse return @intFromEnum(Status.invalid_argument);
    return statusOf(owned.acknowledge(wake orelse return @intFromEnum(Status.invalid_argument)));
}

export fn robyn_channel_rewind(handle: ?*Channel) void {
    const owned = handle orelse return;
    owned.rewind();
}

/// 1: nothing is there, and this slot will be rung.
export fn robyn_channel_may_sleep(handle: ?*Channel) i32 {
    const owned = handle orelse return 0;
    return @intFromBool(owned.maySleep());
}

export fn robyn_channel_stats(handle: ?*const Channel, result: ?*ChannelStats) i32 {
    return statusOf(channelStats(handle, result));
}

fn channelStats(handle: ?*const Channel, result: ?*ChannelStats) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const target = result orelse return error.InvalidArgument;
    target.* = try owned.stats();
}

/// Nanoseconds of the clock that all processes of this machine share.
export fn robyn_monotonic_ns() f64 {
    return @floatFromInt(clock.monotonicNanoseconds());
}

/// `not_found`: this process is not, or not any more, a child of `parent`.
export fn robyn_process_die_with_parent(parent: u32) i32 {
    return statusOf(process.dieWithParent(parent));
}

/// How many listening sockets on `port` stay open, or a negative `Status`. With `only_idle` other
/// than 0, those stay in whose queue a connection waits.
export fn robyn_process_close_listeners(
    ptr: ?[*]const i32,
    len: u32,
    port: u32,
    only_idle: u32,
) i32 {
    const descriptors = descriptorsOf(ptr, len) catch |err| return statusOf(err);
    const number = std.math.cast(u16, port) orelse return statusOf(error.InvalidArgument);
    const open = process.closeListeners(descriptors, number, only_idle != 0) catch |err|
        return statusOf(err);
    return @intCast(open);
}

/// How many connections a server on `port` has, or a negative `Status`.
export fn robyn_process_count_connections(ptr: ?[*]const i32, len: u32, port: u32) i32 {
    const descriptors = descriptorsOf(ptr, len) catch |err| return statusOf(err);
    const number = std.math.cast(u16, port) orelse return statusOf(error.InvalidArgument);
    return @intCast(process.countConnections(descriptors, number));
}

fn descriptorsOf(ptr: ?[*]const i32, len: u32) error{InvalidArgument}![]const i32 {
    if (len > limits.descriptors_max) return error.InvalidArgument;
    if (len == 0) return &.{};
    const start = ptr orelse return error.InvalidArgument;
    return start[0..len];
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

test "descriptors of this process through the C surface" {
    const invalid = @intFromEnum(Status.invalid_argument);
    const descriptors = [_]i32{ 0, 1, 2, -1, std.math.maxInt(i32) };
    try std.testing.expectEqual(0, robyn_process_count_connections(&descriptors, 5, 1));
    try std.testing.expectEqual(0, robyn_process_count_connections(null, 0, 1));
    try std.testing.expectEqual(invalid, robyn_process_count_connections(null, 1, 1));
    try std.testing.expectEqual(invalid, robyn_process_close_listeners(&descriptors, 5, 65_536, 0));
    const too_many = limits.descriptors_max + 1;
    const counted = robyn_process_count_connections(&descriptors, too_many, 1);
    try std.testing.expectEqual(invalid, counted);
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

test "a channel through the C surface" {
    var handle: u64 = 0;
    const options: segment.Options = .{ .shared = 0 };
    try std.testing.expectEqual(0, robyn_segment_create(&options, &handle));
    const owned: *Segment = @ptrFromInt(handle);
    defer robyn_segment_close(owned);
    try std.testing.expectEqual(-19, robyn_channel_open(owned, 0, 10, "events", 6, &handle));
    _ = robyn_segment_claim_slot(owned, 0);
    try std.testing.expectEqual(-12, robyn_channel_open(owned, 0, 10, null, 6, &handle));
    try std.testing.expectEqual(0, robyn_channel_open(owned, 0, 10, "events", 6, &handle));
    const events: *Channel = @ptrFromInt(handle);
    defer robyn_channel_close(events);
    var target: [64]u8 align(8) = undefined;
    var wake: channel.SlotSet = undefined;
    try std.testing.expectEqual(-19, robyn_channel_take(events, &target, 64, 1));
    try std.testing.expectEqual(1, robyn_channel_lease(events));
    try std.testing.expectEqual(0, robyn_channel_has_rival(events));
    try std.testing.expectEqual(1, robyn_channel_may_sleep(events));
    try std.testing.expectEqual(1, robyn_channel_send(events, "abc", 3, 1, 5));
    try std.testing.expectEqual(-12, robyn_channel_send(events, null, 3, 1, 5));
    try std.testing.expectEqual(-12, robyn_channel_take(events, target[1..], 32, 1));
    try std.testing.expectEqual(1, robyn_channel_take(events, &target, 64, 1));
    robyn_channel_rewind(events);
    try std.testing.expectEqual(1, robyn_channel_take(events, &target, 64, 1));
    try std.testing.expectEqualStrings("abc", target[16..19]);
    var stats: ChannelStats = undefined;
    try std.testing.expectEqual(0, robyn_channel_stats(events, &stats));
    try std.testing.expectEqual(5, stats.oldest_ns);
    try std.testing.expectEqual(0, robyn_channel_acknowledge(events, &wake));
    try std.testing.expectEqual(0, robyn_channel_must_wait(events, 3));
    try std.testing.expectEqual(0, robyn_channel_release(events, &wake));
    try std.testing.expectEqual(-12, robyn_channel_release(events, null));
    try std.testing.expectEqual(-12, robyn_channel_acknowledge(null, &wake));
    try std.testing.expectEqual(-12, robyn_channel_stats(null, &stats));
    try std.testing.expectEqual(-12, robyn_channel_send(null, null, 0, 0, 0));
    try std.testing.expectEqual(0, robyn_channel_lease(null));
    robyn_channel_close(null);
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
