//! The grammar of route patterns, and its only parser.
//!
//!     pattern   = 1*( "/" segment )
//!     segment   = literal / ":" name / "*" [ name ]        "*" only as the last segment
//!     name      = ( ALPHA / "_" ) *( ALPHA / DIGIT / "_" )
//!     literal   = *( path byte / "%" HEXDIG HEXDIG )
//!
//! A pattern becomes a `Shape`: its canonical literal bytes, spelled as `path.zig` spells a request
//! path, with one marker byte for each parameter. Two patterns of one shape match the same paths.
//! Marker bytes are control bytes, which no literal can contain.
//!
//! Guarantees: reads left to right and reports the first offending byte; allocates nothing.
//! Refuses: everything that other routers give a meaning to and that we do not know (`{id}`,
//! `:id?`, `:id(\d+)`, `/a-:b`), rather than taking it for a literal that never matches.

const std = @import("std");
const assert = std.debug.assert;
const limits = @import("limits.zig");
const path = @import("path.zig");
const Reason = @import("status.zig").Reason;
const Utf8 = @import("utf8.zig").Utf8;

pub const marker_parameter: u8 = 0x01;
pub const marker_rest: u8 = 0x02;

pub const Error = error{ PatternInvalid, PatternTooLong, TooManyParameters };

pub const Rest = enum { none, bare, named };

pub const Shape = struct {
    buffer: [limits.shape_bytes_max]u8,
    len: u32,
    /// Values that a match yields, a rest included.
    params_count: u32,
    rest: Rest,

    pub const empty: Shape = .{ .buffer = undefined, .len = 0, .params_count = 0, .rest = .none };

    pub fn bytes(shape: *const Shape) []const u8 {
        return shape.buffer[0..shape.len];
    }

    fn append(shape: *Shape, byte: u8) void {
        shape.buffer[shape.len] = byte;
        shape.len += 1;
    }

    fn appendEncoded(shape: *Shape, byte: u8) void {
        const digits = "0123456789ABCDEF";
        shape.append('%');
        shape.append(digits[byte >> 4]);
        shape.append(digits[byte & 0x0f]);
    }
};

/// Where and why a pattern was refused; `offset` counts bytes of the pattern as given.
pub const Diagnosis = struct {
    reason: Reason = .none,
    offset: u32 = 0,
};

pub fn parse(
    pattern: []const u8,
    strict: bool,
    shape: *Shape,
    diagnosis: *Diagnosis,
) Error!void {
    if (pattern.len > limits.pattern_bytes_max) return error.PatternTooLong;
    shape.len = 0;
    shape.params_count = 0;
    shape.rest = .none;
    var parser: Parser = .{
        .pattern = pattern[0..if (strict) pattern.len else path.withoutTrailingSlash(pattern)],
        .shape = shape,
        .diagnosis = diagnosis,
    };
    if (pattern.len == 0) return parser.refuse(.empty, 0);
    if (pattern[0] != '/') return parser.refuse(.no_leading_slash, 0);
    while (parser.index < parser.pattern.len) try parser.segment();
    assert(shape.len > 0 and shape.buffer[0] == '/');
    assert(shape.params_count <= limits.params_max);
}

