//! A route table: building, then sealed.
//!
//! Guarantees: while it is built, an insert is complete or without effect. Once sealed it never
//! changes, so any number of threads may search it; `find` allocates nothing and takes no lock.
//! Refuses: inserting into a sealed table, searching one that is not sealed.

const std = @import("std");
const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const limits = @import("limits.zig");
const method_module = @import("method.zig");
const path = @import("path.zig");
const pattern = @import("pattern.zig");
const status = @import("status.zig");
const Builder = @import("builder.zig").Builder;
const Tree = @import("tree.zig").Tree;
const none = @import("tree.zig").none;
const flatten = @import("flatten.zig").flatten;

/// What an insert has to say beside its status.
pub const InsertReport = extern struct {
    /// A `status.Reason`, with the byte offset in the pattern as given: for `pattern_invalid`.
    reason: u32,
    offset: u32,
    /// Endpoint of the other route: for `conflict`.
    conflict: u32,
    _pad: u32,

    pub const empty: InsertReport = .{ .reason = 0, .offset = 0, .conflict = 0, ._pad = 0 };
};

/// What `find` has to say beside its verdict. Positions count bytes of the text given to `find`.
pub const Match = extern struct {
    /// For `method_not_allowed`: bit `1 << id` for each method that has a route for this path.
    allowed: u32,
    path_start: u32,
    path_end: u32,
    /// 1 if the canonical path differs from the raw one, which it then has replaced.
    rewritten: u32,
    values_count: u32,
    /// `start, end` of each value, in the order of the pattern; the rest is left as it was.
    spans: [2 * limits.params_max]u32,
};

comptime {
    assert(@sizeOf(InsertReport) == 16);
    assert(@sizeOf(Match) == 20 + 8 * limits.params_max);
    assert(@offsetOf(Match, "spans") == 20);
}

pub const Options = struct {
    /// A trailing slash makes another path.
    strict: bool = false,
};

pub const Table = struct {
    gpa: Allocator,
    options: Options,
    methods: method_module.Registry,
    routes_count: u32,
    state: union(enum) { building: Builder, sealed: Tree },

    pub fn init(gpa: Allocator, options: Options) Table {
        return .{
            .gpa = gpa,
            .options = options,
            .methods = .init(),
            .routes_count = 0,
            .state = .{ .building = .{} },
        };
    }

    pub fn deinit(table: *Table) void {
        switch (table.state) {
            .building => |*builder| builder.deinit(table.gpa),
            .sealed => |*tree| tree.deinit(table.gpa),
        }
        table.* = undefined;
    }

    /// The id of a method. A sealed table knows its methods and takes no new ones.
    pub fn method(table: *Table, token: []const u8) status.Error!u32 {
        if (table.state == .sealed) {
            return table.methods.find(token) orelse error.Sealed;
        }
        return table.methods.register(token);
    }

    pub fn insert(
        table: *Table,
        method_id: u32,
        text: []const u8,
        endpoint: u32,
        report: *InsertReport,
    ) status.Error!void {
        report.* = .empty;
        const builder = switch (table.state) {
            .building => |*builder| builder,
            .sealed => return error.Sealed,
        };
        if (method_id >= table.methods.count) return error.MethodInvalid;
        if (endpoint > limits.endpoint_max) return error.InvalidArgument;
        var shape: pattern.Shape = .empty;
        var diagnosis: pattern.Diagnosis = .{};
        pattern.parse(text, table.options.strict, &shape, &diagnosis) catch |err| {
            report.reason = @intFromEnum(diagnosis.reason);
            report.offset = diagnosis.offset;
            return err;
        };
        if (table.routes_count == limits.routes_max) return error.TooManyRoutes;
        try builder.insert(table.gpa, method_id, &shape, endpoint, &report.conflict);
        table.routes_count += 1;
    }

    /// From now on the table answers and does not change. A seal that fails can be repeated.
    pub fn seal(table: *Table) status.Error!void {
        const builder = switch (table.state) {
            .building => |*builder| builder,
            .sealed => return error.Sealed,
        };
        const tree = try flatten(table.gpa, builder);
        builder.deinit(table.gpa);
        table.state = .{ .sealed = tree };
    }

    /// An endpoint, or a `status.Verdict`. The canonical path is written over the path in `url`.
    pub fn find(table: *const Table, method_id: u32, url: []u8, match: *Match) i32 {
        match.allowed = 0;
        match.path_start = 0;
        match.path_end = 0;
        match.rewritten = 0;
        match.values_count = 0;
        const tree = switch (table.state) {
            .building => return verdict(.not_sealed),
            .sealed => |*tree| tree,
        };
        var marks: path.Marks = .of(url);
        const span = path.canonical(url, table.options.strict, marks);
        switch (span.outcome) {
            .ok => {},
            .bad_path => return verdict(.bad_path),
            .path_too_long => return verdict(.path_too_long),
            .bad_host => return verdict(.bad_host),
        }
        if (span.rewritten) marks = .of(url);
        match.path_start = span.start;
        match.path_end = span.end;
        match.rewritten = @intFromBool(span.rewritten);
        if (method_id < table.methods.count) {
            const slashes = marks.slashes;
            const hit = tree.find(method_id, url, span.start, span.end, slashes, &match.spans);
            if (hit.endpoint != none) {
                match.values_count = hit.values_count;
                return @intCast(hit.endpoint);
            }
        }
        return table.miss(tree, method_id, url, marks.slashes, match);
    }

    /// HEAD follows GET (RFC 9110 section 9.3.2); otherwise the other methods tell a path that
    /// nobody knows from a method that this path does not take.
    fn miss(
        table: *const Table,
        tree: *const Tree,
        method_id: u32,
        url: []const u8,
        slashes: path.Slashes,
        match: *Match,
    ) i32 {
        @branchHint(.unlikely);
        const spans = &match.spans;
        for (0..table.methods.count) |other| {
            if (other == method_id) continue;
            const id: u5 = @intCast(other);
            const hit = tree.find(id, url, match.path_start, match.path_end, slashes, spans);
            if (hit.endpoint == none) continue;
            if (method_id == method_module.head and id == method_module.get) {
                match.values_count = hit.values_count;
                return @intCast(hit.endpoint);
            }
            match.allowed |= @as(u32, 1) << id;
        }
        assert(match.values_count == 0);
        return verdict(if (match.allowed == 0) .not_found else .method_not_allowed);
    }
};

