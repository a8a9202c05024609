//! One input, one table, some requests: every answer is held against `naive.zig`.
//!
//! `zig build fuzz-object` compiles this file with coverage instrumentation, for libFuzzer to link;
//! `zig build test` runs the same entry on random inputs, so that it cannot rot.
//!
//! Input: one byte of options, then texts that end with a line feed. The first of them, as many as
//! the options say, are patterns, each preceded by a byte that names its method; the others are
//! requests of the same form.
//! Guarantees: a finding is a crash, and one input gives one run: there is no other state.

const std = @import("std");
const builtin = @import("builtin");
const assert = std.debug.assert;
const limits = @import("limits.zig");
const naive = @import("naive.zig");
const pattern = @import("pattern.zig");
const path = @import("path.zig");
const route_table = @import("route_table.zig");
const status = @import("status.zig");

const routes_max = 24;
const methods_count = 4;
const text_bytes_max = 2048;

comptime {
    if (builtin.fuzz) {
        @export(&initialize, .{ .name = "LLVMFuzzerInitialize" });
        @export(&testOneInput, .{ .name = "LLVMFuzzerTestOneInput" });
    }
}

/// The compiler counts edges in the format of libFuzzer but leaves it to the fuzzer to find the
/// counters: between symbols that the linker makes from the names of their sections.
fn initialize(_: *c_int, _: *[*][*:0]u8) callconv(.c) c_int {
    const start = @extern([*]u8, .{ .name = "__start___sancov_cntrs" });
    const stop = @extern([*]u8, .{ .name = "__stop___sancov_cntrs" });
    const Register = fn ([*]u8, [*]u8) callconv(.c) void;
    // The table of locations has another format than libFuzzer's; it can do without.
    const register = @extern(*const Register, .{ .name = "__sanitizer_cov_8bit_counters_init" });
    register(start, stop);
    return 0;
}

fn testOneInput(data: [*]const u8, len: usize) callconv(.c) c_int {
    // From libc, so that an address sanitizer sees leaks.
    run(std.heap.c_allocator, data[0..len]) catch |err| switch (err) {
        error.OutOfMemory => {},
    };
    return 0;
}

const Subject = struct {
    table: route_table.Table,
    arena: std.heap.ArenaAllocator,
    routes: [routes_max]naive.Route = undefined,
    routes_count: u32 = 0,
};

fn run(gpa: std.mem.Allocator, data: []const u8) error{OutOfMemory}!void {
    if (data.len == 0) return;
    const strict = data[0] & 1 != 0;
    const patterns_count = (data[0] >> 1) % (routes_max + 1);
    var subject: Subject = .{ .table = .init(gpa, .{ .strict = strict }), .arena = .init(gpa) };
    defer subject.table.deinit();
    defer subject.arena.deinit();
    var texts = std.mem.splitScalar(u8, data[1..], '\n');
    for (0..patterns_count) |_| {
        const text = texts.next() orelse break;
        if (text.len > 0) try insert(&subject, text[0] % methods_count, text[1..]);
    }
    subject.table.seal() catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => unreachable,
    };
    while (texts.next()) |text| {
        if (text.len == 0 or text.len > text_bytes_max) continue;
        find(&subject, text[0] % (methods_count + 1), text[1..]);
    }
}

fn insert(subject: *Subject, method: u32, text: []const u8) error{OutOfMemory}!void {
    var report: route_table.InsertReport = undefined;
    const endpoint = subject.routes_count;
    const result = subject.table.insert(method, text, endpoint, &report);
    var shape: pattern.Shape = .empty;
    var diagnosis: pattern.Diagnosis = .{};
    const parsed = pattern.parse(text, subject.table.options.strict, &shape, &diagnosis);
    if (parsed) |_| {} else |_| {
        assert(std.meta.isError(result));
        assert(report.reason == @intFromEnum(diagnosis.reason));
        assert(report.offset <= text.len);
        return;
    }
    for (subject.routes[0..subject.routes_count]) |route| {
        if (route.method != method or !std.mem.eql(u8, route.shape, shape.bytes())) continue;
        assert(result == error.Conflict);
        assert(report.conflict == route.endpoint);
        return;
    }
    result catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => unreachable,
    };
    subject.routes[endpoint] = .{
        .method = method,
        .endpoint = endpoint,
        .shape = try subject.arena.allocator().dupe(u8, shape.bytes()),
        .named = shape.rest == .named,
    };
    subject.routes_count += 1;
}

