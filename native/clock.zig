//! The one clock that all processes of a machine share. Read rarely: TypeScript has its own way to
//! a monotonic time, and asks here once for the distance between the two.

const std = @import("std");
const builtin = @import("builtin");

/// Where no such clock can be had without libc, zero: memory is not shared there either, and the
/// distance to the caller's clock is then nothing.
pub fn monotonicNanoseconds() u64 {
    if (builtin.os.tag != .linux) return 0;
    var time: std.os.linux.timespec = undefined;
    const result = std.os.linux.clock_gettime(.MONOTONIC, &time);
    if (std.os.linux.errno(result) != .SUCCESS) return 0;
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

test "time passes" {
    const start = monotonicNanoseconds();
    if (builtin.os.tag == .linux) try std.testing.expect(start > 0);
    try std.testing.expect(monotonicNanoseconds() >= start);
}
