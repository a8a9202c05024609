//! The three vocabularies of the boundary: `Status` for control calls, `Verdict` for `find`,
//! `Reason` for a refused pattern.
//!
//! Guarantees: a value, once published under an ABI version, never changes its meaning; the
//! switches below are exhaustive, so a new error does not compile until it has a status.
//! Refuses: errors that are not named here; no other may reach the boundary.

const std = @import("std");

/// What a control call answers. Zero is success.
pub const Status = enum(i32) {
    ok = 0,
    out_of_memory = -1,
    sealed = -2,
    not_sealed = -3,
    pattern_invalid = -4,
    conflict = -5,
    too_many_parameters = -6,
    pattern_too_long = -7,
    too_many_methods = -8,
    method_invalid = -9,
    too_many_routes = -10,
    out_of_space = -11,
    invalid_argument = -12,
    not_found = -13,
    unsupported = -14,
    segment_invalid = -15,
    channel_full = -16,
    too_many_channels = -17,
    too_many_rings = -18,
    not_owner = -19,
};

/// Every way in which a control call can fail.
pub const Error = error{
    OutOfMemory,
    Sealed,
    NotSealed,
    PatternInvalid,
    Conflict,
    TooManyParameters,
    PatternTooLong,
    TooManyMethods,
    MethodInvalid,
    TooManyRoutes,
    OutOfSpace,
    InvalidArgument,
    NotFound,
    Unsupported,
    SegmentInvalid,
    ChannelFull,
    TooManyChannels,
    TooManyRings,
    NotOwner,
};

pub fn statusOf(result: Error!void) Status {
    result catch |err| return switch (err) {
        error.OutOfMemory => .out_of_memory,
        error.Sealed => .sealed,
        error.NotSealed => .not_sealed,
        error.PatternInvalid => .pattern_invalid,
        error.Conflict => .conflict,
        error.TooManyParameters => .too_many_parameters,
        error.PatternTooLong => .pattern_too_long,
        error.TooManyMethods => .too_many_methods,
        error.MethodInvalid => .method_invalid,
        error.TooManyRoutes => .too_many_routes,
        error.OutOfSpace => .out_of_space,
        error.InvalidArgument => .invalid_argument,
        error.NotFound => .not_found,
        error.Unsupported => .unsupported,
        error.SegmentInvalid => .segment_invalid,
        error.ChannelFull => .channel_full,
        error.TooManyChannels => .too_many_channels,
        error.TooManyRings => .too_many_rings,
        error.NotOwner => .not_owner,
    };
    return .ok;
}

/// What `find` answers when it is not an endpoint id, which is zero or more.
pub const Verdict = enum(i32) {
    not_found = -1,
    method_not_allowed = -2,
    bad_path = -3,
    path_too_long = -4,
    bad_host = -5,
    /// A mistake of the caller, never of the client: the table was not sealed, or no table.
    not_sealed = -6,
};

/// Why a pattern was refused.
pub const Reason = enum(u32) {
    none = 0,
    empty = 1,
    no_leading_slash = 2,
    bad_percent = 3,
    control_byte = 4,
    dot_segment = 5,
    query_or_fragment = 6,
    unknown_syntax = 7,
    partial_parameter = 8,
    name_invalid = 9,
    name_duplicate = 10,
    rest_not_last = 11,
    bad_utf8 = 12,
};

test "every error has a status of its own, and none of them is ok" {
    var seen: [32]bool = @splat(false);
    inline for (@typeInfo(Error).error_set.?) |field| {
        const status = statusOf(@field(Error, field.name));
        const index: usize = @intCast(-@intFromEnum(status));
        try std.testing.expect(status != .ok);
        try std.testing.expect(!seen[index]);
        seen[index] = true;
    }
    try std.testing.expectEqual(Status.ok, statusOf({}));
}
