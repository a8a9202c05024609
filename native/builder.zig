//! A table that is still being built: one tree of segments per method, with a map from a node and
//! a segment to the child. `flatten.zig` turns it into the form that is searched.
//!
//! Conflict rules:
//! 1. Two routes conflict when method and shape are equal; names of parameters do not count, and
//!    `/*` and `/*name` are one shape.
//! 2. `/files/*` also answers `/files`, but a route `/files` is no conflict and wins.
//!
//! Guarantees: an insert that fails leaves the tree as it was (it looks, reserves, then writes);
//! cost linear in the length of the pattern, however many routes there are.
//! Refuses: a second route of the same method and shape.

const std = @import("std");
const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const limits = @import("limits.zig");
const pattern = @import("pattern.zig");

pub const none: u32 = std.math.maxInt(u32);

pub const Kind = enum(u8) { static, parameter, rest };

pub const Node = struct {
    kind: Kind,
    /// Only of a rest: it takes at least one byte.
    named: bool = false,
    parent: u32,
    /// Without its slash, in `Builder.bytes`; a marker byte for a parameter or a rest.
    segment_start: u32,
    segment_len: u32,
    first_child: u32 = none,
    next_sibling: u32 = none,
    endpoint: u32 = none,
};

const Key = struct { parent: u32, segment: []const u8 };

pub const Builder = struct {
    nodes: std.ArrayList(Node) = .empty,
    bytes: std.ArrayList(u8) = .empty,
    children: std.HashMapUnmanaged(u32, void, Context, 80) = .empty,
    roots: [limits.methods_max]u32 = @splat(none),

    pub fn deinit(builder: *Builder, gpa: Allocator) void {
        builder.nodes.deinit(gpa);
        builder.bytes.deinit(gpa);
        builder.children.deinit(gpa);
        builder.* = undefined;
    }

    /// `conflict` is set to the endpoint that already has this shape.
    pub fn insert(
        builder: *Builder,
        gpa: Allocator,
        method: u32,
        shape: *const pattern.Shape,
        endpoint: u32,
        conflict: *u32,
    ) error{ OutOfMemory, Conflict }!void {
        assert(method < limits.methods_max);
        assert(endpoint <= limits.endpoint_max);
        const bytes = shape.bytes();
        assert(bytes.len > 0 and bytes[0] == '/');
        if (builder.endpointAt(builder.roots[method], bytes)) |other| {
            conflict.* = other;
            return error.Conflict;
        }
        const segments_count: u32 = @intCast(std.mem.countScalar(u8, bytes, '/'));
        try builder.nodes.ensureUnusedCapacity(gpa, segments_count + 1);
        try builder.bytes.ensureUnusedCapacity(gpa, bytes.len);
        const context: Context = .{ .builder = builder };
        try builder.children.ensureUnusedCapacityContext(gpa, segments_count, context);
        if (builder.roots[method] == none) {
            builder.roots[method] = builder.append(none, "", .static);
        }
        const node = &builder.nodes.items[builder.reach(builder.roots[method], bytes)];
        assert(node.endpoint == none);
        node.endpoint = endpoint;
        node.named = shape.rest == .named;
        assert((node.kind == .rest) == (shape.rest != .none));
    }

    pub fn segment(builder: *const Builder, index: u32) []const u8 {
        const node = &builder.nodes.items[index];
        return builder.bytes.items[node.segment_start..][0..node.segment_len];
    }

    /// The endpoint of exactly this shape, if there is one.
    fn endpointAt(builder: *const Builder, root: u32, shape: []const u8) ?u32 {
        if (root == none) return null;
        var index = root;
        var segments = std.mem.splitScalar(u8, shape[1..], '/');
        while (segments.next()) |text| index = builder.child(index, text) orelse return null;
        const endpoint = builder.nodes.items[index].endpoint;
        return if (endpoint == none) null else endpoint;
    }

    /// The node of exactly this shape; appends what is missing. Cannot fail: the caller has
    /// reserved the space.
    fn reach(builder: *Builder, root: u32, shape: []const u8) u32 {
        var index = root;
        var segments = std.mem.splitScalar(u8, shape[1..], '/');
        while (segments.next()) |text| {
            index = builder.child(index, text) orelse builder.extend(index, text);
        }
        return index;
    }

    fn extend(builder: *Builder, parent: u32, text: []const u8) u32 {
        const index = builder.append(parent, text, kindOf(text));
        const context: Context = .{ .builder = builder };
        builder.children.putAssumeCapacityNoClobberContext(index, {}, context);
        builder.nodes.items[index].next_sibling = builder.nodes.items[parent].first_child;
        builder.nodes.items[parent].first_child = index;
        return index;
    }

    fn append(builder: *Builder, parent: u32, text: []const u8, kind: Kind) u32 {
        assert(builder.nodes.items.len < none);
        builder.nodes.appendAssumeCapacity(.{
            .kind = kind,
            .parent = parent,
            .segment_start = @intCast(builder.bytes.items.len),
            .segment_len = @intCast(text.len),
        });
        builder.bytes.appendSliceAssumeCapacity(text);
        return @intCast(builder.nodes.items.len - 1);
    }

    fn child(builder: *const Builder, parent: u32, text: []const u8) ?u32 {
        return builder.children.getKeyAdapted(
            Key{ .parent = parent, .segment = text },
            Context{ .builder = builder },
        );
    }
};

