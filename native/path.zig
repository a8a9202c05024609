//! The canonical path: the one spelling of a request path that everything decides by.
//!
//! 1. The text is `scheme://authority/path?query#fragment`, or a bare path that begins with `/`.
//! 2. The path ends at the first `?` or `#`; an empty path is `/`.
//! 3. Percent-encoded unreserved characters are decoded, other triplets get upper-case digits
//!    (RFC 3986 sections 6.2.2.1 and 6.2.2.2). `%2F` stays data: it never splits a segment.
//! 4. Unless strict, one trailing slash after a non-empty segment is ignored. Slashes are not
//!    merged, letters not folded.
//!
//! Guarantees: linear time, no allocation. The canonical path is never longer than the raw one, so
//! it is written in place; a refused text is left as it was.
//! Refuses: control bytes and spaces, raw or encoded; bytes from 0x80 on (a caller that folded a
//! wide character into one byte stops here); bad triplets; bytes that decode to invalid UTF-8;
//! `.` and `..` segments, which a server may never be asked to resolve after its guards ran.

const std = @import("std");
const assert = std.debug.assert;
const limits = @import("limits.zig");
const Utf8 = @import("utf8.zig").Utf8;

pub const Error = error{ BadPath, PathTooLong, BadHost };

pub const Span = struct {
    start: u32,
    end: u32,
    rewritten: bool,
};

const lanes = 16;
const Lanes = @Vector(lanes, u8);
const Mask = u16;

/// Sixteen bytes from `index` on. Near the end of the text the last sixteen bytes are loaded
/// instead and the surplus is shifted out of the masks, so that nothing beyond the text is read.
pub const Window = struct {
    bytes: Lanes,
    shift: u4,

    pub inline fn at(text: []const u8, index: usize) Window {
        assert(index < text.len);
        if (index + lanes <= text.len) return .{ .bytes = text[index..][0..lanes].*, .shift = 0 };
        if (text.len >= lanes) return .{
            .bytes = text[text.len - lanes ..][0..lanes].*,
            .shift = @intCast(index + lanes - text.len),
        };
        return short(text, index);
    }

    /// A text shorter than one window: padded with a byte that no mask looks for.
    fn short(text: []const u8, index: usize) Window {
        @branchHint(.unlikely);
        var padded: [lanes]u8 = @splat('a');
        @memcpy(padded[0 .. text.len - index], text[index..]);
        return .{ .bytes = padded, .shift = 0 };
    }

    inline fn has(window: Window, byte: u8) @Vector(lanes, bool) {
        return window.bytes == @as(Lanes, @splat(byte));
    }

    /// Control bytes, space, and everything from 0x80 on, which is negative when signed.
    inline fn unprintable(window: Window) @Vector(lanes, bool) {
        const signed: @Vector(lanes, i8) = @bitCast(window.bytes);
        return (signed <= @as(@Vector(lanes, i8), @splat(0x20))) | window.has(0x7f);
    }

    inline fn mask(window: Window, matches: @Vector(lanes, bool)) Mask {
        return @as(Mask, @bitCast(matches)) >> window.shift;
    }

    pub inline fn maskOf(window: Window, byte: u8) Mask {
        return window.mask(window.has(byte));
    }
};

/// The lanes below the lowest set lane; all of them if none is set.
inline fn below(mask: Mask) Mask {
    return (mask -% 1) & ~mask;
}

/// Finds the path in `url`, checks it, and writes its canonical spelling in place.
pub fn canonical(url: []u8, strict: bool) Error!Span {
    if (url.len > limits.url_bytes_max) return error.PathTooLong;
    const start = try pathStart(url);
    const scan = scanPath(url, start);
    if (scan.end == start) {
        // The empty path is `/`. The buffer may have no room for one more byte, but the second
        // slash of `://` is there, and a span may point anywhere in the buffer.
        const slash = std.mem.findScalar(u8, url, '/').? + 1;
        assert(url[slash] == '/' and slash < start);
        return .{ .start = @intCast(slash), .end = @intCast(slash + 1), .rewritten = false };
    }
    assert(url[start] == '/');
    if (scan.end - start > limits.path_bytes_max) return error.PathTooLong;
    var length = scan.end - start;
    var rewritten = false;
    if (scan.unusual) {
        const raw = url[start..scan.end];
        try check(raw);
        length = rewrite(raw, &rewritten);
    }
    if (!strict) length = withoutTrailingSlash(url[start..][0..length]);
    assert(length > 0 and start + length <= url.len);
    return .{
        .start = @intCast(start),
        .end = @intCast(start + length),
        .rewritten = rewritten,
    };
}

