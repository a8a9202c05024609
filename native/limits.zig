//! Every limit of the native core, with its name and its unit in the name.
//!
//! Guarantees: the limits fit each other (the comptime block at the end), and TypeScript reads the
//! same numbers from the manifest, so neither side can drift alone.
//! Refuses: nothing by itself; the files that enforce a limit import it from here.

const std = @import("std");
const assert = std.debug.assert;

/// Longest text that `find` looks at. A longer request target is answered as too long, unread.
pub const url_bytes_max: u32 = 16 * 1024;

/// Longest path inside that text, counted before anything is decoded.
pub const path_bytes_max: u32 = 8 * 1024;

/// Longest route pattern as its author wrote it.
pub const pattern_bytes_max: u32 = 1024;

/// Parameters (`:name` and `*name` together) in one pattern.
pub const params_max: u32 = 16;

/// Distinct method tokens in one table; the allowed methods are reported as bits of a `u32`.
pub const methods_max: u32 = 32;

/// Longest method token.
pub const method_bytes_max: u32 = 32;

/// Routes in one table, over all methods.
pub const routes_max: u32 = 64 * 1024;

/// Entries of one response cache: one per endpoint and encoding.
pub const const_entries_max: u32 = 64 * 1024;

/// Bytes of one response cache, heads and bodies together.
pub const const_bytes_max: u32 = 64 * 1024 * 1024;

/// Descriptors of one process that are looked at to find its listener: the kernel's default limit.
pub const descriptors_max: u32 = 1024 * 1024;

/// A pattern grows at most threefold when its literals are percent-encoded.
pub const shape_bytes_max: u32 = 3 * pattern_bytes_max;

/// Highest endpoint id: `find` returns it as a non-negative `i32`.
pub const endpoint_max: u32 = std.math.maxInt(i32);

/// Listeners that may live at the same time in one cluster, old and new ones of a reload together.
pub const slots_max: u32 = 256;

/// Buckets of seven rate limits each, for a whole cluster. Of 100,000 keys in use at once, the
/// buckets of 1 in 3,000 are full.
pub const rate_limit_buckets_max: u32 = 64 * 1024;

/// Windows that one request can be held against at once.
pub const rate_limit_windows_max: u32 = 8;

/// Buckets of seven computations each that others wait for.
pub const flight_buckets_max: u32 = 1024;

/// Families and series of metrics together, for a whole cluster.
pub const metric_series_max: u32 = 64 * 1024;

/// Places of the index over them; half of them stay free.
pub const metric_index_max: u32 = 128 * 1024;

/// Longest text of a family (name, kind, help, labels) or a series (its labels).
pub const metric_text_bytes_max: u32 = 4 * 1024;

/// Words of eight bytes for all those texts: 8 MiB.
pub const metric_text_words_max: u32 = 1024 * 1024;

/// Lines of eight numbers: 32 MiB, of which only those in use are memory. A route takes one for a
/// status, one for its sum of times, and one for each power of two that its times lie in.
pub const metric_lines_max: u32 = 512 * 1024;

/// Parts of the response cache that can be written to at the same time.
pub const cache_arenas_max: u32 = 4;

/// Buckets of eight responses each in the index of the response cache: 131,072 responses.
pub const cache_buckets_max: u32 = 16 * 1024;

/// Cells that paths and tags are hashed to for invalidation.
pub const cache_cells_max: u32 = 16 * 1024;

/// Responses that are remembered after they have left the response cache unread.
pub const cache_ghosts_max: u32 = 32 * 1024;

/// Longest key of a cached response.
pub const cache_key_bytes_max: u32 = 8 * 1024;

/// Cells of one cached response: its path and its tags.
pub const cache_cells_per_response_max: u32 = 32;

/// Memory for cached responses.
pub const cache_bytes_default: u32 = 32 * 1024 * 1024;
pub const cache_bytes_min: u32 = 1024 * 1024;

/// Channels of one cluster, by name.
pub const channels_max: u32 = 64;

/// Rings of one cluster: one for each listener that sends and each channel that it sends into.
pub const channel_rings_max: u32 = 128;

/// What one listener may have waiting in one channel; each message takes 16 bytes more than it has.
pub const channel_ring_bytes: u32 = 2 * 1024 * 1024;

/// Longest message of a channel.
pub const channel_message_bytes_max: u32 = 256 * 1024;

comptime {
    assert(std.math.isPowerOfTwo(cache_buckets_max));
    // The largest block of the smallest cache is larger than the longest key.
    assert(cache_bytes_min / cache_arenas_max / 16 > cache_key_bytes_max + 1024);
    assert(std.math.isPowerOfTwo(channel_ring_bytes));
    // A ring has to hold several of the longest, or their sender would wait for each of them.
    assert(4 * channel_message_bytes_max <= channel_ring_bytes);
    assert(channels_max < std.math.maxInt(u16));
    assert(slots_max % 64 == 0);
    assert(std.math.isPowerOfTwo(rate_limit_buckets_max));
    assert(std.math.isPowerOfTwo(flight_buckets_max));
    assert(path_bytes_max <= url_bytes_max);
    // Every pattern must be reachable by a path.
    assert(shape_bytes_max <= path_bytes_max);
    // The shortest parameter is `/:a`.
    assert(params_max * 3 <= pattern_bytes_max);
    // One bit each in `Match.allowed`.
    assert(methods_max == 32);
    assert(method_bytes_max <= std.math.maxInt(u8));
    // Nodes of a sealed tree are numbered with a u32: each route adds at most two nodes per
    // parameter, two for its literal ends, and two splits.
    assert(@as(u64, routes_max) * (2 * params_max + 4) < std.math.maxInt(u32));
    assert(routes_max <= endpoint_max);
    // Offsets of labels in the tree are u32.
    assert(@as(u64, routes_max) * shape_bytes_max < std.math.maxInt(u32));
}
