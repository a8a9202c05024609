//! The rules of the house that a machine can check, for every file of this folder.
//!
//! Refuses: lines above 100 columns, functions above 70 lines, a file without a header or that no
//! test reaches, and words that have a better one here.

const std = @import("std");
const names = @import("source_names").names;

const columns_max = 100;
const function_lines_max = 70;

/// Not part of the tests, because they have an entry of their own.
const roots = [_][]const u8{ "bench.zig", "tests.zig", "brief_panic.zig" };

const banned = [_][2][]const u8{
    .{ "usingnamespace", "a named import" },
    .{ "catch unreachable", "an exhaustive switch over the errors" },
    .{ "any" ++ "error", "the errors by name" },
    .{ "TO" ++ "DO", "an issue, or the work itself" },
};

test "the sources are tidy" {
    inline for (names) |name| {
        errdefer std.debug.print("in native/{s}\n", .{name});
        const text = @embedFile("native/" ++ name);
        try std.testing.expect(std.mem.startsWith(u8, text, "//! "));
        try checkLines(text);
        if (!comptime std.mem.eql(u8, name, "tidy.zig")) try checkWords(text);
        try checkReached(name);
    }
}

fn checkLines(text: []const u8) !void {
    var lines = std.mem.splitScalar(u8, text, '\n');
    var number: usize = 0;
    var function: ?struct { line: usize, indentation: usize } = null;
    while (lines.next()) |line| {
        number += 1;
        errdefer std.debug.print("line {d}: {s}\n", .{ number, line });
        try std.testing.expect(try std.unicode.utf8CountCodepoints(line) <= columns_max);
        const code = std.mem.trimStart(u8, line, " ");
        const indentation = line.len - code.len;
        if (function) |open| {
            if (indentation != open.indentation or !std.mem.startsWith(u8, code, "}")) continue;
            try std.testing.expect(number - open.line < function_lines_max);
            function = null;
        } else if (std.mem.endsWith(u8, line, "{") or std.mem.endsWith(u8, line, "(")) {
            const head = code[0 .. std.mem.find(u8, code, "fn ") orelse continue];
            if (!isFunctionHead(head)) continue;
            function = .{ .line = number, .indentation = indentation };
        }
    }
}

/// What may stand before `fn`.
fn isFunctionHead(head: []const u8) bool {
    for ([_][]const u8{ "", "pub ", "inline ", "pub inline ", "export " }) |known| {
        if (std.mem.eql(u8, head, known)) return true;
    }
    return false;
}

fn checkWords(text: []const u8) !void {
    for (banned) |pair| {
        errdefer std.debug.print("instead of {s}: {s}\n", .{ pair[0], pair[1] });
        try std.testing.expectEqual(null, std.mem.find(u8, text, pair[0]));
    }
}

fn checkReached(comptime name: []const u8) !void {
    for (roots) |root| if (std.mem.eql(u8, root, name)) return;
    const import = "_ = @import(\"" ++ name ++ "\");";
    try std.testing.expect(std.mem.find(u8, @embedFile("native/tests.zig"), import) != null);
}
