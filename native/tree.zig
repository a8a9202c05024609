//! The sealed tree: flat arrays, searched and never changed.
//!
//! Precedence, per segment: literal, then `:parameter`, then `*rest`, with full backtracking.
//!
//! There is no backtracking stack. A node of the tree stands for one spelling of its pattern, so
//! where to go on after a failure is known when the table is sealed: `otherwise` and `retry` name
//! the next alternative, a parameter or a rest, of the nearest ancestor that has one. Where in the
//! path to go on is known too: `offset` literal bytes behind the last value taken. Nodes are
//! numbered in the order in which a search may visit them, and every step goes to a higher number.
//! That one assertion bounds the search: each node at most once, whatever the path.
//!
//! Literal children are found by a hash of the whole segment: with thousands of siblings that is
//! one probe, where a tree of bytes would wait for memory once per letter.
//!
//! Guarantees: `find` allocates nothing, takes no lock, does not recurse; it costs at most a
//! constant per node of the tree, plus the bytes compared, hashed and skipped.
//! Refuses: nothing; whether the path is acceptable was decided by `path.zig`.

const std = @import("std");
const assert = std.debug.assert;
const Allocator = std.mem.Allocator;
const builder_module = @import("builder.zig");
const limits = @import("limits.zig");
const path = @import("path.zig");

pub const Kind = builder_module.Kind;
pub const none: u32 = builder_module.none;

/// Two nodes share a cache line. With ten thousand routes a search waits for memory, not for
/// comparisons.
pub const Node = extern struct {
    /// Of a literal: one or more whole segments, each with its slash; empty at a root.
    label_start: u32,
    /// Where its literal children are looked up, if it has two or more.
    slots_start: u32,
    endpoint: u32,
    /// Where to go on if this node, a parameter or a rest, does not fit.
    retry: u32,
    /// Where to go on if this node fits and no literal child does.
    otherwise: u32,
    label_len: u16,
    /// Literal bytes between the last value (or the start of the path) and this node.
    offset: u16,
    /// Longest first segment of its literal children.
    segment_max: u16,
    /// Values taken above this node.
    values_before: u8,
    /// None, one, or from two on the binary logarithm of the number of slots.
    children: u8,
    kind: Kind,
    flags: Flags,
    _pad: u16 = 0,

    pub const Flags = packed struct(u8) {
        /// A rest that takes at least one byte.
        named: bool = false,
        /// The endpoint is that of a bare rest below, whose value is empty here.
        soft: bool = false,
        _pad: u6 = 0,
    };
};

/// A place in the hash table of one node's literal children.
pub const Slot = extern struct {
    tag: u32,
    /// Number of the child, or `none`.
    target: u32,
};

comptime {
    assert(@sizeOf(Node) == 32);
    assert(@sizeOf(Slot) == 8);
    assert(limits.shape_bytes_max <= std.math.maxInt(u16));
    assert(limits.params_max <= std.math.maxInt(u8));
}

pub const Hit = struct {
    endpoint: u32,
    values_count: u32,
};

/// `start` and `end` of each value, in the order of the pattern.
pub const Spans = [2 * limits.params_max]u32;

/// Observes nothing and costs nothing. Tests count visits and bytes instead.
const NoObserver = struct {
    inline fn visit(_: NoObserver, _: u32) void {}
    inline fn read(_: NoObserver, _: usize) void {}
};

const lanes = 16;
const Lanes = @Vector(lanes, u8);

/// Bytes behind the last label that a comparison may read.
pub const labels_padding = lanes;