/// Where the path begins, after scheme and authority.
inline fn pathStart(url: []const u8) Error!usize {
    if (url.len == 0) return error.BadPath;
    if (url[0] == '/') return 0;
    // The two schemes a server sees; each comparison is one or two loads.
    if (std.mem.startsWith(u8, url, "http://")) return authorityEnd(url, 7);
    if (std.mem.startsWith(u8, url, "https://")) return authorityEnd(url, 8);
    return otherScheme(url);
}

/// RFC 3986 section 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), then `://`.
fn otherScheme(url: []const u8) Error!usize {
    @branchHint(.unlikely);
    if (!std.ascii.isAlphabetic(url[0])) return error.BadPath;
    for (url, 0..) |byte, index| switch (byte) {
        'a'...'z', 'A'...'Z', '0'...'9', '+', '-', '.' => {},
        ':' => {
            if (!std.mem.startsWith(u8, url[index..], "://")) return error.BadPath;
            return authorityEnd(url, index + 3);
        },
        else => return error.BadPath,
    };
    return error.BadPath;
}

/// Checks the authority and returns the index behind it.
fn authorityEnd(url: []const u8, start: usize) Error!usize {
    var colon: usize = 0;
    var brackets = false;
    var index = start;
    const end = while (index < url.len) : (index += lanes) {
        const window: Window = .at(url, index);
        const stop = window.mask(window.has('/') | window.has('?') | window.has('#'));
        const bad = window.mask(window.unprintable() | window.has('@') | window.has('\\') |
            window.has('<') | window.has('>'));
        const inside = below(stop);
        if (bad & inside != 0) return error.BadHost;
        const colons = window.maskOf(':') & inside;
        if (colons != 0) colon = index + lanes - 1 - @clz(colons);
        if (window.maskOf('[') & inside != 0) brackets = true;
        if (stop != 0) break index + @ctz(stop);
    } else url.len;
    assert(end <= url.len);
    if (end == start) return error.BadHost;
    if (brackets) colon = start + (colonOutsideBrackets(url[start..end]) orelse return end);
    if (colon != 0) try checkPort(url[colon + 1 .. end]);
    return end;
}

/// An IPv6 address holds colons that do not announce a port.
fn colonOutsideBrackets(authority: []const u8) ?usize {
    @branchHint(.unlikely);
    var inside = false;
    var colon: ?usize = null;
    for (authority, 0..) |byte, index| switch (byte) {
        '[' => inside = true,
        ']' => inside = false,
        ':' => if (!inside) {
            colon = index;
        },
        else => {},
    };
    return colon;
}

/// An empty port is legal (RFC 3986 section 3.2.3).
inline fn checkPort(port: []const u8) Error!void {
    var value: u32 = 0;
    for (port) |byte| {
        const digit = byte -% '0';
        if (digit > 9) return error.BadHost;
        value = value * 10 + digit;
        if (value > 65535) return error.BadHost;
    }
}

const Scan = struct {
    end: usize,
    /// The path holds a byte to decode or refuse, or a segment that begins with a dot.
    unusual: bool,
};

/// Finds the end of the path, and whether it can be taken as it is: the usual case, which then
/// costs one pass of a few vector comparisons per sixteen bytes.
inline fn scanPath(url: []const u8, start: usize) Scan {
    var after_slash: Mask = 0;
    var unusual: Mask = 0;
    var index = start;
    while (index < url.len) : (index += lanes) {
        const window: Window = .at(url, index);
        const stop = window.mask(window.has('?') | window.has('#'));
        const odd = window.mask(window.unprintable() | window.has('%'));
        const slashes = window.maskOf('/');
        const dots = window.maskOf('.') & ((slashes << 1) | after_slash);
        unusual |= (odd | dots) & below(stop);
        if (stop != 0) return .{ .end = index + @ctz(stop), .unusual = unusual != 0 };
        after_slash = slashes >> (lanes - 1);
    }
    return .{ .end = url.len, .unusual = unusual != 0 };
}

