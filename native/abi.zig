//! The whole C surface. TypeScript mirrors it line for line; nothing here decides anything.
//!
//! Every function takes an explicit handle; there are no mutable globals, because worker threads of
//! one process share the loaded library. A null handle, a null result pointer or a null text with a
//! length is `invalid_argument` (for `find`: `not_sealed`), never a crash: JavaScript turns a
//! missing argument into 0.
//! A handle that was destroyed is not detected: the caller owns it.

const std = @import("std");
const cache_debts = @import("cache_debts.zig");
const channel = @import("channel.zig");
const clock = @import("clock.zig");
const flight = @import("flight.zig");
const limits = @import("limits.zig");
const manifest = @import("manifest.zig");
const process = @import("process.zig");
const rate_limit = @import("rate_limit.zig");
const metrics = @import("metrics.zig");
const response_cache = @import("response_cache.zig");
const route_table = @import("route_table.zig");
const segment = @import("segment.zig");
const shared_cache = @import("shared_cache.zig");
const status = @import("status.zig");
const processor = @import("ticks.zig");

pub const Status = status.Status;
pub const Verdict = status.Verdict;
pub const InsertReport = route_table.InsertReport;
pub const Match = route_table.Match;
pub const CacheEntry = response_cache.CacheEntry;
pub const ChannelStats = channel.Stats;
const Table = route_table.Table;
const Cache = response_cache.Cache;
const Channel = channel.Channel;
const Debts = cache_debts.Debts;
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

/// 1: allowed and charged, 0: refused, or a `Status`. The answers are in the windows; see
/// `rate_limit.zig`. `now` is in nanoseconds of the clock below.
export fn robyn_rate_limit_decide(
    handle: ?*Segment,
    windows: ?[*]rate_limit.Window,
    windows_count: u32,
    text_ptr: ?[*]const u8,
    text_len: u32,
    now: f64,
) i32 {
    const allowed = rateLimitDecide(handle, windows, windows_count, text_ptr, text_len, now) catch
        return @intFromEnum(Status.invalid_argument);
    return @intFromBool(allowed);
}

fn rateLimitDecide(
    handle: ?*Segment,
    windows: ?[*]rate_limit.Window,
    windows_count: u32,
    text_ptr: ?[*]const u8,
    text_len: u32,
    now: f64,
) error{InvalidArgument}!bool {
    const owned = handle orelse return error.InvalidArgument;
    const asked = windows orelse return error.InvalidArgument;
    // Not a number compares with nothing.
    if (!(now >= 0 and now < rate_limit.full_ns_max)) return error.InvalidArgument;
    const text = try slice(text_ptr, text_len);
    return owned.rateLimits().decide(asked[0..windows_count], text, @intFromFloat(now));
}

/// Keys in use that the bounded table has forgotten.
export fn robyn_rate_limit_evictions(handle: ?*const Segment) f64 {
    const owned = handle orelse return 0;
    return @floatFromInt(@atomicLoad(u64, owned.rateLimits().evictions, .monotonic));
}

/// Nanoseconds of the clock that all processes of this machine share.
export fn robyn_monotonic_ns() f64 {
    return @floatFromInt(clock.monotonicNanoseconds());
}

/// `not_found`: this process is not, or not any more, a child of `parent`.
export fn robyn_process_die_with_parent(parent: u32) i32 {
    return statusOf(process.dieWithParent(parent));
}

/// How many listening sockets on `port` there are, or a negative `Status`.
export fn robyn_process_accept_at_once(ptr: ?[*]const i32, len: u32, port: u32) i32 {
    const descriptors = descriptorsOf(ptr, len) catch |err| return statusOf(err);
    const number = std.math.cast(u16, port) orelse return statusOf(error.InvalidArgument);
    const count = process.acceptAtOnce(descriptors, number) catch |err| return statusOf(err);
    return @intCast(count);
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

/// Whether `robyn_ticks` can be used here: 1 or 0.
export fn robyn_ticks_are_steady() u32 {
    return @intFromBool(processor.isSteady());
}

/// The processor's counter. Exact to the tick for a month of uptime, to two for the next.
export fn robyn_ticks() f64 {
    return @floatFromInt(processor.ticks());
}

/// Where the numbers and texts of the metrics lie; `slot` is the caller's own.
export fn robyn_metrics_map(handle: ?*Segment, slot: u32, map: ?*metrics.Map) i32 {
    return statusOf(metricsMap(handle, slot, map));
}

fn metricsMap(handle: ?*Segment, slot: u32, map: ?*metrics.Map) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const result = map orelse return error.InvalidArgument;
    if (slot >= limits.slots_max) return error.InvalidArgument;
    const region = owned.metrics();
    result.* = .{
        .lines_ptr = @intFromPtr(&region.lines),
        .texts_ptr = @intFromPtr(&region.texts),
        .lines_bytes = @sizeOf(@TypeOf(region.lines)),
        .texts_bytes = @sizeOf(@TypeOf(region.texts)),
        .incarnation = owned.incarnationOf(slot),
    };
}

