//! What happens when a safety check of the library fails: one line on standard error, then a trap.
//!
//! The default handler prints a stack trace and for that brings a DWARF reader, an order of
//! magnitude larger than the library, and it takes locks in a process that is not ours.
//! Guarantees: no allocation, no lock, no return.

const std = @import("std");
const builtin = @import("builtin");

pub const panic = std.debug.FullPanic(stop);

fn stop(message: []const u8, _: ?usize) noreturn {
    @branchHint(.cold);
    say("robyn: the native core stopped itself: ");
    say(message);
    say("\n");
    @trap();
}

fn say(text: []const u8) void {
    switch (builtin.os.tag) {
        .linux => _ = std.os.linux.write(2, text.ptr, text.len),
        .macos => _ = std.c.write(2, text.ptr, text.len),
        // Elsewhere the trap alone has to tell.
        else => {},
    }
}