comptime {
    // `miss` asks GET before every other method, so that HEAD finds nothing clobbered.
    assert(method_module.get == 0);
}

fn verdict(value: status.Verdict) i32 {
    return @intFromEnum(value);
}

fn expectFind(table: *const Table, expected: i32, text: []const u8) !void {
    var buffer: [limits.url_bytes_max]u8 = undefined;
    @memcpy(buffer[0..text.len], text);
    var match: Match = undefined;
    try std.testing.expectEqual(expected, table.find(0, buffer[0..text.len], &match));
}

test "an allocation that fails at any point leaves a table that can go on" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildAndFind, .{});
}

const some_patterns = [_][]const u8{
    "/",     "/a",    "/a/b",       "/a/:x",     "/a/:x/c", "/b/*",
    "/c/*d", "/:p/q", "/a/b/c/d/e", "/one/:two", "/x/y/z",  "/x/y/:w/*",
};

fn buildAndFind(gpa: Allocator) !void {
    var table: Table = .init(gpa, .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    for (some_patterns, 0..) |text, endpoint| {
        table.insert(0, text, @intCast(endpoint), &report) catch |err| {
            // Nothing was done: sealing the others and asking for them works.
            try std.testing.expectEqual(endpoint, table.routes_count);
            table.seal() catch return err;
            if (endpoint > 0) try expectFind(&table, 0, "/");
            return err;
        };
    }
    try table.seal();
    try expectFind(&table, 4, "/a/1/c");
    try expectFind(&table, 11, "/x/y/1/2/3");
    try expectFind(&table, @intFromEnum(status.Verdict.not_found), "/x/y");
}

test "a seal that fails can be repeated, a table that is sealed takes nothing more" {
    var failing: std.testing.FailingAllocator = .init(std.testing.allocator, .{});
    var table: Table = .init(failing.allocator(), .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    try table.insert(0, "/a/:b", 3, &report);
    failing.fail_index = failing.alloc_index;
    try std.testing.expectError(error.OutOfMemory, table.seal());
    try expectFind(&table, @intFromEnum(status.Verdict.not_sealed), "/a/b");
    failing.fail_index = std.math.maxInt(usize);
    try table.insert(0, "/b", 4, &report);
    try table.seal();
    try expectFind(&table, 3, "/a/b");
    try std.testing.expectError(error.Sealed, table.seal());
    try std.testing.expectError(error.Sealed, table.insert(0, "/c", 5, &report));
    try std.testing.expectEqual(0, try table.method("GET"));
    try std.testing.expectError(error.Sealed, table.method("PURGE"));
}

test "a table is full at routes_max, and every one of its routes is found" {
    var table: Table = .init(std.heap.page_allocator, .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    var buffer: [64]u8 = undefined;
    for (0..limits.routes_max) |index| {
        const text = try std.fmt.bufPrint(&buffer, "/s{d}/x{d}", .{ index % 256, index });
        try table.insert(0, text, @intCast(index), &report);
    }
    try std.testing.expectError(error.TooManyRoutes, table.insert(0, "/y", 0, &report));
    try table.seal();
    for (0..limits.routes_max) |index| {
        const text = try std.fmt.bufPrint(&buffer, "/s{d}/x{d}", .{ index % 256, index });
        try expectFind(&table, @intCast(index), text);
    }
}

test "an empty table knows no path, and endpoint ids have a limit" {
    var table: Table = .init(std.testing.allocator, .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    const above = limits.endpoint_max + 1;
    try std.testing.expectError(error.InvalidArgument, table.insert(0, "/", above, &report));
    try std.testing.expectError(error.MethodInvalid, table.insert(9, "/", 0, &report));
    try table.seal();
    try expectFind(&table, @intFromEnum(status.Verdict.not_found), "/");
}

/// Counts what a search does, and that it visits no node twice.
const Counter = struct {
    visits: []u8,
    visits_count: usize = 0,
    bytes_count: usize = 0,

    pub fn visit(counter: *Counter, node: u32) void {
        assert(counter.visits[node] == 0);
        counter.visits[node] = 1;
        counter.visits_count += 1;
    }

    pub fn read(counter: *Counter, bytes_count: usize) void {
        counter.bytes_count += bytes_count;
    }

    fn work(counter: *const Counter) usize {
        return counter.visits_count + counter.bytes_count;
    }
};

fn count(table: *const Table, text: []const u8) !Counter {
    const tree = &table.state.sealed;
    const visits = try std.testing.allocator.alloc(u8, tree.nodes.len);
    defer std.testing.allocator.free(visits);
    @memset(visits, 0);
    var counter: Counter = .{ .visits = visits };
    var spans: @FieldType(Match, "spans") = undefined;
    const end: u32 = @intCast(text.len);
    const slashes = path.Marks.of(text).slashes;
    _ = tree.search(tree.roots[0], text, 0, end, slashes, &spans, &counter);
    return counter;
}

test "a search visits no node twice, even where all alternatives of all levels fail" {
    var table: Table = .init(std.testing.allocator, .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    // `/a/a/a/end`, `/a/a/:x2/end`, … all 256 mixtures of literals and parameters, and rests.
    for (0..256) |mixture| {
        var buffer: [256]u8 = undefined;
        var writer: std.Io.Writer = .fixed(&buffer);
        for (0..8) |level| {
            if (mixture >> @intCast(level) & 1 == 0) {
                try writer.writeAll("/a");
            } else try writer.print("/:x{d}", .{level});
        }
        try table.insert(0, writer.buffered(), @intCast(mixture), &report);
        try writer.writeAll("/end");
        try table.insert(0, writer.buffered(), @intCast(mixture), &report);
        try writer.writeAll("/*rest");
        try table.insert(0, writer.buffered(), @intCast(mixture), &report);
    }
    try table.seal();
    const counter = try count(&table, "/a" ** 8 ++ "/end/");
    try std.testing.expect(counter.visits_count > 256);
    try std.testing.expect(counter.visits_count <= table.state.sealed.nodes.len);
    try expectFind(&table, @intFromEnum(status.Verdict.not_found), "/a" ** 8 ++ "/no");
}

// Counted, not timed: a busy machine cannot make it fail. Target: t(2n) / t(n) <= 2.5.
test "twice as long a hostile path is at most two and a half times the work" {
    var table: Table = .init(std.testing.allocator, .{});
    defer table.deinit();
    var report: InsertReport = undefined;
    const patterns = [_][]const u8{
        "/a/:x/end",  "/:x/:y/:z/end", "/a/*rest", "/a/a/a/:x/:y/end", "/:a/a/:b/a/:c/a/*",
        "/aa/:x/end", "/:x/aa/*name",  "/a/a/*z",  "/a/a/a/a/a/a/a/b", "/:v",
    };
    for (patterns, 0..) |text, endpoint| try table.insert(0, text, @intCast(endpoint), &report);
    try table.seal();
    const hostile = [_][]const u8{ "/a", "/", "a", "-a", "/a/a/end", "/aaaaaaaaaaaaaaaaaaaaaaaa" };
    for (hostile) |piece| {
        var buffer: [limits.path_bytes_max]u8 = undefined;
        buffer[0] = '/';
        for (buffer[1..], 0..) |*byte, index| byte.* = piece[index % piece.len];
        var length: usize = 64;
        while (2 * length <= buffer.len) : (length *= 2) {
            const once = try count(&table, buffer[0..length]);
            const twice = try count(&table, buffer[0 .. 2 * length]);
            try std.testing.expect(2 * twice.work() <= 5 * once.work());
        }
    }
}