/// The number of a family (`parent` 0) or of a series of one. `limit` 0: no limit of the family.
export fn robyn_metrics_register(
    handle: ?*Segment,
    parent: u32,
    limit: u32,
    ptr: ?[*]const u8,
    len: u32,
    number: ?*u32,
) i32 {
    return statusOf(metricsRegister(handle, parent, limit, ptr, len, number));
}

fn metricsRegister(
    handle: ?*Segment,
    parent: u32,
    limit: u32,
    ptr: ?[*]const u8,
    len: u32,
    number: ?*u32,
) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const result = number orelse return error.InvalidArgument;
    const text = try slice(ptr, len);
    result.* = try metrics.register(owned.metrics(), owned.seed(), parent, limit, text);
}

/// A new line of zeros for a slot. Called by the listener that holds it, once for each part.
export fn robyn_metrics_add_line(
    handle: ?*Segment,
    slot: u32,
    series: u32,
    part: u32,
    line: ?*u32,
) i32 {
    return statusOf(metricsAddLine(handle, slot, series, part, line));
}

fn metricsAddLine(
    handle: ?*Segment,
    slot: u32,
    series: u32,
    part: u32,
    line: ?*u32,
) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const result = line orelse return error.InvalidArgument;
    if (slot >= limits.slots_max) return error.InvalidArgument;
    result.* = try metrics.addLine(owned.metrics(), slot, series, part);
}

/// The lines that a slot has. Too few records is `out_of_space`; `count` is then how many it needs.
export fn robyn_metrics_owned(
    handle: ?*Segment,
    slot: u32,
    records: ?[*]metrics.Owned,
    capacity: u32,
    count: ?*u32,
) i32 {
    return statusOf(metricsOwned(handle, slot, records, capacity, count));
}

fn metricsOwned(
    handle: ?*Segment,
    slot: u32,
    records: ?[*]metrics.Owned,
    capacity: u32,
    count: ?*u32,
) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const result = count orelse return error.InvalidArgument;
    const target: []metrics.Owned = if (records) |start| start[0..capacity] else &.{};
    result.* = try metrics.owned(owned.metrics(), slot, target);
    if (result.* > target.len) return error.OutOfSpace;
}

/// Every part of every series, added up. Too few totals is `out_of_space`; see `Summary.totals`.
export fn robyn_metrics_read(
    handle: ?*Segment,
    totals: ?[*]metrics.Total,
    capacity: u32,
    summary: ?*metrics.Summary,
) i32 {
    return statusOf(metricsRead(handle, totals, capacity, summary));
}

