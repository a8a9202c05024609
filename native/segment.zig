//! The memory that worker processes share: one region, made by the primary, mapped by every worker
//! and thread. A single process uses the same region without a descriptor.
//!
//! Guarantees: a region that is all zeros behind its header is the valid, empty state of every
//! structure in it, so nothing is initialised twice and no process can meet half of it. The size is
//! sealed: nobody can cut the memory away under a reader (SIGBUS). A region of another version,
//! another layout or another size is refused, never guessed at.
//! Refuses: descriptors that are no such region; sharing where the system has no `memfd_create`.
//!
//! What lies in it has to survive `kill -9` of any process at any instruction: a structure has one
//! writer, or it changes by compare-and-swap; see the header of each.

const std = @import("std");
const builtin = @import("builtin");
const channel = @import("channel.zig");
const limits = @import("limits.zig");
const rate_limit = @import("rate_limit.zig");
const metrics_file = @import("metrics.zig");
const shared_cache = @import("shared_cache.zig");
const ring = @import("channel_ring.zig");
const word_map = @import("word_map.zig");
const assert = std.debug.assert;
const linux = std.os.linux;

/// What the region is divided into, in this order. The memory of cached responses follows: its size
/// is chosen by whoever makes the region.
pub const Section = enum(u32) {
    slots,
    rate_limits,
    flights,
    metrics,
    cache,
    channels,
    channel_rings,
};

pub const Options = extern struct {
    /// 1: other processes can map it.
    shared: u32,
    _pad: u32 = 0,
    /// Memory for cached responses; 0 for `cache_bytes_default`.
    cache_bytes: u64 = 0,
};

pub const Error = error{ OutOfMemory, Unsupported, SegmentInvalid };

const magic: u64 = @bitCast(@as([8]u8, "robynseg".*));
/// Counts up with every change of a structure in the region.
const layout_version: u32 = 6;

const Header = extern struct {
    magic: u64,
    layout_version: u32,
    _pad: u32 = 0,
    size: u64,
    /// Secret of this region: keys from outside are hashed with it, so nobody can aim at a bucket.
    seed: u64,
    /// Number of the latest incarnation that a slot was given.
    incarnation: u32,
    _pad2: u32 = 0,
    /// Keys of rate limits that were forgotten while they were in use.
    rate_limit_evictions: u64 = 0,
};

/// One listener: a process, or a thread of one. Written by the primary alone.
pub const Slot = extern struct {
    /// 0: nobody. Never the same number twice in the life of the region.
    incarnation: u32,
    _pad: [60]u8,
};

const page = 4096;

