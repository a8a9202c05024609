//! What a `find` costs, measured on this machine: `zig build bench`.
//!
//! Each subject is asked for routes in a random order that does not repeat within 4,096 requests,
//! so that branch predictors and the first cache level help no more than they do in a server.
//! Guarantees: every answer is compared with the endpoint that was asked for before it is timed.

const std = @import("std");
const builtin = @import("builtin");
const Table = @import("route_table.zig").Table;
const InsertReport = @import("route_table.zig").InsertReport;
const Match = @import("route_table.zig").Match;

const urls_count = 4096;
const rounds = 200;

const Url = struct { bytes: [128]u8, len: u32, endpoint: u32 };

pub fn main(init: std.process.Init) !void {
    std.debug.print("robyn native benchmark, {t}, {t}\n", .{
        builtin.mode, builtin.cpu.arch,
    });
    for ([_]u32{ 10, 1_000, 10_000 }) |routes_count| try measure(init, routes_count);
}

fn measure(init: std.process.Init, routes_count: u32) !void {
    const gpa = std.heap.page_allocator;
    const urls = try gpa.alloc(Url, urls_count);
    defer gpa.free(urls);
    const begin = now(init.io);
    var table: Table = .init(gpa, .{});
    defer table.deinit();
    var buffer: [128]u8 = undefined;
    for (0..routes_count) |index| {
        const pattern = try std.fmt.bufPrint(&buffer, "/api/v1/resource{d}/items/:id", .{index});
        var report: InsertReport = .empty;
        try table.insert(0, pattern, @intCast(index), &report);
    }
    try table.seal();
    const built = now(init.io);
    var prng: std.Random.DefaultPrng = .init(1);
    for (urls) |*url| {
        url.endpoint = prng.random().uintLessThan(u32, routes_count);
        const format = "http://localhost:3000/api/v1/resource{d}/items/{d}";
        const text = try std.fmt.bufPrint(&url.bytes, format, .{
            url.endpoint, prng.random().uintLessThan(u32, 100_000),
        });
        url.len = @intCast(text.len);
    }
    var match: Match = undefined;
    for (urls) |*url| {
        const found = table.find(0, url.bytes[0..url.len], &match);
        if (found != url.endpoint or match.values_count != 1) return error.WrongAnswer;
    }
    var best: f64 = std.math.inf(f64);
    var total: f64 = 0;
    for (0..rounds) |_| {
        const started = now(init.io);
        for (urls) |*url| {
            const found = table.find(0, url.bytes[0..url.len], &match);
            std.mem.doNotOptimizeAway(found);
        }
        const spent: f64 = @floatFromInt(now(init.io) - started);
        best = @min(best, spent / urls_count);
        total += spent / urls_count;
    }
    std.debug.print("{d:>6} routes: find {d:.1} ns (best {d:.1}), insert and seal {d:.2} ms\n", .{
        routes_count,
        total / rounds,
        best,
        @as(f64, @floatFromInt(built - begin)) / 1e6,
    });
}

fn now(io: std.Io) i96 {
    return std.Io.Clock.now(.awake, io).nanoseconds;
}
