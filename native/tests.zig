//! The root of all tests: the unit tests inside each file, and the scenario tables.
//!
//! A file that is not named here is not tested; `tidy.zig` notices.

test {
    _ = @import("abi.zig");
    _ = @import("builder.zig");
    _ = @import("flatten.zig");
    _ = @import("fuzz.zig");
    _ = @import("lanes.zig");
    _ = @import("limits.zig");
    _ = @import("manifest.zig");
    _ = @import("method.zig");
    _ = @import("path.zig");
    _ = @import("pattern.zig");
    _ = @import("response_cache.zig");
    _ = @import("route_table.zig");
    _ = @import("status.zig");
    _ = @import("tree.zig");
    _ = @import("utf8.zig");
}
