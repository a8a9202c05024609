//! The specification as slow, plain code: what the tests and the fuzzer hold the fast code against.
//! It looks at every route and every byte, one at a time, and shares nothing with `tree.zig` and
//! `path.zig` but the notion of a shape. It is not part of the library.

const std = @import("std");
const assert = std.debug.assert;
const limits = @import("limits.zig");
const method_module = @import("method.zig");
const path = @import("path.zig");
const pattern = @import("pattern.zig");
const status = @import("status.zig");
const Match = @import("route_table.zig").Match;

pub const Route = struct {
    method: u32,
    endpoint: u32,
    shape: []const u8,
    named: bool,
};

pub const Values = struct {
    count: u32 = 0,
    spans: [2 * limits.params_max]u32 = @splat(0),

    fn add(values: *Values, start: usize, end: usize) void {
        values.spans[2 * values.count] = @intCast(start);
        values.spans[2 * values.count + 1] = @intCast(end);
        values.count += 1;
    }
};

/// Whether a route matches a canonical path, and with which values.
fn matches(route: *const Route, text: []const u8) ?Values {
    var values: Values = .{};
    var at: usize = 0;
    var segments = std.mem.splitScalar(u8, route.shape[1..], '/');
    while (segments.next()) |segment| {
        const is_rest = std.mem.eql(u8, segment, &.{pattern.marker_rest});
        if (at == text.len) {
            // The path is over: only `/files/*` may follow on `/files`.
            if (!is_rest or route.named) return null;
            values.add(at, at);
            return values;
        }
        assert(text[at] == '/');
        const start = at + 1;
        if (is_rest) {
            if (route.named and start == text.len) return null;
            values.add(start, text.len);
            return values;
        }
        at = std.mem.findScalarPos(u8, text, start, '/') orelse text.len;
        if (std.mem.eql(u8, segment, &.{pattern.marker_parameter})) {
            if (at == start) return null;
            values.add(start, at);
        } else if (!std.mem.eql(u8, segment, text[start..at])) return null;
    }
    return if (at == text.len) values else null;
}

/// Whether `left` goes before `right`, when both match: per segment, literal, parameter, rest; and
/// a route that ends goes before a rest that is empty.
fn precedes(left: *const Route, right: *const Route) bool {
    var lefts = std.mem.splitScalar(u8, left.shape[1..], '/');
    var rights = std.mem.splitScalar(u8, right.shape[1..], '/');
    while (true) {
        const one = rank(lefts.next() orelse return true);
        const other = rank(rights.next() orelse return false);
        if (one != other) return one < other;
    }
}

fn rank(segment: []const u8) u8 {
    if (segment.len != 1) return 0;
    return switch (segment[0]) {
        pattern.marker_parameter => 1,
        pattern.marker_rest => 2,
        else => 0,
    };
}

fn best(routes: []const Route, method: u32, text: []const u8, values: *Values) ?u32 {
    var winner: ?*const Route = null;
    for (routes) |*route| {
        if (route.method != method) continue;
        const found = matches(route, text) orelse continue;
        if (winner) |other| if (!precedes(route, other)) continue;
        winner = route;
        values.* = found;
    }
    return if (winner) |route| route.endpoint else null;
}

/// The answer of a table with these routes for a canonical path; values count from its start.
pub fn find(routes: []const Route, method: u32, text: []const u8, match: *Match) i32 {
    var values: Values = .{};
    match.* = std.mem.zeroes(Match);
    const endpoint = best(routes, method, text, &values) orelse
        if (method == method_module.head) best(routes, method_module.get, text, &values) else null;
    if (endpoint) |found| {
        match.values_count = values.count;
        match.spans = values.spans;
        return @intCast(found);
    }
    for (0..limits.methods_max) |other| {
        if (best(routes, @intCast(other), text, &values) == null) continue;
        match.allowed |= @as(u32, 1) << @intCast(other);
    }
    const verdict: status.Verdict = if (match.allowed == 0) .not_found else .method_not_allowed;
    return @intFromEnum(verdict);
}

pub const Canonical = struct {
    outcome: path.Outcome,
    len: usize = 0,
};

