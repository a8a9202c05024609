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
const vector = @import("lanes.zig");

pub const Kind = builder_module.Kind;
pub const none: u32 = builder_module.none;

/// Two nodes share a cache line. With ten thousand routes a search waits for memory, not for
/// comparisons.
pub const Node = extern struct {
    /// Of a literal; may be empty at a root.
    label: Label,
    /// Where its literal children are looked up, if it has two or more.
    slots_start: u32,
    endpoint: u32,
    /// Where to go on if this node, a parameter or a rest, does not fit.
    retry: u32,
    /// Where to go on if this node fits and no literal child does.
    otherwise: u32,
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

    pub const Flags = packed struct(u8) {
        /// A rest that takes at least one byte.
        named: bool = false,
        /// The endpoint is that of a bare rest below, whose value is empty here.
        soft: bool = false,
        _pad: u6 = 0,
    };
};

/// A place in the hash table of one node's literal children. The label of the child is repeated
/// here: comparing it need not wait until the child is read.
pub const Slot = extern struct {
    tag: u32,
    /// Number of the child, or `none`.
    target: u32,
    label: Label,
};

/// A text in `Tree.labels`: one or more whole segments, each with its slash.
pub const Label = extern struct {
    end: u32,
    len: u16,
    _pad: u16 = 0,
};

comptime {
    assert(@sizeOf(Node) == 32);
    assert(@sizeOf(Slot) == 16);
    assert(limits.shape_bytes_max <= std.math.maxInt(u16));
    assert(limits.params_max <= std.math.maxInt(u8));
}

/// In one register, for the reason given at `path.Span`.
pub const Hit = packed struct(u64) {
    /// `none`: nothing was found.
    endpoint: u32,
    values_count: u32,

    const miss: Hit = .{ .endpoint = none, .values_count = 0 };
};

/// `start` and `end` of each value, in the order of the pattern.
pub const Spans = [2 * limits.params_max]u32;

/// Observes nothing and costs nothing. Tests count visits and bytes instead.
const NoObserver = struct {
    inline fn visit(_: NoObserver, _: u32) void {}
    inline fn read(_: NoObserver, _: usize) void {}
};

const lanes = vector.count;

/// Bytes before the first label that a comparison may read.
pub const labels_padding = 2 * lanes;

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
        slashes: path.Slashes,
        spans: *Spans,
    ) Hit {
        return tree.search(tree.roots[method], text, start, end, slashes, spans, NoObserver{});
    }

    pub inline fn search(
        tree: *const Tree,
        root: u32,
        text: []const u8,
        start: u32,
        end: u32,
        slashes: path.Slashes,
        spans: *Spans,
        observer: anytype,
    ) Hit {
        assert(start < end and end <= text.len and text.len <= limits.url_bytes_max);
        if (root == none) return .miss;
        observer.visit(root);
        // A root has a label only if nothing but that literal can follow.
        const nodes = tree.nodes;
        if (!tree.labelFits(nodes[root].label, text, start, end)) return .miss;
        var index = root;
        var position: usize = start + nodes[root].label.len;
        var values: usize = 0;
        // Sums of positions cannot overflow (`url_bytes_max`, `shape_bytes_max`), so wrapping
        // operators spare their checks. Every access to an array is checked.
        // Each turn begins behind a node that fits: at the end of the path or before a slash.
        while (true) {
            const node = &nodes[index];
            if (position == end) {
                if (node.endpoint != none) return hit(node, end, values, spans);
            } else {
                const next = tree.child(index, text, position, end, slashes, observer);
                if (next != none) {
                    assert(next > index);
                    observer.visit(next);
                    index = next;
                    position +%= nodes[next].label.len;
                    continue;
                }
            }
            var next = node.otherwise;
            while (next != none) : (next = nodes[next].retry) {
                assert(next > index);
                observer.visit(next);
                index = next;
                const other = &nodes[next];
                values = other.values_before;
                const base = if (values == 0) start else spans[2 * values -% 1];
                position = base +% other.offset;
                if (position == end) continue;
                // Behind every node that fits is the end of the path or a slash.
                position +%= 1;
                if (other.kind == .rest) {
                    if (position == end and other.flags.named) continue;
                    spans[2 * values ..][0..2].* = .{ @intCast(position), end };
                    return .{
                        .endpoint = other.endpoint,
                        .values_count = other.values_before +% 1,
                    };
                }
                const value_end = path.segmentEnd(slashes, text, position, end);
                observer.read(value_end - position);
                if (value_end == position) continue;
                spans[2 * values ..][0..2].* = .{ @intCast(position), @intCast(value_end) };
                values +%= 1;
                position = value_end;
                break;
            } else return .miss;
        }
    }

    inline fn hit(node: *const Node, end: u32, values: usize, spans: *Spans) Hit {
        assert(node.endpoint != none);
        const values_count: u32 = @intCast(values);
        if (!node.flags.soft) return .{ .endpoint = node.endpoint, .values_count = values_count };
        spans[2 * values ..][0..2].* = .{ end, end };
        return .{ .endpoint = node.endpoint, .values_count = values_count +% 1 };
    }

    /// The literal child that fits at `position`, where a slash is, or `none`. An only child
    /// follows its parent directly, and its label decides without a hash.
    inline fn child(
        tree: *const Tree,
        index: u32,
        text: []const u8,
        position: usize,
        end: usize,
        slashes: path.Slashes,
        observer: anytype,
    ) u32 {
        const node = &tree.nodes[index];
        if (node.children == 0) return none;
        if (node.children == 1) {
            const label = tree.nodes[index +% 1].label;
            observer.read(label.len);
            return if (tree.labelFits(label, text, position, end)) index +% 1 else none;
        }
        const segment_start = position +% 1;
        const segment_end = path.segmentEnd(slashes, text, segment_start, end);
        const segment_len = segment_end -% segment_start;
        observer.read(segment_len);
        if (segment_len > node.segment_max) return none;
        const hashed = hash(text, segment_start, segment_len);
        const mask = (@as(u32, 1) << @truncate(node.children)) -% 1;
        var at = slotOf(hashed) & mask;
        // The table is never full: there is an empty slot to stop at.
        while (true) : (at = (at +% 1) & mask) {
            const slot = &tree.slots[node.slots_start +% at];
            if (slot.target == none) return none;
            if (slot.tag != tagOf(hashed)) continue;
            observer.read(slot.label.len);
            if (tree.labelFits(slot.label, text, position, end)) return slot.target;
        }
    }

    /// Whether a label stands at `position` and ends where a segment ends.
    inline fn labelFits(
        tree: *const Tree,
        label: Label,
        text: []const u8,
        position: usize,
        end: usize,
    ) bool {
        const text_end = position +% label.len;
        if (text_end > end) return false;
        if (text_end < end and text[text_end] != '/') return false;
        return equalBefore(tree.labels, label.end, text, text_end, label.len);
    }
};

