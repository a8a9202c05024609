//! The root of all tests: the unit tests inside each file, the scenario tables, the random tables
//! of the fuzzer. A file that is missing here is noticed by `tidy.zig`.

test {
    _ = @import("abi.zig");
    _ = @import("builder.zig");
    _ = @import("cache_index.zig");
    _ = @import("channel.zig");
    _ = @import("clock.zig");
    _ = @import("flatten.zig");
    _ = @import("cache_debts.zig");
    _ = @import("flight.zig");
    _ = @import("fuzz.zig");
    _ = @import("lanes.zig");
    _ = @import("limits.zig");
    _ = @import("manifest.zig");
    _ = @import("method.zig");
    _ = @import("metrics.zig");
    _ = @import("naive.zig");
    _ = @import("path.zig");
    _ = @import("pattern.zig");
    _ = @import("process.zig");
    _ = @import("rate_limit.zig");
    _ = @import("response_cache.zig");
    _ = @import("ring.zig");
    _ = @import("channel_ring.zig");
    _ = @import("route_table.zig");
    _ = @import("scenarios.zig");
    _ = @import("segment.zig");
    _ = @import("shared_cache.zig");
    _ = @import("shared_cache_test.zig");
    _ = @import("status.zig");
    _ = @import("ticks.zig");
    _ = @import("tidy.zig");
    _ = @import("tree.zig");
    _ = @import("utf8.zig");
    _ = @import("word_map.zig");
}