pub const Tree = struct {
    nodes: []Node,
    slots: []Slot,
    labels: []u8,
    roots: [limits.methods_max]u32,

    pub fn deinit(tree: *Tree, gpa: Allocator) void {
        gpa.free(tree.nodes);
        gpa.free(tree.slots);
        gpa.free(tree.labels);
        tree.* = undefined;
    }

    /// Finds `text[start..end]`, a canonical path. Spans count from the start of `text`, of which
    /// bytes behind the path may be read but never decide.
    pub inline fn find(
        tree: *const Tree,
        method: u32,
        text: []const u8,
        start: u32,
        end: u32,
        spans: *Spans,
    ) ?Hit {
        return tree.search(tree.roots[method], text, start, end, spans, NoObserver{});
    }

    pub fn search(
        tree: *const Tree,
        root: u32,
        text: []const u8,
        start: u32,
        end: u32,
        spans: *Spans,
        observer: anytype,
    ) ?Hit {
        assert(start < end and end <= text.len);
        if (root == none) return null;
        observer.visit(root);
        // A root has a label only if nothing but that literal can follow.
        if (!tree.labelFits(root, text, start, end)) return null;
        var index = root;
        var position = start + tree.nodes[root].label_len;
        var values: u32 = 0;
        // Each turn begins behind a node that fits: at the end of the path or before a slash.
        while (true) {
            const node = &tree.nodes[index];
            if (position == end) {
                if (node.endpoint != none) return hit(node, end, values, spans);
            } else if (tree.child(index, text, position, end, observer)) |next| {
                assert(next > index);
                observer.visit(next);
                index = next;
                position += tree.nodes[next].label_len;
                continue;
            }
            var next = node.otherwise;
            while (next != none) : (next = tree.nodes[next].retry) {
                assert(next > index);
                observer.visit(next);
                index = next;
                const other = &tree.nodes[next];
                values = other.values_before;
                position = other.offset + if (values == 0) start else spans[2 * values - 1];
                assert(position <= end);
                if (position == end) continue;
                position += 1;
                if (other.kind == .rest) {
                    if (position == end and other.flags.named) continue;
                    spans[2 * values] = position;
                    spans[2 * values + 1] = end;
                    return .{ .endpoint = other.endpoint, .values_count = values + 1 };
                }
                const value_end: u32 = @intCast(path.segmentEnd(text, position, end));
                observer.read(value_end - position);
                if (value_end == position) continue;
                spans[2 * values] = position;
                spans[2 * values + 1] = value_end;
                values += 1;
                position = value_end;
                break;
            } else return null;
        }
    }

    inline fn hit(node: *const Node, end: u32, values: u32, spans: *Spans) Hit {
        assert(node.endpoint != none);
        if (!node.flags.soft) return .{ .endpoint = node.endpoint, .values_count = values };
        spans[2 * values] = end;
        spans[2 * values + 1] = end;
        return .{ .endpoint = node.endpoint, .values_count = values + 1 };
    }

    /// The literal child that fits at `position`, where a slash is. An only child follows its
    /// parent directly, and its label decides without a hash.
    inline fn child(
        tree: *const Tree,
        index: u32,
        text: []const u8,
        position: u32,
        end: u32,
        observer: anytype,
    ) ?u32 {
        const node = &tree.nodes[index];
        if (node.children == 0) return null;
        if (node.children == 1) {
            observer.read(tree.nodes[index + 1].label_len);
            return if (tree.labelFits(index + 1, text, position, end)) index + 1 else null;
        }
        const segment_start = position + 1;
        const segment_end = path.segmentEnd(text, segment_start, end);
        const segment_len = segment_end - segment_start;
        observer.read(segment_len);
        if (segment_len > node.segment_max) return null;
        const hashed = hash(text, segment_start, segment_len);
        const mask = (@as(u32, 1) << @intCast(node.children)) - 1;
        var at = slotOf(hashed) & mask;
        // The table is at most half full: there is an empty slot to stop at.
        while (true) : (at = (at + 1) & mask) {
            const slot = tree.slots[node.slots_start + at];
            if (slot.target == none) return null;
            if (slot.tag != tagOf(hashed)) continue;
            observer.read(tree.nodes[slot.target].label_len);
            if (tree.labelFits(slot.target, text, position, end)) return slot.target;
        }
    }

    /// Whether the label of a node stands at `position` and ends where a segment ends.
    inline fn labelFits(
        tree: *const Tree,
        index: u32,
        text: []const u8,
        position: u32,
        end: u32,
    ) bool {
        const node = &tree.nodes[index];
        const label_len: u32 = node.label_len;
        if (end - position < label_len) return false;
        const label_end = position + label_len;
        if (label_end < end and text[label_end] != '/') return false;
        return equal(tree.labels, node.label_start, text, position, label_len);
    }
};

/// Compares `len` bytes in whole vectors: behind the labels is padding, and the rest of the text
/// is usually longer than one vector.
inline fn equal(labels: []const u8, label: u32, text: []const u8, position: u32, len: u32) bool {
    if (position + len + lanes > text.len) {
        return std.mem.eql(u8, labels[label..][0..len], text[position..][0..len]);
    }
    var at: u32 = 0;
    while (at + lanes < len) : (at += lanes) {
        if (!sameLanes(labels, label + at, text, position + at, std.math.maxInt(u16))) return false;
    }
    const surplus: u4 = @intCast((lanes - (len - at)) & (lanes - 1));
    if (len == 0) return true;
    return sameLanes(labels, label + at, text, position + at, @as(u16, std.math.maxInt(u16)) >> surplus);
}

inline fn sameLanes(labels: []const u8, label: u32, text: []const u8, position: u32, mask: u16) bool {
    const left: Lanes = labels[label..][0..lanes].*;
    const right: Lanes = text[position..][0..lanes].*;
    const different: u16 = @bitCast(left != right);
    return different & mask == 0;
}

pub fn slotOf(hashed: u64) u32 {
    return @truncate(hashed);
}

pub fn tagOf(hashed: u64) u32 {
    return @truncate(hashed >> 32);
}

/// A hash of one segment. Who sends paths gains nothing from collisions: the tables were filled by
/// the application and never change, and a probe ends at the first empty slot.
pub inline fn hash(text: []const u8, start: usize, len: usize) u64 {
    if (len > lanes) return hashLong(text[start..][0..len]);
    var low: u64 = 0;
    var high: u64 = 0;
    if (len >= 8) {
        low = load(u64, text, start);
        high = load(u64, text, start + len - 8);
    } else if (len >= 4) {
        low = load(u32, text, start);
        high = load(u32, text, start + len - 4);
    } else if (len > 0) {
        low = text[start];
        high = @as(u64, text[start + len / 2]) << 8 | text[start + len - 1];
    }
    return mix(low ^ len ^ hash_low, high ^ hash_high);
}

fn hashLong(segment: []const u8) u64 {
    @branchHint(.unlikely);
    assert(segment.len > lanes);
    var state: u64 = segment.len ^ hash_low;
    var at: usize = 0;
    while (at + 8 < segment.len) : (at += 8) {
        state = mix(state ^ load(u64, segment, at), hash_high);
    }
    return mix(state ^ load(u64, segment, segment.len - 8), hash_high);
}

/// Digits of pi: odd, and dense in ones and zeros.
const hash_low: u64 = 0x243f6a8885a308d3;
const hash_high: u64 = 0x13198a2e03707345;

inline fn mix(left: u64, right: u64) u64 {
    const product = @as(u128, left) * right;
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}

inline fn load(comptime Integer: type, text: []const u8, at: usize) Integer {
    return @bitCast(text[at..][0..@sizeOf(Integer)].*);
}