/// Compares the `len` bytes before two positions, in two vectors that end there. Before the first
/// label is padding, and before a path there is nearly always an authority. Always both vectors: a
/// branch on the length, which varies from route to route, is predicted wrongly too often.
inline fn equalBefore(
    labels: []const u8,
    label_end: usize,
    text: []const u8,
    text_end: usize,
    len: usize,
) bool {
    if (text_end < 2 * lanes or len > 2 * lanes) {
        @branchHint(.unlikely);
        return equalFar(labels, label_end, text, text_end, len);
    }
    const label = label_end - 2 * lanes;
    const position = text_end - 2 * lanes;
    const far = vector.maskOf(vector.load(labels, label) != vector.load(text, position));
    const near = vector.maskOf(
        vector.load(labels, label + lanes) != vector.load(text, position + lanes),
    );
    const different = @as(u32, near) << lanes | far;
    // The last `len` bytes; none if `len` is 0.
    const relevant: u32 = @truncate(@as(u64, 0xffff_ffff_0000_0000) >> @intCast(len));
    return different & relevant == 0;
}

/// The first literals of a path, with a short authority before them, and very long literals.
inline fn equalFar(
    labels: []const u8,
    label_end: usize,
    text: []const u8,
    text_end: usize,
    len: usize,
) bool {
    if (text_end < lanes or len > lanes) {
        return equalBytes(labels[label_end - len ..][0..len], text[text_end - len ..][0..len]);
    }
    const left = vector.load(labels, label_end - lanes);
    const different = vector.maskOf(left != vector.load(text, text_end - lanes));
    const relevant: u16 = @truncate(@as(u32, 0xffff_0000) >> @intCast(len));
    return different & relevant == 0;
}

fn equalBytes(left: []const u8, right: []const u8) bool {
    return std.mem.eql(u8, left, right);
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
        low = vector.loadWord(u64, text, start);
        high = vector.loadWord(u64, text, start + len - 8);
    } else if (len >= 4) {
        low = vector.loadWord(u32, text, start);
        high = vector.loadWord(u32, text, start + len - 4);
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
        state = mix(state ^ vector.loadWord(u64, segment, at), hash_high);
    }
    return mix(state ^ vector.loadWord(u64, segment, segment.len - 8), hash_high);
}

/// Digits of pi: odd, and dense in ones and zeros.
const hash_low: u64 = 0x243f6a8885a308d3;
const hash_high: u64 = 0x13198a2e03707345;

inline fn mix(left: u64, right: u64) u64 {
    const product = @as(u128, left) * right;
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}
