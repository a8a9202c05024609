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
const vector = @import("lanes.zig");
const Utf8 = @import("utf8.zig").Utf8;

pub const Outcome = enum(u8) { ok, bad_path, path_too_long, bad_host };

/// The result of `canonical`, in one register. As an error union with a struct it was written to
/// memory in small pieces and read back in large ones, a stall of ten nanoseconds.
pub const Span = packed struct(u64) {
    start: u16 = 0,
    end: u16 = 0,
    rewritten: bool = false,
    outcome: Outcome,
    _pad: u23 = 0,
};

comptime {
    assert(limits.url_bytes_max <= std.math.maxInt(u16));
}

/// Where the slashes are among the first 64 bytes of a text: bit `i` for byte `i`. Computed in the
/// pass that looks at every byte anyway, it takes the search for the end of each segment from
/// about fifteen cycles, one after the other, to four.
pub const Slashes = u64;

const lanes = vector.count;
const Lanes = vector.Lanes;
const Mask = vector.Mask;

/// Sixteen bytes from `index` on. Near the end of the text the last sixteen bytes are loaded
/// instead and the surplus is shifted out of the masks, so that nothing beyond the text is read.
const Window = struct {
    bytes: Lanes,
    shift: u4,

    inline fn at(text: []const u8, index: usize) Window {
        assert(index < text.len);
        if (index + lanes <= text.len) return .{ .bytes = vector.load(text, index), .shift = 0 };
        if (text.len >= lanes) return .{
            .bytes = vector.load(text, text.len - lanes),
            .shift = @intCast(index + lanes - text.len),
        };
        return short(text, index);
    }

    /// A text shorter than one window: padded with a byte that no mask looks for.
    fn short(text: []const u8, index: usize) Window {
        @branchHint(.unlikely);
        var padded: [lanes]u8 = @splat('a');
        @memcpy(padded[0 .. text.len - index], text[index..]);
        return .{ .bytes = vector.load(&padded, 0), .shift = 0 };
    }

    inline fn has(window: Window, byte: u8) vector.Found {
        return vector.equal(window.bytes, byte);
    }

    /// Control bytes, space, and everything from 0x80 on, which is negative when signed.
    inline fn unprintable(window: Window) vector.Found {
        const signed: @Vector(lanes, i8) = @bitCast(window.bytes);
        return (signed <= @as(@Vector(lanes, i8), @splat(0x20))) | window.has(0x7f);
    }

    inline fn mask(window: Window, matches: vector.Found) Mask {
        return vector.maskOf(matches) >> window.shift;
    }

    inline fn maskOf(window: Window, byte: u8) Mask {
        return window.mask(window.has(byte));
    }
};

/// The lanes below the lowest set lane; all of them if none is set.
inline fn below(mask: Mask) Mask {
    return (mask -% 1) & ~mask;
}

/// Finds the path in `url`, checks it, and writes its canonical spelling in place. `marks` are
/// those of `url`; they are outdated if the result is `rewritten`.
pub inline fn canonical(url: []u8, strict: bool, marks: Marks) Span {
    if (url.len > limits.url_bytes_max) return .{ .outcome = .path_too_long };
    const found = pathStart(url, marks.slashes);
    const start = switch (found) {
        .bad_path => return .{ .outcome = .bad_path },
        .bad_host => return .{ .outcome = .bad_host },
        _ => @intFromEnum(found),
    };
    // The usual case: nothing in the path ends it early, needs decoding or has to be refused.
    if (start < url.len and url[start] == '/' and marks.plainFrom(url, start)) {
        if (url.len - start > limits.path_bytes_max) return .{ .outcome = .path_too_long };
        const length = if (strict) url.len - start else withoutTrailingSlash(url[start..]);
        return .{
            .start = @intCast(start),
            .end = @intCast(start + length),
            .outcome = .ok,
        };
    }
    return canonicalAny(url, start, strict);
}

/// The whole rule, for a path that begins at `start`.
fn canonicalAny(url: []u8, start: usize, strict: bool) Span {
    const scan = scanPath(url, start);
    if (scan.end == start) {
        // The empty path is `/`. The buffer may have no room for one more byte, but the second
        // slash of `://` is there, and a span may point anywhere in the buffer.
        const slash = std.mem.findScalar(u8, url, '/').? + 1;
        assert(url[slash] == '/' and slash < start);
        return .{ .start = @intCast(slash), .end = @intCast(slash + 1), .outcome = .ok };
    }
    assert(url[start] == '/');
    if (scan.end - start > limits.path_bytes_max) return .{ .outcome = .path_too_long };
    var length = scan.end - start;
    var rewritten = false;
    if (scan.unusual) {
        const raw = url[start..scan.end];
        if (!check(raw)) return .{ .outcome = .bad_path };
        length = rewrite(raw, &rewritten);
    }
    if (!strict) length = withoutTrailingSlash(url[start..][0..length]);
    assert(length > 0 and start + length <= url.len);
    return .{
        .start = @intCast(start),
        .end = @intCast(start + length),
        .rewritten = rewritten,
        .outcome = .ok,
    };
}