pub const Segment = struct {
    base: [*]align(page) u8,
    size: usize,
    /// -1: anonymous memory, which no other process can map.
    descriptor: i32,

    /// The caller frees it with `close`.
    pub fn create(gpa: std.mem.Allocator, options: Options) Error!*Segment {
        const self = try gpa.create(Segment);
        errdefer gpa.destroy(self);
        const size = sizeFor(options);
        self.* = if (options.shared != 0) try createShared(size) else try createAnonymous(size);
        var secret: u64 = undefined;
        fillRandom(std.mem.asBytes(&secret), @intFromPtr(self.base));
        self.header().* = .{
            .magic = magic,
            .layout_version = layout_version,
            .size = self.size,
            .seed = secret,
            .incarnation = 0,
        };
        return self;
    }

    /// Maps the region behind a descriptor that `create` made, here or in another process.
    pub fn open(gpa: std.mem.Allocator, descriptor: i32) Error!*Segment {
        if (builtin.os.tag != .linux) return error.Unsupported;
        const end = linux.lseek(descriptor, 0, linux.SEEK.END);
        if (linux.errno(end) != .SUCCESS or end < fixed_size) return error.SegmentInvalid;
        const self = try gpa.create(Segment);
        errdefer gpa.destroy(self);
        self.* = try mapShared(descriptor, end);
        errdefer self.unmap();
        const found = self.header();
        if (found.magic != magic or found.layout_version != layout_version or
            found.size != end) return error.SegmentInvalid;
        return self;
    }

    /// The descriptor stays open: it belongs to whoever made or inherited it.
    pub fn close(self: *Segment, gpa: std.mem.Allocator) void {
        self.unmap();
        gpa.destroy(self);
    }

    pub fn section(self: *const Segment, which: Section) []align(page) u8 {
        const place = places[@intFromEnum(which)];
        return @alignCast(self.base[place.start..place.end]);
    }

    pub fn cacheMemory(self: *const Segment) []align(page) u8 {
        return @alignCast(self.base[fixed_size..self.size]);
    }

    pub fn isShared(self: *const Segment) bool {
        return self.descriptor >= 0;
    }

    pub fn seed(self: *const Segment) u64 {
        return self.header().seed;
    }

    pub fn slots(self: *const Segment) *[limits.slots_max]Slot {
        return @ptrCast(self.section(.slots));
    }

    pub fn rateLimits(self: *const Segment) rate_limit.RateLimits {
        return .{
            .map = .{ .buckets = @ptrCast(self.section(.rate_limits)) },
            .evictions = &self.header().rate_limit_evictions,
            .seed = self.seed(),
        };
    }

    pub fn flights(self: *const Segment) word_map.WordMap {
        return .{ .buckets = @ptrCast(self.section(.flights)) };
    }

    pub fn metrics(self: *const Segment) *metrics_file.Region {
        return @ptrCast(self.section(.metrics));
    }

    /// How many slots were ever given out.
    pub fn incarnations(self: *const Segment) u32 {
        return @atomicLoad(u32, &self.header().incarnation, .monotonic);
    }

    pub fn channels(self: *const Segment) *channel.Directory {
        return @ptrCast(self.section(.channels));
    }

    pub fn channelRings(self: *const Segment) *[limits.channel_rings_max]ring.Words {
        return @ptrCast(self.section(.channel_rings));
    }

    /// Gives a slot to a listener that is about to start. Only the primary calls it.
    pub fn claimSlot(self: *Segment, slot: u32) u32 {
        const incarnation = @atomicRmw(u32, &self.header().incarnation, .Add, 1, .monotonic) + 1;
        @atomicStore(u32, &self.slots()[slot].incarnation, incarnation, .release);
        return incarnation;
    }

    /// Called once the process behind the slot has exited.
    pub fn releaseSlot(self: *Segment, slot: u32) void {
        @atomicStore(u32, &self.slots()[slot].incarnation, 0, .release);
    }

    pub fn incarnationOf(self: *const Segment, slot: u32) u32 {
        return @atomicLoad(u32, &self.slots()[slot].incarnation, .acquire);
    }

    fn header(self: *const Segment) *Header {
        return @ptrCast(self.base);
    }

    fn unmap(self: *Segment) void {
        if (self.descriptor >= 0) {
            _ = linux.munmap(self.base, self.size);
        } else {
            std.heap.page_allocator.rawFree(self.base[0..self.size], .fromByteUnits(page), 0);
        }
        self.* = undefined;
    }
};

fn createShared(size: usize) Error!Segment {
    if (builtin.os.tag != .linux) return error.Unsupported;
    const descriptor = linux.memfd_create("robyn", linux.MFD.CLOEXEC | linux.MFD.ALLOW_SEALING);
    if (linux.errno(descriptor) != .SUCCESS) return error.Unsupported;
    const fd: i32 = @intCast(descriptor);
    errdefer _ = linux.close(fd);
    if (linux.errno(linux.ftruncate(fd, @intCast(size))) != .SUCCESS) return error.OutOfMemory;
    const seals = linux.F.SEAL_SHRINK | linux.F.SEAL_GROW | linux.F.SEAL_SEAL;
    if (linux.errno(linux.fcntl(fd, linux.F.ADD_SEALS, seals)) != .SUCCESS) {
        return error.Unsupported;
    }
    return mapShared(fd, size);
}

fn mapShared(descriptor: i32, size: usize) Error!Segment {
    const access: linux.PROT = .{ .READ = true, .WRITE = true };
    const address = linux.mmap(null, size, access, .{ .TYPE = .SHARED }, descriptor, 0);
    if (linux.errno(address) != .SUCCESS) return error.OutOfMemory;
    return .{ .base = @ptrFromInt(address), .size = size, .descriptor = descriptor };
}

/// Raw pages, which the system hands out as zeros and only when they are touched.
fn createAnonymous(size: usize) Error!Segment {
    const pages = std.heap.page_allocator.rawAlloc(size, .fromByteUnits(page), 0) orelse
        return error.OutOfMemory;
    return .{ .base = @alignCast(pages), .size = size, .descriptor = -1 };
}