const Parser = struct {
    pattern: []const u8,
    shape: *Shape,
    diagnosis: *Diagnosis,
    index: usize = 0,
    names: [limits.params_max][]const u8 = undefined,
    names_count: u32 = 0,

    fn refuse(parser: *Parser, reason: Reason, offset: usize) error{PatternInvalid} {
        assert(reason != .none);
        assert(offset <= parser.pattern.len);
        parser.diagnosis.* = .{ .reason = reason, .offset = @intCast(offset) };
        return error.PatternInvalid;
    }

    fn segment(parser: *Parser) Error!void {
        assert(parser.pattern[parser.index] == '/');
        parser.shape.append('/');
        parser.index += 1;
        const start = parser.index;
        const first: u8 = if (start < parser.pattern.len) parser.pattern[start] else '/';
        switch (first) {
            ':' => {
                parser.index += 1;
                if (!try parser.name(start)) return parser.refuse(.name_invalid, parser.index);
                try parser.parameter(marker_parameter);
            },
            '*' => {
                parser.index += 1;
                const named = try parser.name(start);
                if (parser.index < parser.pattern.len) return parser.refuse(.rest_not_last, start);
                try parser.parameter(marker_rest);
                parser.shape.rest = if (named) .named else .bare;
            },
            else => try parser.literal(),
        }
    }

    fn parameter(parser: *Parser, marker: u8) Error!void {
        if (parser.shape.params_count == limits.params_max) return error.TooManyParameters;
        parser.shape.params_count += 1;
        parser.shape.append(marker);
    }

    /// Reads up to the next slash. False: there is no name at all.
    fn name(parser: *Parser, sigil: usize) Error!bool {
        const start = parser.index;
        while (parser.index < parser.pattern.len) : (parser.index += 1) {
            const byte = parser.pattern[parser.index];
            switch (byte) {
                'a'...'z', 'A'...'Z', '_' => {},
                '0'...'9' => if (parser.index == start) {
                    return parser.refuse(.name_invalid, parser.index);
                },
                '/' => break,
                // `:id?` is an optional parameter elsewhere: a matter of names, not of queries.
                '?', '#' => return parser.refuse(.name_invalid, parser.index),
                else => return parser.refuse(reasonOf(byte) orelse .name_invalid, parser.index),
            }
        }
        if (parser.index == start) return false;
        const text = parser.pattern[start..parser.index];
        for (parser.names[0..parser.names_count]) |other| {
            if (std.mem.eql(u8, other, text)) return parser.refuse(.name_duplicate, sigil);
        }
        if (parser.names_count == limits.params_max) return error.TooManyParameters;
        parser.names[parser.names_count] = text;
        parser.names_count += 1;
        return true;
    }

    fn literal(parser: *Parser) Error!void {
        const start = parser.index;
        const shape_start = parser.shape.len;
        var utf8: Utf8 = .{};
        var character_start = start;
        while (parser.index < parser.pattern.len and parser.pattern[parser.index] != '/') {
            const at = parser.index;
            if (utf8.complete()) character_start = at;
            const byte = try parser.literalByte();
            if (!utf8.push(byte)) return parser.refuse(.bad_utf8, character_start);
            assert(parser.index > at);
        }
        if (!utf8.complete()) return parser.refuse(.bad_utf8, character_start);
        if (path.isDotSegment(parser.shape.buffer[shape_start..parser.shape.len])) {
            return parser.refuse(.dot_segment, start);
        }
    }

    /// Takes one byte, plain or percent-encoded, writes its canonical spelling, returns its value.
    fn literalByte(parser: *Parser) Error!u8 {
        const at = parser.index;
        const byte = parser.pattern[at];
        if (byte == '%') {
            const value = path.decodeTriplet(parser.pattern[at..]) orelse
                return parser.refuse(.bad_percent, at);
            if (path.isControl(value)) return parser.refuse(.control_byte, at);
            parser.index += 3;
            if (path.isUnreserved(value)) {
                parser.shape.append(value);
            } else {
                parser.shape.appendEncoded(value);
            }
            return value;
        }
        if (reasonOf(byte)) |reason| return parser.refuse(reason, at);
        parser.index += 1;
        switch (byte) {
            // What the WHATWG URL parser encodes in a path, beside the bytes refused above.
            ' ', '"', '^', '`', 0x80...0xff => parser.shape.appendEncoded(byte),
            else => parser.shape.append(byte),
        }
        return byte;
    }
};

/// Bytes that no segment may contain, name or literal.
fn reasonOf(byte: u8) ?Reason {
    return switch (byte) {
        0x00...0x1f, 0x7f => .control_byte,
        '?', '#' => .query_or_fragment,
        '{', '}', '<', '>', '\\' => .unknown_syntax,
        ':', '*' => .partial_parameter,
        else => null,
    };
}

fn expectShape(expected: []const u8, pattern: []const u8, strict: bool) !void {
    var shape: Shape = .empty;
    var diagnosis: Diagnosis = .{};
    try parse(pattern, strict, &shape, &diagnosis);
    try std.testing.expectEqualStrings(expected, shape.bytes());
}

fn expectRefused(reason: Reason, offset: u32, pattern: []const u8) !void {
    var shape: Shape = .empty;
    var diagnosis: Diagnosis = .{};
    try std.testing.expectError(
        error.PatternInvalid,
        parse(pattern, false, &shape, &diagnosis),
    );
    try std.testing.expectEqual(reason, diagnosis.reason);
    try std.testing.expectEqual(offset, diagnosis.offset);
}

