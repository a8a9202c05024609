//! Seals a builder into a tree: numbers the nodes, joins chains of literals, computes where a
//! search goes on after a failure, fills the hash tables.
//!
//! Guarantees: linear in the number of nodes; on failure everything allocated is freed and the
//! builder is as it was.

const std = @import("std");
const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const builder_module = @import("builder.zig");
const limits = @import("limits.zig");
const tree_module = @import("tree.zig");

const Builder = builder_module.Builder;
const Node = tree_module.Node;
const Slot = tree_module.Slot;
const Tree = tree_module.Tree;
const none = tree_module.none;

pub fn flatten(gpa: Allocator, builder: *const Builder) Allocator.Error!Tree {
    var flattener: Flattener = .{
        .builder = builder,
        .order = &.{},
        .numbers = &.{},
        .stack = &.{},
        .tree = .{ .nodes = &.{}, .slots = &.{}, .labels = &.{}, .roots = @splat(none) },
    };
    defer flattener.deinit(gpa);
    errdefer flattener.tree.deinit(gpa);
    const count = builder.nodes.items.len;
    flattener.order = try gpa.alloc(u32, count);
    flattener.numbers = try gpa.alloc(u32, count);
    flattener.stack = try gpa.alloc(u32, count);
    for (builder.roots, &flattener.tree.roots) |source, *root| {
        if (source != none) root.* = flattener.number(source);
    }
    const labels_len = flattener.labels_count + tree_module.labels_padding;
    flattener.tree.nodes = try gpa.alloc(Node, flattener.count);
    flattener.tree.slots = try gpa.alloc(Slot, flattener.slots_count);
    flattener.tree.labels = try gpa.alloc(u8, labels_len);
    @memset(flattener.tree.slots, .{
        .tag = 0,
        .target = none,
        .label = .{ .end = 0, .len = 0 },
    });
    @memset(flattener.tree.labels, 0);
    @memset(flattener.tree.nodes, untouched);
    flattener.labels_count = tree_module.labels_padding;
    flattener.slots_count = 0;
    // Labels first: the slots repeat those of the children, which have higher numbers.
    for (0..flattener.count) |node_number| flattener.writeLabel(@intCast(node_number));
    for (0..flattener.count) |node_number| flattener.write(@intCast(node_number));
    assert(flattener.slots_count == flattener.tree.slots.len);
    assert(flattener.labels_count == labels_len);
    return flattener.tree;
}

/// What a node is before it is written: that of a root, which has nothing above it.
const untouched: Node = .{
    .label = .{ .end = 0, .len = 0 },
    .slots_start = 0,
    .endpoint = none,
    .retry = none,
    .otherwise = none,
    .offset = 0,
    .segment_max = 0,
    .values_before = 0,
    .children = 0,
    .kind = .static,
    .flags = .{},
};

/// The children of one node of the builder, by kind.
const Children = struct {
    statics_first: u32 = none,
    statics_count: u32 = 0,
    parameter: u32 = none,
    rest: u32 = none,

    fn of(builder: *const Builder, parent: u32) Children {
        var children: Children = .{};
        var index = builder.nodes.items[parent].first_child;
        while (index != none) : (index = builder.nodes.items[index].next_sibling) {
            switch (builder.nodes.items[index].kind) {
                .static => {
                    if (children.statics_count == 0) children.statics_first = index;
                    children.statics_count += 1;
                },
                .parameter => children.parameter = index,
                .rest => children.rest = index,
            }
        }
        return children;
    }

    /// At most three quarters of the slots are taken, so that every probe ends soon.
    fn slotsLog2(children: Children) u8 {
        assert(children.statics_count >= 2);
        const slots_min = @divFloor(4 * children.statics_count, 3) + 1;
        const log2: u8 = std.math.log2_int_ceil(u32, slots_min);
        assert(log2 >= 2 and log2 < 32);
        return log2;
    }
};