/// Decides whether a raw path can be canonicalised, without touching it.
fn check(raw: []const u8) Error!void {
    @branchHint(.unlikely);
    assert(raw.len > 0 and raw.len <= limits.path_bytes_max);
    var utf8: Utf8 = .{};
    var index: usize = 0;
    var segment_bytes: usize = 0;
    var segment_dots: usize = 0;
    while (index < raw.len) {
        const byte = raw[index];
        if (byte == '/') {
            if (!utf8.complete()) return error.BadPath;
            if (isDots(segment_bytes, segment_dots)) return error.BadPath;
            segment_bytes = 0;
            segment_dots = 0;
            index += 1;
            continue;
        }
        var value = byte;
        if (byte == '%') {
            value = decodeTriplet(raw[index..]) orelse return error.BadPath;
            index += 3;
        } else {
            if (byte == ' ' or byte >= 0x80) return error.BadPath;
            index += 1;
        }
        if (isControl(value)) return error.BadPath;
        if (!utf8.push(value)) return error.BadPath;
        segment_bytes += 1;
        if (value == '.') segment_dots += 1;
    }
    if (!utf8.complete()) return error.BadPath;
    if (isDots(segment_bytes, segment_dots)) return error.BadPath;
}

/// Writes the canonical spelling of a checked path over it and returns its length.
fn rewrite(raw: []u8, rewritten: *bool) usize {
    var source: usize = 0;
    var target: usize = 0;
    while (source < raw.len) {
        assert(target <= source);
        if (raw[source] != '%') {
            raw[target] = raw[source];
            source += 1;
            target += 1;
            continue;
        }
        const value = decodeTriplet(raw[source..]).?;
        if (isUnreserved(value)) {
            raw[target] = value;
            target += 1;
            rewritten.* = true;
        } else {
            const digits = "0123456789ABCDEF";
            const triplet = [3]u8{ '%', digits[value >> 4], digits[value & 0x0f] };
            if (!std.mem.eql(u8, raw[source..][0..3], &triplet)) rewritten.* = true;
            raw[target..][0..3].* = triplet;
            target += 3;
        }
        source += 3;
    }
    assert(rewritten.* or target == raw.len);
    return target;
}

/// Length of a path without the one slash that a table that is not strict ignores.
pub inline fn withoutTrailingSlash(text: []const u8) usize {
    if (text.len < 2) return text.len;
    const ignored = text[text.len - 1] == '/' and text[text.len - 2] != '/';
    return text.len - @intFromBool(ignored);
}

/// Index of the first slash from `start` on, or `end`.
pub inline fn segmentEnd(text: []const u8, start: usize, end: usize) usize {
    assert(end <= text.len);
    var index = start;
    while (index < end) : (index += lanes) {
        const slashes = Window.at(text, index).maskOf('/');
        if (slashes != 0) return @min(index + @ctz(slashes), end);
    }
    return end;
}

pub fn isDotSegment(segment: []const u8) bool {
    return std.mem.eql(u8, segment, ".") or std.mem.eql(u8, segment, "..");
}

fn isDots(bytes: usize, dots: usize) bool {
    return bytes == dots and (dots == 1 or dots == 2);
}

/// The value of `%XX` at the start of `text`.
pub fn decodeTriplet(text: []const u8) ?u8 {
    assert(text[0] == '%');
    if (text.len < 3) return null;
    const high = std.fmt.charToDigit(text[1], 16) catch return null;
    const low = std.fmt.charToDigit(text[2], 16) catch return null;
    return high << 4 | low;
}

pub fn isControl(byte: u8) bool {
    return byte < 0x20 or byte == 0x7f;
}

/// RFC 3986 section 2.3.
pub fn isUnreserved(byte: u8) bool {
    return switch (byte) {
        'A'...'Z', 'a'...'z', '0'...'9', '-', '.', '_', '~' => true,
        else => false,
    };
}

fn expectPath(expected: []const u8, url: []const u8, strict: bool) !void {
    var buffer: [limits.url_bytes_max]u8 = undefined;
    @memcpy(buffer[0..url.len], url);
    const span = try canonical(buffer[0..url.len], strict);
    try std.testing.expectEqualStrings(expected, buffer[span.start..span.end]);
    const changed = !std.mem.eql(u8, buffer[0..url.len], url);
    // Rewriting may by chance leave equal bytes (`%61a` has none); it never changes them silently.
    if (changed) try std.testing.expect(span.rewritten);
    const second = try canonical(buffer[span.start..span.end], strict);
    try std.testing.expect(!second.rewritten);
    try std.testing.expectEqual(span.end - span.start, second.end - second.start);
}

fn expectRefused(expected: Error, url: []const u8) !void {
    var buffer: [limits.url_bytes_max + 1]u8 = undefined;
    @memcpy(buffer[0..url.len], url);
    try std.testing.expectError(expected, canonical(buffer[0..url.len], false));
    try std.testing.expectEqualStrings(url, buffer[0..url.len]);
}