/// What one look at the first 64 bytes of a text tells.
pub const Marks = struct {
    slashes: Slashes,
    /// Bytes that may end a path or make it unusual; false alarms are allowed.
    notable: u64,

    const span = 64;

    pub inline fn of(url: []const u8) Marks {
        if (url.len < lanes) return ofShort(url);
        var slashes: u64 = 0;
        var dots: u64 = 0;
        var others: u64 = 0;
        inline for (0..span / lanes) |part| {
            if (url.len >= (part + 1) * lanes) {
                const bytes: Lanes = vector.load(url, part * lanes);
                slashes |= bits(vector.equal(bytes, '/')) << part * lanes;
                dots |= bits(vector.equal(bytes, '.')) << part * lanes;
                others |= bits(isNotable(bytes)) << part * lanes;
            }
        }
        if (url.len < span) {
            // The last bytes, some of them once more, which sets the same bits again.
            const bytes: Lanes = vector.load(url, url.len - lanes);
            const shift: u6 = @intCast(url.len - lanes);
            slashes |= bits(vector.equal(bytes, '/')) << shift;
            dots |= bits(vector.equal(bytes, '.')) << shift;
            others |= bits(isNotable(bytes)) << shift;
        }
        return .{ .slashes = slashes, .notable = others | (dots & (slashes << 1)) };
    }

    fn ofShort(url: []const u8) Marks {
        @branchHint(.unlikely);
        var slashes: u64 = 0;
        for (url, 0..) |byte, index| {
            if (byte == '/') slashes |= @as(u64, 1) << @intCast(index);
        }
        return .{ .slashes = slashes, .notable = std.math.maxInt(u64) };
    }

    /// Whether the path reaches to the end of the text and is canonical but for its last slash.
    inline fn plainFrom(marks: Marks, url: []const u8, start: usize) bool {
        if (start >= span) return false;
        if (marks.notable >> @intCast(start) != 0) return false;
        return url.len <= span or plainFar(url);
    }

    fn plainFar(url: []const u8) bool {
        var index: usize = span;
        while (index < url.len) : (index += lanes) {
            const at = @min(index, url.len - lanes);
            const bytes: Lanes = vector.load(url, at);
            const before: Lanes = vector.load(url, at - 1);
            const dots = bits(vector.equal(bytes, '.'));
            const opens = bits(vector.equal(before, '/'));
            if (bits(isNotable(bytes)) | (dots & opens) != 0) return false;
        }
        return true;
    }

    /// One comparison takes all bytes up to `%` and all from 0x80 on, which are negative when
    /// signed; `!`, `"` and `$` are harmless, and rare.
    inline fn isNotable(bytes: Lanes) vector.Found {
        const signed: @Vector(lanes, i8) = @bitCast(bytes);
        const low = signed <= @as(@Vector(lanes, i8), @splat('%'));
        // 0x3f and 0x7f, the question mark and DEL, differ in one bit.
        return low | (vector.equal(bytes | vector.splat(0x40), 0x7f));
    }

    inline fn bits(found: vector.Found) u64 {
        return vector.maskOf(found);
    }
};

/// Where the path begins, after scheme and authority.
const Start = enum(usize) {
    bad_path = std.math.maxInt(usize),
    bad_host = std.math.maxInt(usize) - 1,
    _,
};

inline fn pathStart(url: []const u8, slashes: Slashes) Start {
    if (url.len == 0) return .bad_path;
    if (url[0] == '/') return @enumFromInt(0);
    // The two schemes a server sees; each comparison is one or two loads.
    if (std.mem.startsWith(u8, url, "http://")) return authorityEnd(url, 7, slashes);
    if (std.mem.startsWith(u8, url, "https://")) return authorityEnd(url, 8, slashes);
    return otherScheme(url);
}

/// RFC 3986 section 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), then `://`.
fn otherScheme(url: []const u8) Start {
    @branchHint(.unlikely);
    if (!std.ascii.isAlphabetic(url[0])) return .bad_path;
    for (url, 0..) |byte, index| switch (byte) {
        'a'...'z', 'A'...'Z', '0'...'9', '+', '-', '.' => {},
        ':' => {
            if (!std.mem.startsWith(u8, url[index..], "://")) return .bad_path;
            return authorityEndAny(url, index + 3);
        },
        else => return .bad_path,
    };
    return .bad_path;
}