/// Hashes a node by its parent and its segment, which live in the builder.
const Context = struct {
    builder: *const Builder,

    pub fn hash(context: Context, key: anytype) u64 {
        const full = context.keyOf(key);
        return std.hash.Wyhash.hash(full.parent, full.segment);
    }

    pub fn eql(context: Context, left: anytype, right: u32) bool {
        const left_key = context.keyOf(left);
        const right_key = context.keyOf(right);
        return left_key.parent == right_key.parent and
            std.mem.eql(u8, left_key.segment, right_key.segment);
    }

    fn keyOf(context: Context, key: anytype) Key {
        if (@TypeOf(key) == Key) return key;
        return .{
            .parent = context.builder.nodes.items[key].parent,
            .segment = context.builder.segment(key),
        };
    }
};

fn kindOf(text: []const u8) Kind {
    if (text.len != 1) return .static;
    return switch (text[0]) {
        pattern.marker_parameter => .parameter,
        pattern.marker_rest => .rest,
        else => .static,
    };
}

fn insertText(builder: *Builder, gpa: Allocator, text: []const u8, endpoint: u32) !u32 {
    var shape: pattern.Shape = .empty;
    var diagnosis: pattern.Diagnosis = .{};
    try pattern.parse(text, false, &shape, &diagnosis);
    var conflict: u32 = none;
    builder.insert(gpa, 0, &shape, endpoint, &conflict) catch |err| switch (err) {
        error.Conflict => assert(conflict != none),
        error.OutOfMemory => return err,
    };
    return conflict;
}

test "equal shapes conflict and name the route that was first" {
    const gpa = std.testing.allocator;
    var builder: Builder = .{};
    defer builder.deinit(gpa);
    const cases = [_]struct { []const u8, u32 }{
        .{ "/a/:x", none }, .{ "/a/:y", 0 },      .{ "/a/b", none },    .{ "/a/b/", 2 },
        .{ "/f/*", none },  .{ "/f/*name", 4 },   .{ "/f", none },      .{ "/f/", 6 },
        .{ "/", none },     .{ "/*", none },      .{ "/*x", 9 },        .{ "/a", none },
        .{ "/a/bc", none }, .{ "/%61/%62c", 12 }, .{ "/a/:x/c", none }, .{ "/a/:z/c", 14 },
    };
    for (cases, 0..) |case, index| {
        const conflict = try insertText(&builder, gpa, case[0], @intCast(index));
        try std.testing.expectEqual(case[1], conflict);
    }
}

test "a refused or failed insert changes nothing" {
    const gpa = std.testing.allocator;
    var builder: Builder = .{};
    defer builder.deinit(gpa);
    try std.testing.expectEqual(none, try insertText(&builder, gpa, "/abc/:x", 0));
    const nodes = builder.nodes.items.len;
    const bytes = builder.bytes.items.len;
    try std.testing.expectEqual(0, try insertText(&builder, gpa, "/abc/:y", 1));
    const long = "/abc" ++ "/a" ** 400 ++ "/*";
    for (0..3) |attempt| {
        var failing: std.testing.FailingAllocator = .init(gpa, .{
            // First the nodes cannot grow, then the bytes, then the map.
            .fail_index = @min(attempt, 1),
            .resize_fail_index = 0,
        });
        const result = insertText(&builder, failing.allocator(), long, 1);
        try std.testing.expectError(error.OutOfMemory, result);
        try std.testing.expectEqual(nodes, builder.nodes.items.len);
        try std.testing.expectEqual(bytes, builder.bytes.items.len);
        try std.testing.expectEqual(nodes - 1, builder.children.count());
    }
    try std.testing.expectEqual(none, try insertText(&builder, gpa, long, 1));
}
