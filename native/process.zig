//! What a worker process needs of the kernel and Bun does not offer: to die with its parent, and to
//! close a listening socket while its connections live on.
//!
//! Guarantees: a descriptor is touched only if it is a listening TCP socket on the port that was
//! asked for; nothing is allocated, nothing is remembered.
//! Refuses: systems other than Linux, where the workers of one server cannot share a port anyway.

const std = @import("std");
const builtin = @import("builtin");
const linux = std.os.linux;
const status = @import("status.zig");
const assert = std.debug.assert;

const is_linux = builtin.os.tag == .linux;

/// Lets the kernel kill this process when its parent ends, however it ends and whatever this
/// is doing then. The parent may have ended before the call: then this is not `parent`'s child any
/// more, and the caller is told so by `not_found`.
///
/// The kernel counts the end of the thread that started this process as the end of the parent. Bun
/// starts processes on the thread of the caller, and the primary runs on the main thread.
pub fn dieWithParent(parent: u32) status.Error!void {
    if (!is_linux) return error.InvalidArgument;
    const option = @intFromEnum(linux.PR.SET_PDEATHSIG);
    const result = linux.prctl(option, @intFromEnum(linux.SIG.KILL), 0, 0, 0);
    if (linux.errno(result) != .SUCCESS) return error.InvalidArgument;
    if (linux.getppid() != parent) return error.NotFound;
}

/// Closes the listening sockets on `port` among `descriptors` and leaves something harmless under
/// their numbers: Bun still holds the number, and closes it later.
///
/// A close is what hands the connections that nobody has accepted yet to the other listeners of the
/// port (`net.ipv4.tcp_migrate_req`); epoll forgets the socket with it. `shutdown(SHUT_RD)` would
/// hand them over, too, but leaves a socket behind that is for ever ready to be read.
///
/// Where nobody takes over the queue, the connections in it are reset. So with `only_idle` a socket
/// whose queue is not empty stays: its owner accepts what waits, and asks again.
///
/// Returns how many stay open.
pub fn closeListeners(descriptors: []const i32, port: u16, only_idle: bool) status.Error!u32 {
    if (!is_linux) return error.InvalidArgument;
    var open: u32 = 0;
    for (descriptors) |descriptor| {
        if (!isListening(descriptor) or localPort(descriptor) != port) continue;
        const harmless = linux.eventfd(0, linux.EFD.CLOEXEC | linux.EFD.NONBLOCK);
        if (linux.errno(harmless) != .SUCCESS) return error.OutOfMemory;
        const replacement: i32 = @intCast(harmless);
        defer _ = linux.close(replacement);
        assert(replacement != descriptor);
        // Right before the close: what arrives between the two is lost.
        if (only_idle and hasWaiting(descriptor)) {
            open += 1;
            continue;
        }
        const result = linux.dup3(replacement, descriptor, cloexec);
        if (linux.errno(result) != .SUCCESS) return error.InvalidArgument;
    }
    return open;
}

/// Whether a connection waits to be accepted.
fn hasWaiting(descriptor: i32) bool {
    var poll = [_]linux.pollfd{.{ .fd = descriptor, .events = linux.POLL.IN, .revents = 0 }};
    return linux.errno(linux.poll(&poll, poll.len, 0)) == .SUCCESS and poll[0].revents != 0;
}

/// How many of `descriptors` are TCP sockets on `port` that do not listen: connections of its server.
pub fn countConnections(descriptors: []const i32, port: u16) u32 {
    if (!is_linux) return 0;
    var count: u32 = 0;
    for (descriptors) |descriptor| {
        if (localPort(descriptor) == port and !isListening(descriptor)) count += 1;
    }
    return count;
}

const cloexec: u32 = @bitCast(linux.O{ .CLOEXEC = true });