test "the path is found, decoded and canonical twice" {
    try expectPath("/", "http://h", false);
    try expectPath("/", "http://h?x=/y", false);
    try expectPath("/", "s://h#x", false);
    try expectPath("/", "/", false);
    try expectPath("/", "/", true);
    try expectPath("/a", "https://h/a/", false);
    try expectPath("/a/", "https://h/a/", true);
    try expectPath("/a//", "http://h/a//", false);
    try expectPath("//", "http://h//", false);
    try expectPath("/~a/B-._", "http://h/%7Ea/%42-%2E_", false);
    try expectPath("/a%2Fb%C3%A9", "http://localhost:3000/a%2fb%c3%a9?q=%zz", false);
    try expectPath("/.well-known/...", "http://h/.well-known/...", false);
    try expectPath("/a@b:c", "/a@b:c", false);
}

test "refused texts are left as they were" {
    for ([_][]const u8{
        "",                          "a",                    "http:/h/a", "ht tp://h/",       ":///",
        "/a b",                      "/a\x00",               "/a\x7f",    "/\x80",            "/%",
        "/%4",                       "/%zz",                 "/%00",      "/%1F",             "/%7f",
        "/%ff",                      "/%c3",                 "/%c3/%a9",  "/%c0%ae",          "/%ed%a0%80",
        "/.",                        "/..",                  "/a/./b",    "/a/../b",          "/%2e",
        "/%2E.",                     "/a/%2e%2e/",           "/%41/%c3x", "http://h/%61/%zz", "/%f4%90%80%80",
        "/0123456789abcdefghijk/..", "/0123456789abcde/./x",
    }) |url| try expectRefused(error.BadPath, url);
}

test "hosts" {
    for ([_][]const u8{
        "http:///a",                      "http://u@h/",     "http://a b/",   "http://a<b/",
        "http://a>b/",                    "http://a\\b/",    "http://a\x01/", "http://\xc3\xa9.com/",
        "http://h:x/",                    "http://h:65536/", "http://h:8a",   "http://[::1]:x/",
        "http://h:99999999999999999999/", "http://?a",       "http://#a",     "http://0123456789abcdef0123456789abcdef@h/",
    }) |url| try expectRefused(error.BadHost, url);
    for ([_][]const u8{
        "http://h:/p",                                              "http://h:0/p",    "http://h:65535/p", "http://[::1]/p",
        "http://[::1]:1/p",                                         "http://[::1]:/p", "ws://a.b-c_d/p",   "http://h/p#?",
        "http://0123456789abcdef.0123456789abcdef.example:08080/p",
    }) |url| try expectPath("/p", url, false);
}

test "paths and texts at their limits" {
    const host = "http://h";
    const longest = "/" ++ "a" ** (limits.path_bytes_max - 1);
    try expectPath(longest[0 .. longest.len - 1], host ++ longest[0 .. longest.len - 1], false);
    try expectPath(longest, host ++ longest, false);
    try expectRefused(error.PathTooLong, host ++ longest ++ "a");
    try expectRefused(error.PathTooLong, host ++ longest ++ "%");
    const query = "?" ++ "q" ** (limits.url_bytes_max - 3);
    try expectPath("/a", "/a" ++ query[0 .. query.len - 1], false);
    try expectPath("/a", "/a" ++ query, false);
    try expectRefused(error.PathTooLong, "/a" ++ query ++ "q");
}

test "every split of a text over windows gives the answer of a byte-by-byte scan" {
    var prng: std.Random.DefaultPrng = .init(2);
    const random = prng.random();
    const alphabet = "/ab.%?#2e \x80\x1f\x7f";
    var buffer: [80]u8 = undefined;
    for (0..100_000) |_| {
        const text = buffer[0..random.intRangeAtMost(usize, 1, buffer.len)];
        for (text) |*byte| byte.* = if (random.uintLessThan(u8, 8) > 0)
            alphabet[random.uintLessThan(usize, 3)]
        else
            alphabet[random.uintLessThan(usize, alphabet.len)];
        text[0] = '/';
        const end = std.mem.findAny(u8, text, "?#") orelse text.len;
        const scan = scanPath(text, 0);
        try std.testing.expectEqual(end, scan.end);
        const plain = std.mem.findAny(u8, text[0..end], "% \x80\x1f\x7f") == null and
            std.mem.find(u8, text[0..end], "/.") == null;
        try std.testing.expectEqual(!plain, scan.unusual);
        const from = random.uintLessThan(usize, end);
        const slash = std.mem.findScalarPos(u8, text[0..end], from, '/') orelse end;
        try std.testing.expectEqual(slash, segmentEnd(text, from, end));
    }
}