const Flattener = struct {
    builder: *const Builder,
    tree: Tree,
    /// Node of the builder by number in the tree, and back. Of a chain, the first node.
    order: []u32,
    numbers: []u32,
    stack: []u32,
    count: u32 = 0,
    labels_count: u32 = 0,
    slots_count: u32 = 0,

    /// Frees what only the flattening needed; the tree remains.
    fn deinit(flattener: *Flattener, gpa: Allocator) void {
        gpa.free(flattener.order);
        gpa.free(flattener.numbers);
        gpa.free(flattener.stack);
    }

    /// Pre-order: a node, its literal children, its parameter, its rest.
    fn number(flattener: *Flattener, root: u32) u32 {
        const first = flattener.count;
        var height: usize = 1;
        flattener.stack[0] = root;
        while (height > 0) {
            height -= 1;
            const head = flattener.stack[height];
            flattener.order[flattener.count] = head;
            flattener.numbers[head] = flattener.count;
            flattener.count += 1;
            const tail = flattener.chainEnd(head);
            flattener.labels_count += flattener.labelLen(head, tail);
            const children: Children = .of(flattener.builder, tail);
            if (children.statics_count > 1) {
                flattener.slots_count += @as(u32, 1) << @intCast(children.slotsLog2());
            }
            if (children.rest != none) {
                flattener.stack[height] = children.rest;
                height += 1;
            }
            if (children.parameter != none) {
                flattener.stack[height] = children.parameter;
                height += 1;
            }
            var child = children.statics_first;
            while (child != none) : (child = flattener.nextStatic(child)) {
                flattener.stack[height] = child;
                height += 1;
            }
        }
        return first;
    }

    /// A literal that is no route and has one child, a literal, is one node with that child.
    fn chainEnd(flattener: *const Flattener, head: u32) u32 {
        var index = head;
        while (true) {
            const node = &flattener.builder.nodes.items[index];
            if (node.kind != .static or node.endpoint != none) return index;
            const children: Children = .of(flattener.builder, index);
            const only = children.statics_count == 1 and
                children.parameter == none and children.rest == none;
            if (!only) return index;
            index = children.statics_first;
        }
    }

    fn nextStatic(flattener: *const Flattener, sibling: u32) u32 {
        const nodes = flattener.builder.nodes.items;
        var index = nodes[sibling].next_sibling;
        while (index != none and nodes[index].kind != .static) index = nodes[index].next_sibling;
        return index;
    }

    fn labelLen(flattener: *const Flattener, head: u32, tail: u32) u32 {
        const nodes = flattener.builder.nodes.items;
        if (nodes[head].kind != .static) return 0;
        var len: u32 = 0;
        var index = tail;
        while (true) : (index = nodes[index].parent) {
            // A root stands for no segment.
            if (nodes[index].parent != none) len += nodes[index].segment_len + 1;
            if (index == head) return len;
        }
    }

    /// Writes one node, and into its children, which come later, what they inherit.
    fn write(flattener: *Flattener, node_number: u32) void {
        const builder = flattener.builder;
        const tail = flattener.chainEnd(flattener.order[node_number]);
        const source = &builder.nodes.items[tail];
        const node = &flattener.tree.nodes[node_number];
        const children: Children = .of(builder, tail);
        node.kind = source.kind;
        node.flags.named = source.named;
        node.endpoint = source.endpoint;
        if (children.rest != none and !builder.nodes.items[children.rest].named) {
            // `/files/*` answers `/files` too. The root has no path of its own.
            if (source.endpoint == none) {
                node.flags.soft = true;
                node.endpoint = builder.nodes.items[children.rest].endpoint;
            }
        }
        const after_rest = node.retry;
        const after_parameter = flattener.numberOf(children.rest) orelse after_rest;
        node.otherwise = flattener.numberOf(children.parameter) orelse after_parameter;
        var child = children.statics_first;
        while (child != none) : (child = flattener.nextStatic(child)) {
            flattener.inherit(node, child, node.otherwise);
        }
        if (children.parameter != none) {
            flattener.inherit(node, children.parameter, after_parameter);
        }
        if (children.rest != none) flattener.inherit(node, children.rest, after_rest);
        flattener.writeSlots(node_number, children);
    }

    fn inherit(flattener: *Flattener, parent: *const Node, child: u32, retry: u32) void {
        const takes_value = parent.kind != .static;
        const node = &flattener.tree.nodes[flattener.numbers[child]];
        node.retry = retry;
        node.offset = if (takes_value) 0 else parent.offset + parent.label.len;
        node.values_before = parent.values_before + @intFromBool(takes_value);
    }

    fn numberOf(flattener: *const Flattener, index: u32) ?u32 {
        return if (index == none) null else flattener.numbers[index];
    }

    fn writeLabel(flattener: *Flattener, node_number: u32) void {
        const nodes = flattener.builder.nodes.items;
        const node = &flattener.tree.nodes[node_number];
        const head = flattener.order[node_number];
        const tail = flattener.chainEnd(head);
        const label_len = flattener.labelLen(head, tail);
        flattener.labels_count += label_len;
        node.label = .{ .end = flattener.labels_count, .len = @intCast(label_len) };
        if (label_len == 0) return;
        // From the last segment to the first: only parents are linked.
        var end = flattener.labels_count;
        var index = tail;
        while (true) : (index = nodes[index].parent) {
            if (nodes[index].parent != none) {
                const segment = flattener.builder.segment(index);
                end -= @intCast(segment.len);
                @memcpy(flattener.tree.labels[end..][0..segment.len], segment);
                end -= 1;
                flattener.tree.labels[end] = '/';
            }
            if (index == head) break;
        }
        assert(end + label_len == node.label.end);
    }

    fn writeSlots(flattener: *Flattener, node_number: u32, children: Children) void {
        const node = &flattener.tree.nodes[node_number];
        node.slots_start = flattener.slots_count;
        node.children = @intCast(@min(children.statics_count, 1));
        if (children.statics_count == 1) {
            assert(flattener.numbers[children.statics_first] == node_number + 1);
        }
        if (children.statics_count < 2) return;
        node.children = children.slotsLog2();
        const slots_len = @as(u32, 1) << @intCast(node.children);
        const slots = flattener.tree.slots[node.slots_start..][0..slots_len];
        flattener.slots_count += slots_len;
        var child = children.statics_first;
        while (child != none) : (child = flattener.nextStatic(child)) {
            const segment = flattener.builder.segment(child);
            const hashed = tree_module.hash(segment, 0, segment.len);
            var at = tree_module.slotOf(hashed) & (slots_len - 1);
            while (slots[at].target != none) at = (at + 1) & (slots_len - 1);
            slots[at] = .{
                .tag = tree_module.tagOf(hashed),
                .target = flattener.numbers[child],
                .label = flattener.tree.nodes[flattener.numbers[child]].label,
            };
            node.segment_max = @max(node.segment_max, @as(u16, @intCast(segment.len)));
        }
    }
};