fn isListening(descriptor: i32) bool {
    var value: [4]u8 = @splat(0);
    var length: linux.socklen_t = value.len;
    const result = linux.getsockopt(
        descriptor,
        linux.SOL.SOCKET,
        linux.SO.ACCEPTCONN,
        &value,
        &length,
    );
    return linux.errno(result) == .SUCCESS and !std.mem.allEqual(u8, &value, 0);
}

/// Null for what is no TCP socket with an address: files, pipes, unix sockets.
fn localPort(descriptor: i32) ?u16 {
    var address: linux.sockaddr.storage = undefined;
    var length: linux.socklen_t = @sizeOf(linux.sockaddr.storage);
    const result = linux.getsockname(descriptor, @ptrCast(&address), &length);
    if (linux.errno(result) != .SUCCESS) return null;
    return switch (address.family) {
        linux.AF.INET => std.mem.bigToNative(u16, @as(*linux.sockaddr.in, @ptrCast(&address)).port),
        linux.AF.INET6 => std.mem.bigToNative(
            u16,
            @as(*linux.sockaddr.in6, @ptrCast(&address)).port,
        ),
        else => null,
    };
}

const TestListener = struct {
    descriptor: i32,
    port: u16,

    fn open() TestListener {
        const descriptor: i32 = @intCast(linux.socket(linux.AF.INET, linux.SOCK.STREAM, 0));
        var address: linux.sockaddr.in = .{ .port = 0, .addr = std.mem.nativeToBig(u32, 0x7f000001) };
        const size = @sizeOf(linux.sockaddr.in);
        assert(linux.bind(descriptor, @ptrCast(&address), size) == 0);
        assert(linux.listen(descriptor, 8) == 0);
        return .{ .descriptor = descriptor, .port = localPort(descriptor).? };
    }

    fn connect(self: TestListener) ?i32 {
        const client: i32 = @intCast(linux.socket(linux.AF.INET, linux.SOCK.STREAM, 0));
        var address: linux.sockaddr.in = .{
            .port = std.mem.nativeToBig(u16, self.port),
            .addr = std.mem.nativeToBig(u32, 0x7f000001),
        };
        const result = linux.connect(client, @ptrCast(&address), @sizeOf(linux.sockaddr.in));
        if (linux.errno(result) == .SUCCESS) return client;
        _ = linux.close(client);
        return null;
    }
};

test "a listener is closed under its number, its connections and other ports are not" {
    if (!is_linux) return error.SkipZigTest;
    const listener: TestListener = .open();
    const other: TestListener = .open();
    const client = listener.connect().?;
    try std.testing.expectEqual(1, try closeListeners(&.{listener.descriptor}, listener.port, true));
    const accepted: i32 = @intCast(linux.accept(listener.descriptor, null, null));
    const descriptors = [_]i32{ 1_000_000, listener.descriptor, other.descriptor, accepted, client };
    try std.testing.expectEqual(1, countConnections(&descriptors, listener.port));
    try std.testing.expectEqual(0, try closeListeners(&descriptors, listener.port, true));
    try std.testing.expectEqual(null, listener.connect());
    try std.testing.expectEqual(1, countConnections(&descriptors, listener.port));
    try std.testing.expectEqual(1, linux.write(client, "x", 1));
    var byte: [1]u8 = undefined;
    try std.testing.expectEqual(1, linux.read(accepted, &byte, 1));
    const second = other.connect().?;
    try std.testing.expectEqual(0, try closeListeners(&descriptors, other.port, false));
    try std.testing.expectEqual(null, other.connect());
    for ([_]i32{ listener.descriptor, other.descriptor, accepted, client, second }) |descriptor| {
        try std.testing.expectEqual(0, linux.close(descriptor));
    }
}

test "a process that is not the parent is told apart" {
    if (!is_linux) return error.SkipZigTest;
    const parent: u32 = @intCast(linux.getppid());
    try dieWithParent(parent);
    try std.testing.expectError(error.NotFound, dieWithParent(parent + 1));
    const option = @intFromEnum(linux.PR.SET_PDEATHSIG);
    try std.testing.expectEqual(0, linux.prctl(option, 0, 0, 0, 0));
}