fn find(subject: *const Subject, method: u32, text: []const u8) void {
    var buffer: [text_bytes_max]u8 = undefined;
    const url = buffer[0..text.len];
    @memcpy(url, text);
    var match: route_table.Match = undefined;
    const found = subject.table.find(method, url, &match);

    var target: [text_bytes_max]u8 = undefined;
    const expected_path = naive.canonical(text, subject.table.options.strict, &target);
    const refused: ?status.Verdict = switch (expected_path.outcome) {
        .ok => null,
        .bad_path => .bad_path,
        .path_too_long => .path_too_long,
        .bad_host => .bad_host,
    };
    if (refused) |verdict| {
        assert(found == @intFromEnum(verdict));
        assert(std.mem.eql(u8, text, url));
        return;
    }
    assert(match.path_start < match.path_end and match.path_end <= url.len);
    const canonical = url[match.path_start..match.path_end];
    assert(std.mem.eql(u8, canonical, target[0..expected_path.len]));
    assert(match.rewritten <= 1);
    if (match.rewritten == 0) assert(std.mem.eql(u8, text, url));
    if (match.rewritten == 1) assert(!std.mem.startsWith(u8, text[match.path_start..], canonical));

    var expected: route_table.Match = undefined;
    const routes = subject.routes[0..subject.routes_count];
    assert(found == naive.find(routes, method, canonical, &expected));
    assert(match.allowed == expected.allowed);
    assert(match.values_count == expected.values_count);
    for (0..2 * match.values_count) |index| {
        assert(match.spans[index] == match.path_start + expected.spans[index]);
    }
}

const pieces = [_][]const u8{
    "/",
    "/",
    "/",
    "/",
    "a",
    "b",
    "ab",
    ":x",
    ":y",
    ":zed",
    "*",
    "*rest",
    "a",
    "%61",
    "%2f",
    "%C3",
    "%a9",
    "%",
    ".",
    "..",
    "%2e",
    "//",
    "%00",
    "é",
    " ",
    "\\",
    "?",
    "#",
    "@",
    ":",
    "80",
    "[",
    "]",
    "A",
    "~",
    "{",
    "0123456789abcdef",
    "http://h",
    "https://host.example:8080",
    "http://",
    "x://[::1]:1",
    "index.html",
};

/// Mostly sensible texts: of random bytes hardly any would get past the first slash.
fn randomInput(random: std.Random, buffer: []u8) []const u8 {
    var writer: std.Io.Writer = .fixed(buffer);
    const patterns_count = random.uintAtMost(u8, routes_max);
    writer.writeByte(patterns_count << 1 | random.int(u1)) catch {};
    for (0..@as(usize, patterns_count) + 32) |line| {
        writer.writeByte(random.uintLessThan(u8, 5)) catch {};
        const tame = random.uintLessThan(u8, 4) > 0;
        if (tame and line >= patterns_count and random.boolean()) {
            writer.writeAll("http://localhost:3000") catch {};
        }
        for (0..random.uintLessThan(usize, 7)) |_| {
            if (tame) writer.writeAll("/") catch {};
            const count: usize = if (!tame) pieces.len else if (line < patterns_count) 12 else 7;
            writer.writeAll(pieces[random.uintLessThan(usize, count)]) catch {};
        }
        writer.writeByte('\n') catch {};
    }
    return writer.buffered();
}

test "two thousand random tables answer as the specification does" {
    const seed = std.testing.random_seed;
    errdefer std.debug.print("seed {d}\n", .{seed});
    var prng: std.Random.DefaultPrng = .init(seed);
    var buffer: [8192]u8 = undefined;
    for (0..2_000) |_| try run(std.testing.allocator, randomInput(prng.random(), &buffer));
}

test "inputs without any structure are survived" {
    var prng: std.Random.DefaultPrng = .init(std.testing.random_seed);
    var buffer: [512]u8 = undefined;
    for (0..2_000) |_| {
        const input = buffer[0..prng.random().uintLessThan(usize, buffer.len)];
        prng.random().bytes(input);
        try run(std.testing.allocator, input);
    }
}