test "patterns become canonical shapes" {
    try expectShape("/", "/", false);
    try expectShape("/a", "/a/", false);
    try expectShape("/a/", "/a/", true);
    try expectShape("/a//", "/a//", false);
    try expectShape("//", "//", false);
    try expectShape("/u/\x01/p/\x01", "/u/:id/p/:post_2", false);
    try expectShape("/f/\x02", "/f/*", false);
    try expectShape("/f/\x02", "/f/*rest", false);
    try expectShape("/f/\x02", "/f/*/", false);
    try expectShape("/%C3%A9tat", "/état", false);
    try expectShape("/%C3%A9tat", "/%c3%a9tat", false);
    try expectShape("/%C3%A9tat", "/\xc3%A9tat", false);
    try expectShape("/a", "/%61", false);
    try expectShape("/a%20b%22%5E%60", "/a b\"^`", false);
    try expectShape("/a%2Fb", "/a%2fb", false);
    try expectShape("/...", "/...", false);
}

test "each reason points at the byte that caused it" {
    try expectRefused(.empty, 0, "");
    try expectRefused(.no_leading_slash, 0, "a");
    try expectRefused(.bad_percent, 2, "/a%zz");
    try expectRefused(.bad_percent, 2, "/a%4");
    try expectRefused(.control_byte, 2, "/a\x00");
    try expectRefused(.control_byte, 2, "/a%00");
    try expectRefused(.control_byte, 2, "/a\x7f");
    try expectRefused(.dot_segment, 3, "/a/../b");
    try expectRefused(.dot_segment, 1, "/%2e");
    try expectRefused(.query_or_fragment, 2, "/a?b");
    try expectRefused(.query_or_fragment, 2, "/a#b");
    try expectRefused(.name_invalid, 4, "/:id?");
    try expectRefused(.unknown_syntax, 1, "/{id}");
    try expectRefused(.unknown_syntax, 2, "/a\\b");
    try expectRefused(.partial_parameter, 3, "/a-:b");
    try expectRefused(.partial_parameter, 2, "/a*");
    try expectRefused(.partial_parameter, 2, "/**");
    try expectRefused(.name_invalid, 2, "/:");
    try expectRefused(.name_invalid, 2, "/:/a");
    try expectRefused(.name_invalid, 2, "/:1a");
    try expectRefused(.name_invalid, 4, "/:id(\\d+)");
    try expectRefused(.name_duplicate, 4, "/:a/:a");
    try expectRefused(.name_duplicate, 4, "/:a/*a");
    try expectRefused(.rest_not_last, 1, "/*/a");
    try expectRefused(.rest_not_last, 1, "/*a/b");
    try expectRefused(.bad_utf8, 2, "/a\xff");
    try expectRefused(.bad_utf8, 1, "/%C3/a");
    try expectRefused(.bad_utf8, 1, "/\xed\xa0\x80");
}

test "patterns at the limits of length and of parameters" {
    var shape: Shape = .empty;
    var diagnosis: Diagnosis = .{};
    const longest = "/" ++ "\"" ** (limits.pattern_bytes_max - 1);
    try parse(longest, false, &shape, &diagnosis);
    try std.testing.expectEqual(3 * (limits.pattern_bytes_max - 1) + 1, shape.len);
    try std.testing.expectError(
        error.PatternTooLong,
        parse(longest ++ "a", false, &shape, &diagnosis),
    );
    const letters = "abcdefghijklmnopqrstuvwxyz";
    var buffer: [3 * letters.len]u8 = undefined;
    for (letters, 0..) |letter, index| buffer[index * 3 ..][0..3].* = .{ '/', ':', letter };
    try parse(buffer[0 .. 3 * (limits.params_max - 1)], false, &shape, &diagnosis);
    try parse(buffer[0 .. 3 * limits.params_max], false, &shape, &diagnosis);
    try std.testing.expectEqual(limits.params_max, shape.params_count);
    try std.testing.expectError(
        error.TooManyParameters,
        parse(buffer[0 .. 3 * (limits.params_max + 1)], false, &shape, &diagnosis),
    );
    buffer[3 * limits.params_max ..][0..2].* = .{ '/', '*' };
    try std.testing.expectError(
        error.TooManyParameters,
        parse(buffer[0 .. 3 * limits.params_max + 2], false, &shape, &diagnosis),
    );
}