fn metricsRead(
    handle: ?*Segment,
    totals: ?[*]metrics.Total,
    capacity: u32,
    summary: ?*metrics.Summary,
) status.Error!void {
    const owned = handle orelse return error.InvalidArgument;
    const result = summary orelse return error.InvalidArgument;
    const target: []metrics.Total = if (totals) |start| start[0..capacity] else &.{};
    const region = owned.metrics();
    var incarnations: [limits.slots_max]u32 = undefined;
    var alive: u32 = 0;
    for (&incarnations, 0..) |*incarnation, slot| {
        incarnation.* = owned.incarnationOf(@intCast(slot));
        if (incarnation.* != 0) alive += 1;
    }
    result.* = .{
        .totals = try metrics.read(gpa, region, &incarnations, target),
        .listeners_alive = alive,
        .listeners_started = owned.incarnations(),
        .series = @atomicLoad(u32, &region.series_used, .monotonic),
        .lines = @atomicLoad(u32, &region.lines_used, .monotonic),
    };
    if (result.totals > target.len) return error.OutOfSpace;
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

/// An invalidation is about to take effect that other clusters have to be told of. Its number.
export fn robyn_cache_debt_incur(handle: ?*Segment, slot: u32) f64 {
    const owned = handle orelse return 0;
    if (slot >= limits.slots_max) return 0;
    return @floatFromInt(Debts.of(owned).incur(slot));
}

/// All that the slot has incurred up to this number has arrived.
export fn robyn_cache_debt_settle(handle: ?*Segment, slot: u32, number: f64) void {
    const owned = handle orelse return;
    if (slot >= limits.slots_max) return;
    Debts.of(owned).settle(slot, std.math.lossyCast(u64, number));
}

/// 1: somebody owes.
export fn robyn_cache_debts_are_open(handle: ?*Segment) i32 {
    const owned = handle orelse return 1;
    return @intFromBool(Debts.of(owned).areOpen());
}

/// The latest that the slot owes; with `left` only if nobody holds it. 0: nothing.
export fn robyn_cache_debt_owed(handle: ?*Segment, slot: u32, left: u32) f64 {
    const owned = handle orelse return 0;
    if (slot >= limits.slots_max) return 0;
    const debts = Debts.of(owned);
    return @floatFromInt(if (left != 0) debts.leftBy(slot) else debts.owedBy(slot));
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
/// In front of each stands a `channel.Taken`.
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
    try std.testing.expectEqual(invalid, robyn_process_accept_at_once(&descriptors, too_many, 1));
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

test "a rate limit through the C surface" {
    var handle: u64 = 0;
    const options: segment.Options = .{ .shared = 0 };
    try std.testing.expectEqual(0, robyn_segment_create(&options, &handle));
    const owned: *Segment = @ptrFromInt(handle);
    defer robyn_segment_close(owned);
    var windows = std.mem.zeroes([1]rate_limit.Window);
    windows[0].interval_ns = 1_000;
    windows[0].burst = 1;
    windows[0].cost = 1;
    windows[0].key_end = 1;
    try std.testing.expectEqual(1, robyn_rate_limit_decide(owned, &windows, 1, "a", 1, 5));
    try std.testing.expectEqual(0, robyn_rate_limit_decide(owned, &windows, 1, "a", 1, 5));
    try std.testing.expectEqual(1_000, windows[0].retry_ns);
    try std.testing.expectEqual(0, robyn_rate_limit_evictions(owned));
    const nan = std.math.nan(f64);
    try std.testing.expectEqual(-12, robyn_rate_limit_decide(owned, &windows, 1, "a", 1, nan));
    try std.testing.expectEqual(-12, robyn_rate_limit_decide(owned, &windows, 1, null, 1, 5));
    try std.testing.expectEqual(-12, robyn_rate_limit_decide(owned, null, 1, "a", 1, 5));
    try std.testing.expectEqual(-12, robyn_rate_limit_decide(null, &windows, 1, "a", 1, 5));
    try std.testing.expectEqual(0, robyn_rate_limit_evictions(null));
}

test "metrics through the C surface" {
    var handle: u64 = 0;
    try std.testing.expectEqual(0, robyn_segment_create(&.{ .shared = 0 }, &handle));
    const owned: *Segment = @ptrFromInt(handle);
    defer robyn_segment_close(owned);
    _ = robyn_segment_claim_slot(owned, 1);
    var map: metrics.Map = undefined;
    try std.testing.expectEqual(0, robyn_metrics_map(owned, 1, &map));
    try std.testing.expectEqual(1, map.incarnation);
    var series: u32 = 0;
    var line: u32 = 9;
    try std.testing.expectEqual(0, robyn_metrics_register(owned, 0, 0, "f", 1, &series));
    try std.testing.expectEqual(0, robyn_metrics_add_line(owned, 1, series, 0, &line));
    try std.testing.expectEqual(1, line);
    const lines: [*]metrics.Line = @ptrFromInt(map.lines_ptr);
    lines[line][2] = 4;
    var records: [1]metrics.Owned = undefined;
    var count: u32 = 0;
    try std.testing.expectEqual(0, robyn_metrics_owned(owned, 1, &records, 1, &count));
    try std.testing.expectEqual(-11, robyn_metrics_owned(owned, 1, null, 0, &count));
    try std.testing.expectEqual(1, count);
    var totals: [1]metrics.Total = undefined;
    var summary: metrics.Summary = undefined;
    try std.testing.expectEqual(-11, robyn_metrics_read(owned, null, 0, &summary));
    try std.testing.expectEqual(0, robyn_metrics_read(owned, &totals, 1, &summary));
    try std.testing.expectEqual(4, totals[0].cells[2]);
    try std.testing.expectEqual(1, summary.listeners_alive);
    try std.testing.expectEqual(-12, robyn_metrics_read(null, &totals, 1, &summary));
    try std.testing.expectEqual(-12, robyn_metrics_map(owned, limits.slots_max, &map));
    try std.testing.expectEqual(-12, robyn_metrics_register(owned, 0, 0, null, 1, &series));
    try std.testing.expectEqual(-12, robyn_metrics_add_line(null, 1, series, 0, &line));
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
    try std.testing.expectEqual(0, robyn_channel_release(events, &wake));
    try std.testing.expectEqual(1, robyn_channel_lease(events));
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
