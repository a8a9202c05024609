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