/// Elsewhere than on Linux the region is not shared and its address, which the system
/// randomises, has to do.
fn fillRandom(target: []u8, fallback: u64) void {
    const mixed = std.hash.Wyhash.hash(fallback, "robyn");
    @memcpy(target, std.mem.asBytes(&mixed)[0..target.len]);
    if (builtin.os.tag == .linux) _ = linux.getrandom(target.ptr, target.len, 0);
}

const Place = struct { start: usize, end: usize };

const places = layout: {
    const section_sizes = std.enums.EnumArray(Section, usize).init(.{
        .slots = limits.slots_max * @sizeOf(Slot),
        .rate_limits = limits.rate_limit_buckets_max * @sizeOf(word_map.Bucket),
        .flights = limits.flight_buckets_max * @sizeOf(word_map.Bucket),
        .metrics = @sizeOf(metrics_file.Region),
        .cache = @sizeOf(shared_cache.Table),
        .channels = @sizeOf(channel.Directory),
        .channel_rings = limits.channel_rings_max * @sizeOf(ring.Words),
    });
    var result: [std.enums.values(Section).len]Place = undefined;
    var start: usize = page;
    for (std.enums.values(Section), &result) |section, *place| {
        place.* = .{ .start = start, .end = start + section_sizes.get(section) };
        start = std.mem.alignForward(usize, place.end, page);
    }
    break :layout result;
};

const fixed_size: usize = std.mem.alignForward(usize, places[places.len - 1].end, page);

fn sizeFor(options: Options) usize {
    const wanted = options.cache_bytes;
    const chosen = if (wanted == 0) limits.cache_bytes_default else wanted;
    const bytes = @max(chosen, limits.cache_bytes_min);
    return fixed_size + std.mem.alignForward(usize, @intCast(bytes), page);
}

comptime {
    assert(@sizeOf(Header) <= page);
    assert(@sizeOf(Slot) == 64);
}

const testing = std.testing;

fn closeWithDescriptor(segment: *Segment) void {
    _ = linux.close(segment.descriptor);
    segment.close(testing.allocator);
}

test "a region that is all zeros is empty, and a second mapping sees the first" {
    if (builtin.os.tag != .linux) return error.SkipZigTest;
    const first = try Segment.create(testing.allocator, .{ .shared = 1 });
    defer closeWithDescriptor(first);
    const second = try Segment.open(testing.allocator, first.descriptor);
    defer second.close(testing.allocator);
    try testing.expect(first.base != second.base);
    try testing.expectEqual(first.seed(), second.seed());
    try testing.expectEqual(0, second.incarnationOf(7));
    const incarnation = first.claimSlot(7);
    try testing.expectEqual(incarnation, second.incarnationOf(7));
    first.releaseSlot(7);
    try testing.expectEqual(0, second.incarnationOf(7));
    try testing.expectEqual(incarnation + 1, second.claimSlot(7));
}

test "what is no region of this layout is refused" {
    if (builtin.os.tag != .linux) return error.SkipZigTest;
    try testing.expectError(error.SegmentInvalid, Segment.open(testing.allocator, -1));
    const other = linux.memfd_create("other", 0);
    const fd: i32 = @intCast(other);
    defer _ = linux.close(fd);
    try testing.expectError(error.SegmentInvalid, Segment.open(testing.allocator, fd));
    _ = linux.ftruncate(fd, fixed_size + page);
    try testing.expectError(error.SegmentInvalid, Segment.open(testing.allocator, fd));
    const damaged = try Segment.create(testing.allocator, .{ .shared = 1 });
    defer closeWithDescriptor(damaged);
    damaged.header().layout_version += 1;
    const refused = Segment.open(testing.allocator, damaged.descriptor);
    try testing.expectError(error.SegmentInvalid, refused);
}

test "the size of a region cannot be changed by anybody" {
    if (builtin.os.tag != .linux) return error.SkipZigTest;
    const shared = try Segment.create(testing.allocator, .{ .shared = 1 });
    defer closeWithDescriptor(shared);
    try testing.expectEqual(.PERM, linux.errno(linux.ftruncate(shared.descriptor, page)));
}

test "anonymous memory is a region of its own" {
    const one = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer one.close(testing.allocator);
    const two = try Segment.create(testing.allocator, .{ .shared = 0 });
    defer two.close(testing.allocator);
    try testing.expectEqual(-1, one.descriptor);
    try testing.expect(one.seed() != two.seed());
    _ = one.claimSlot(0);
    try testing.expectEqual(0, two.incarnationOf(0));
}
