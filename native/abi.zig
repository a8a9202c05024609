//! The whole C surface. TypeScript mirrors it line for line; nothing here decides anything.
//!
//! Every function takes an explicit handle; there are no mutable globals, because worker threads of
//! one process share the loaded library. A null handle, a null result pointer or a null text with a
//! length is `invalid_argument` (for `find`: `not_sealed`), never a crash: JavaScript turns a
//! missing argument into 0.
//! A handle that was destroyed is not detected: the caller owns it.

const std = @import("std");
const limits = @import("limits.zig");
const manifest = @import("manifest.zig");
const process = @import("process.zig");
const response_cache = @import("response_cache.zig");
const route_table = @import("route_table.zig");
const status = @import("status.zig");

pub const Status = status.Status;
pub const Verdict = status.Verdict;
pub const InsertReport = route_table.InsertReport;
pub const Match = route_table.Match;
pub const CacheEntry = response_cache.CacheEntry;
const Table = route_table.Table;
const Cache = response_cache.Cache;

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

test "the manifest reports the size it needs" {
    var buffer: [8192]u8 = undefined;
    var written: u32 = 0;
    const out_of_space = @intFromEnum(Status.out_of_space);
    try std.testing.expectEqual(out_of_space, robyn_manifest(null, 0, &written));
    try std.testing.expectEqual(manifest.text.len, written);
    try std.testing.expectEqual(out_of_space, robyn_manifest(&buffer, written - 1, &written));
    try std.testing.expectEqual(0, robyn_manifest(&buffer, written, &written));
    try std.testing.expectEqualStrings(manifest.text, buffer[0..written]);
    try std.testing.expectEqual(2, robyn_abi_version());
}