/// Checks the authority and returns the index behind it.
inline fn authorityEnd(url: []const u8, comptime start: usize, slashes: Slashes) Start {
    // Nearly every authority is made of letters, digits, `-`, `.` and perhaps a port of at most
    // four digits, is followed by a slash, and fits in one vector.
    if (start + lanes > url.len) return authorityEndAny(url, start);
    const length = @ctz(slashes >> start);
    if (length == 0 or length > lanes) return authorityEndAny(url, start);
    const inside: u32 = (@as(u32, 1) << @intCast(length)) - 1;
    const bytes = vector.load(url, start);
    const names = vector.inRange(bytes | vector.splat(letter_case), 'a', 'z');
    const plain: u32 = vector.maskOf(names | vector.inRange(bytes, '-', ':'));
    if (~plain & inside != 0) return authorityEndAny(url, start);
    const colons = vector.maskOf(vector.equal(bytes, ':')) & inside;
    if (colons != 0) {
        const digits: u32 = vector.maskOf(vector.inRange(bytes, '0', '9'));
        const port = inside & ~(colons | (colons - 1));
        // Below ten thousand whatever the digits: the last of them is at most four lanes behind.
        const short = colons & (colons - 1) == 0 and port >> 4 < 2 * colons;
        if (!short or ~digits & port != 0) return authorityEndAny(url, start);
    }
    return @enumFromInt(start + length);
}

/// The bit that tells small letters from capitals.
const letter_case: u8 = 0x20;

/// The whole rule, for whatever `authorityEnd` does not know to be harmless.
fn authorityEndAny(url: []const u8, start: usize) Start {
    var colon: usize = 0;
    var brackets = false;
    var index = start;
    const end = while (index < url.len) : (index += lanes) {
        const window: Window = .at(url, index);
        const stop = window.mask(window.has('/') | window.has('?') | window.has('#'));
        const bad = window.mask(window.unprintable() | window.has('@') | window.has('\\') |
            window.has('<') | window.has('>'));
        const inside = below(stop);
        if (bad & inside != 0) return .bad_host;
        const colons = window.maskOf(':') & inside;
        if (colons != 0) colon = index + lanes - 1 - @clz(colons);
        if (window.maskOf(']') & inside != 0) brackets = true;
        if (stop != 0) break index + @ctz(stop);
    } else url.len;
    assert(end <= url.len);
    if (end == start) return .bad_host;
    if (brackets) {
        const behind = colonBehindBrackets(url[start..end]) orelse return @enumFromInt(end);
        colon = start + behind;
    }
    if (colon != 0 and !isPort(url[colon + 1 .. end])) return .bad_host;
    return @enumFromInt(end);
}

/// An IPv6 address holds colons that do not announce a port; it ends at the last bracket.
fn colonBehindBrackets(authority: []const u8) ?usize {
    @branchHint(.unlikely);
    const bracket = std.mem.findScalarLast(u8, authority, ']');
    const behind = if (bracket) |index| index + 1 else 0;
    const colon = std.mem.findScalarLast(u8, authority[behind..], ':') orelse return null;
    return behind + colon;
}

/// An empty port is legal (RFC 3986 section 3.2.3).
fn isPort(text: []const u8) bool {
    var value: u32 = 0;
    for (text) |byte| {
        const digit = byte -% '0';
        if (digit > 9) return false;
        value = value * 10 + digit;
        if (value > 65535) return false;
    }
    return true;
}

const Scan = struct {
    end: usize,
    /// The path holds a byte to decode or refuse, or a segment that begins with a dot.
    unusual: bool,
};