/// Rules 1 to 6 of the canonical path, in their order, one byte at a time.
pub fn canonical(url: []const u8, strict: bool, target: []u8) Canonical {
    if (url.len > limits.url_bytes_max) return .{ .outcome = .path_too_long };
    var raw = url;
    if (url.len == 0 or url[0] != '/') {
        const scheme = std.mem.find(u8, url, "://") orelse return .{ .outcome = .bad_path };
        if (!isScheme(url[0..scheme])) return .{ .outcome = .bad_path };
        const rest = url[scheme + 3 ..];
        const end = std.mem.findAny(u8, rest, "/?#") orelse rest.len;
        if (!isAuthority(rest[0..end])) return .{ .outcome = .bad_host };
        raw = rest[end..];
    }
    raw = raw[0 .. std.mem.findAny(u8, raw, "?#") orelse raw.len];
    if (raw.len == 0) raw = "/";
    if (raw.len > limits.path_bytes_max) return .{ .outcome = .path_too_long };
    var len: usize = 0;
    var segments = std.mem.splitScalar(u8, raw[1..], '/');
    while (segments.next()) |segment| {
        target[len] = '/';
        len += 1;
        const written = decode(segment, target[len..]) orelse return .{ .outcome = .bad_path };
        const text = target[len..][0..written];
        if (std.mem.eql(u8, text, ".") or std.mem.eql(u8, text, "..")) {
            return .{ .outcome = .bad_path };
        }
        len += written;
    }
    if (!strict and len > 1 and target[len - 1] == '/' and target[len - 2] != '/') len -= 1;
    return .{ .outcome = .ok, .len = len };
}

fn isScheme(text: []const u8) bool {
    if (text.len == 0 or !std.ascii.isAlphabetic(text[0])) return false;
    for (text) |byte| {
        if (!std.ascii.isAlphanumeric(byte) and byte != '+' and byte != '-' and byte != '.') {
            return false;
        }
    }
    return true;
}

fn isAuthority(text: []const u8) bool {
    if (text.len == 0) return false;
    for (text) |byte| {
        if (byte <= ' ' or byte >= 0x7f) return false;
        if (std.mem.findScalar(u8, "@\\<>", byte) != null) return false;
    }
    const behind = if (std.mem.findScalarLast(u8, text, ']')) |index| index + 1 else 0;
    const colon = std.mem.findScalarLast(u8, text[behind..], ':') orelse return true;
    const port = text[behind + colon + 1 ..];
    for (port) |byte| if (!std.ascii.isDigit(byte)) return false;
    const digits = std.mem.trimStart(u8, port, "0");
    if (digits.len == 0) return true;
    return digits.len <= 5 and (std.fmt.parseInt(u32, digits, 10) catch return false) <= 65535;
}

/// One segment, canonical; null if it is refused.
fn decode(segment: []const u8, target: []u8) ?usize {
    var decoded: [limits.path_bytes_max]u8 = undefined;
    var decoded_len: usize = 0;
    var len: usize = 0;
    var index: usize = 0;
    while (index < segment.len) {
        var value = segment[index];
        if (value == '%') {
            if (segment.len - index < 3) return null;
            const digits = segment[index + 1 ..][0..2];
            for (digits) |digit| if (!std.ascii.isHex(digit)) return null;
            value = std.fmt.parseInt(u8, digits, 16) catch return null;
            index += 3;
            if (std.ascii.isAlphanumeric(value) or std.mem.findScalar(u8, "-._~", value) != null) {
                target[len] = value;
                len += 1;
            } else {
                const triplet = std.fmt.bufPrint(target[len..], "%{X:0>2}", .{value}) catch
                    return null;
                len += triplet.len;
            }
        } else {
            if (value == ' ' or value >= 0x80) return null;
            target[len] = value;
            len += 1;
            index += 1;
        }
        if (std.ascii.isControl(value)) return null;
        decoded[decoded_len] = value;
        decoded_len += 1;
    }
    return if (std.unicode.utf8ValidateSlice(decoded[0..decoded_len])) len else null;
}