/// Finds the end of the path, and whether it can be taken as it is.
fn scanPath(url: []const u8, start: usize) Scan {
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
fn check(raw: []const u8) bool {
    @branchHint(.unlikely);
    assert(raw.len > 0 and raw.len <= limits.path_bytes_max);
    var utf8: Utf8 = .{};
    var index: usize = 0;
    var segment_bytes: usize = 0;
    var segment_dots: usize = 0;
    while (index < raw.len) {
        const byte = raw[index];
        if (byte == '/') {
            if (!utf8.complete()) return false;
            if (isDots(segment_bytes, segment_dots)) return false;
            segment_bytes = 0;
            segment_dots = 0;
            index += 1;
            continue;
        }
        var value = byte;
        if (byte == '%') {
            value = decodeTriplet(raw[index..]) orelse return false;
            index += 3;
        } else {
            if (byte == ' ' or byte >= 0x80) return false;
            index += 1;
        }
        if (isControl(value)) return false;
        if (!utf8.push(value)) return false;
        segment_bytes += 1;
        if (value == '.') segment_dots += 1;
    }
    if (!utf8.complete()) return false;
    return !isDots(segment_bytes, segment_dots);
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
pub inline fn segmentEnd(slashes: Slashes, text: []const u8, start: usize, end: usize) usize {
    if (start < @bitSizeOf(Slashes)) {
        const behind = slashes >> @truncate(start);
        if (behind != 0) return @min(start +% @ctz(behind), end);
        if (end <= @bitSizeOf(Slashes)) return end;
    }
    return segmentEndFar(text, start, end);
}

fn segmentEndFar(text: []const u8, start: usize, end: usize) usize {
    assert(start <= end and end <= text.len);
    return std.mem.findScalarPos(u8, text[0..end], start, '/') orelse end;
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

fn canonicalOf(url: []u8, strict: bool) Span {
    return canonical(url, strict, .of(url));
}

fn expectPath(expected: []const u8, url: []const u8, strict: bool) !void {
    var buffer: [limits.url_bytes_max]u8 = undefined;
    @memcpy(buffer[0..url.len], url);
    const span = canonicalOf(buffer[0..url.len], strict);
    try std.testing.expectEqual(.ok, span.outcome);
    try std.testing.expectEqualStrings(expected, buffer[span.start..span.end]);
    const changed = !std.mem.eql(u8, buffer[0..url.len], url);
    // Rewriting may by chance leave equal bytes (`%61a` has none); it never changes them silently.
    if (changed) try std.testing.expect(span.rewritten);
    const second = canonicalOf(buffer[span.start..span.end], strict);
    try std.testing.expect(!second.rewritten);
    try std.testing.expectEqual(span.end - span.start, second.end - second.start);
}

fn expectRefused(expected: Outcome, url: []const u8) !void {
    var buffer: [limits.url_bytes_max + 1]u8 = undefined;
    @memcpy(buffer[0..url.len], url);
    try std.testing.expectEqual(expected, canonicalOf(buffer[0..url.len], false).outcome);
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
        "",
        "a",
        "http:/h/a",
        "ht tp://h/",
        ":///",
        "/a b",
        "/a\x00",
        "/a\x7f",
        "/\x80",
        "/%",
        "/%4",
        "/%zz",
        "/%00",
        "/%1F",
        "/%7f",
        "/%ff",
        "/%c3",
        "/%c3/%a9",
        "/%c0%ae",
        "/%ed%a0%80",
        "/.",
        "/..",
        "/a/./b",
        "/a/../b",
        "/%2e",
        "/%2E.",
        "/a/%2e%2e/",
        "/%41/%c3x",
        "http://h/%61/%zz",
        "/%f4%90%80%80",
        "/0123456789abcdefghijk/..",
        "/0123456789abcde/./x",
    }) |url| try expectRefused(.bad_path, url);
}

test "hosts" {
    for ([_][]const u8{
        "http:///a",
        "http://u@h/",
        "http://a b/",
        "http://a<b/",
        "http://a>b/",
        "http://a\\b/",
        "http://a\x01/",
        "http://\xc3\xa9.com/",
        "http://h:x/",
        "http://h:65536/",
        "http://h:8a",
        "http://[::1]:x/",
        "http://h:99999999999999999999/",
        "http://?a",
        "http://#a",
        "http://0123456789abcdef0123456789abcdef@h/",
    }) |url| try expectRefused(.bad_host, url);
    for ([_][]const u8{
        "http://h:/p",
        "http://h:0/p",
        "http://h:65535/p",
        "http://[::1]/p",
        "http://[::1]:1/p",
        "http://[::1]:/p",
        "ws://a.b-c_d/p",
        "http://h/p#?",
        "http://0123456789abcdef.0123456789abcdef.example:08080/p",
    }) |url| try expectPath("/p", url, false);
}

test "paths and texts at their limits" {
    const host = "http://h";
    const longest = "/" ++ "a" ** (limits.path_bytes_max - 1);
    try expectPath(longest[0 .. longest.len - 1], host ++ longest[0 .. longest.len - 1], false);
    try expectPath(longest, host ++ longest, false);
    try expectRefused(.path_too_long, host ++ longest ++ "a");
    try expectRefused(.path_too_long, host ++ longest ++ "%");
    const query = "?" ++ "q" ** (limits.url_bytes_max - 3);
    try expectPath("/a", "/a" ++ query[0 .. query.len - 1], false);
    try expectPath("/a", "/a" ++ query, false);
    try expectRefused(.path_too_long, "/a" ++ query ++ "q");
}

test "every split of a text over windows gives the answer of a byte-by-byte scan" {
    var prng: std.Random.DefaultPrng = .init(2);
    const random = prng.random();
    const alphabet = "/ab.%?#2e \x80\x1f\x7f";
    var buffer: [160]u8 = undefined;
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
        try std.testing.expectEqual(slash, segmentEnd(Marks.of(text).slashes, text, from, end));
        try std.testing.expectEqual(plain and end == text.len, exact: {
            // False alarms are allowed, misses are not.
            if (!Marks.of(text).plainFrom(text, 0)) break :exact plain and end == text.len;
            break :exact true;
        });
    }
}
