//! Rate limits by the generic cell rate algorithm (ITU-T I.371, annex A), on the word map: one word
//! per key says when its quota would be full again (the "theoretical arrival time").
//!
//! A request of cost n moves that time n intervals on, from now if it has passed. It is allowed if
//! the time is then at most `burst` intervals ahead. Nothing is counted, nothing has to be reset:
//! one compare-and-swap decides, exactly, whoever else decides at the same time.
//!
//! Guarantees: of several windows, all allow and are charged, or none is. What is charged and given
//! back, because a later window refused after all, is never given back twice or too much: in doubt
//! it stays charged. A process that dies in between leaves at most its one request charged.
//! Refuses: costs above the burst, which no waiting would allow.
//! Where more keys are in use than the table holds, some are forgotten, and counted as evictions.

const std = @import("std");
const assert = std.debug.assert;
const clock = @import("clock.zig");
const limits = @import("limits.zig");
const word_map = @import("word_map.zig");
const WordMap = word_map.WordMap;

/// A limit and what is asked of it. Shared with TypeScript, which writes all but the last three
/// fields; they are the answer.
pub const Window = extern struct {
    /// Tells limits apart that have the same keys.
    identity: u64,
    /// Nanoseconds until one unit is there again.
    interval_ns: u64,
    /// Units of a full quota.
    burst: u32,
    /// Units of this request, or `cost_none`.
    cost: u32,
    /// The key, as a part of the text given beside.
    key_start: u32,
    key_end: u32,
    /// Nanoseconds until the quota is full again.
    reset_ns: f64,
    /// Nanoseconds until this request would be allowed; 0 where it was.
    retry_ns: f64,
    /// Units that are left.
    remaining: u32,
    _pad: u32,

    fn isAsked(self: *const Window) bool {
        return self.cost != cost_none;
    }
};

/// The window has nothing to say about this request.
pub const cost_none = std.math.maxInt(u32);

/// Longest time that a quota may take to fill: words have 63 bits, and a machine runs for decades.
pub const full_ns_max: u64 = 100 * 365 * std.time.ns_per_day;

/// What a key's word would become.
const Step = struct { allowed: bool, word: u64 };

fn step(window: *const Window, word: u64, now_ns: u64) Step {
    const charged = @max(word, now_ns) +| @as(u64, window.cost) *| window.interval_ns;
    const latest = now_ns +| @as(u64, window.burst) *| window.interval_ns;
    return .{ .allowed = charged <= latest, .word = charged };
}

pub const RateLimits = struct {
    map: WordMap,
    /// Keys in use that were forgotten, in the segment.
    evictions: *u64,
    seed: u64,

    /// Decides one request; the answers are in the windows.
    pub fn decide(
        self: RateLimits,
        windows: []Window,
        text: []const u8,
        now_ns: u64,
    ) error{InvalidArgument}!bool {
        var keys: [limits.rate_limit_windows_max]u64 = undefined;
        if (windows.len > keys.len) return error.InvalidArgument;
        for (windows, keys[0..windows.len]) |*window, *key| {
            if (!window.isAsked()) continue;
            if (window.key_start > window.key_end or window.key_end > text.len or
                window.burst == 0 or window.cost > window.burst or window.interval_ns == 0 or
                window.interval_ns > full_ns_max / window.burst) return error.InvalidArgument;
            key.* = self.hash(window.identity, text[window.key_start..window.key_end]);
        }
        // A refusal that can be seen beforehand costs no window a charge.
        if (windows.len > 1 and !self.look(windows, &keys, now_ns)) return false;
        return self.charge(windows, &keys, now_ns);
    }

    /// Whether every window would allow it. Fills in the answers of a refusal.
    fn look(self: RateLimits, windows: []Window, keys: []const u64, now_ns: u64) bool {
        var allowed = true;
        for (windows, keys[0..windows.len]) |*window, key| {
            if (!window.isAsked()) continue;
            const word = self.read(key);
            if (!step(window, word, now_ns).allowed) allowed = false;
            answer(window, word, now_ns);
        }
        return allowed;
    }

    fn charge(self: RateLimits, windows: []Window, keys: []const u64, now_ns: u64) bool {
        var words: [limits.rate_limit_windows_max]Change = undefined;
        for (windows, 0..) |*window, index| {
            if (!window.isAsked()) continue;
            words[index] = self.chargeOne(window, keys[index], now_ns) orelse {
                for (windows[0..index], 0..) |*earlier, at| {
                    if (!earlier.isAsked()) continue;
                    self.giveBack(earlier, keys[at], words[at], now_ns);
                    answer(earlier, words[at].from, now_ns);
                }
                // The answer of this one stays: looked at again, it might have room by now, and
                // there would be a refusal without a reason.
                _ = self.look(windows[index + 1 ..], keys[index + 1 ..], now_ns);
                return false;
            };
            answer(window, words[index].to, now_ns);
            window.retry_ns = 0;
        }
        return true;
    }

    const Change = struct { from: u64, to: u64 };

    /// Null: refused; `window` has the answer.
    fn chargeOne(self: RateLimits, window: *Window, key: u64, now_ns: u64) ?Change {
        while (true) {
            const found = self.map.findOrInsert(key, now_ns);
            if (found.evicted) _ = @atomicRmw(u64, self.evictions, .Add, 1, .monotonic);
            const word = found.word();
            const next = step(window, word, now_ns);
            if (next.allowed) {
                if (found.replace(next.word)) return .{ .from = word, .to = next.word };
            } else if (found.confirm()) {
                answer(window, word, now_ns);
                return null;
            }
        }
    }

    /// Takes a charge back. If others have charged since, their charges stand on ours: it can be
    /// taken out from under them only while it has not begun to pass, which `max` with the present
    /// would have hidden.
    fn giveBack(self: RateLimits, window: *Window, key: u64, change: Change, now_ns: u64) void {
        const spent = @as(u64, window.cost) * window.interval_ns;
        while (self.map.find(key)) |found| {
            const word = found.word();
            if (word == change.to) {
                if (found.replace(change.from)) return;
                continue;
            }
            const present = @max(now_ns, clock.monotonicNanoseconds()) +| word_map.grace_ns;
            if (change.to <= present or word < change.to) return;
            if (found.replace(word - spent)) return;
        }
    }

    /// The word of a key as it was at one instant.
    fn read(self: RateLimits, key: u64) u64 {
        while (self.map.find(key)) |found| {
            if (found.confirm()) return found.word();
        }
        return 0;
    }

    /// Nobody outside knows the seed, so nobody can choose keys that meet in one bucket, or two
    /// that are taken for one. SipHash is made for this (Aumasson and Bernstein, 2012).
    fn hash(self: RateLimits, identity: u64, text: []const u8) u64 {
        var secret: [16]u8 = undefined;
        std.mem.writeInt(u64, secret[0..8], self.seed, .little);
        std.mem.writeInt(u64, secret[8..16], self.seed ^ identity, .little);
        const result = std.hash.SipHash64(1, 3).toInt(text, &secret);
        return if (result == 0) 1 else result;
    }
};

/// What a client may know: how much is left, when all of it is back, when to ask again.
fn answer(window: *Window, word: u64, now_ns: u64) void {
    const full = @max(word, now_ns);
    const latest = now_ns +| @as(u64, window.burst) *| window.interval_ns;
    const wanted = full +| @as(u64, window.cost) *| window.interval_ns;
    window.reset_ns = @floatFromInt(full - now_ns);
    window.retry_ns = @floatFromInt(wanted -| latest);
    window.remaining = @intCast((latest -| full) / window.interval_ns);
}

comptime {
    assert(@sizeOf(Window) == 56);
}

const testing = std.testing;

/// Memory of its own for the length of a test.
const Fixture = struct {
    buckets: [16]word_map.Bucket = @splat(std.mem.zeroes(word_map.Bucket)),
    evictions: u64 = 0,

    fn view(self: *Fixture) RateLimits {
        return .{ .map = .{ .buckets = &self.buckets }, .evictions = &self.evictions, .seed = 7 };
    }
};

fn windowOf(identity: u64, interval_ns: u64, burst: u32, cost: u32) Window {
    var window = std.mem.zeroes(Window);
    window.identity = identity;
    window.interval_ns = interval_ns;
    window.burst = burst;
    window.cost = cost;
    window.key_end = 1;
    return window;
}

test "a full quota is spent, comes back unit by unit, and says when" {
    var fixture: Fixture = .{};
    const rates = fixture.view();
    var windows = [_]Window{windowOf(1, 100, 3, 1)};
    for ([_]u32{ 2, 1, 0 }) |left| {
        try testing.expect(try rates.decide(&windows, "a", 5_000));
        try testing.expectEqual(left, windows[0].remaining);
        try testing.expectEqual(0, windows[0].retry_ns);
    }
    try testing.expect(!try rates.decide(&windows, "a", 5_000));
    try testing.expectEqual(300, windows[0].reset_ns);
    try testing.expectEqual(100, windows[0].retry_ns);
    try testing.expect(!try rates.decide(&windows, "a", 5_099));
    try testing.expectEqual(1, windows[0].retry_ns);
    try testing.expect(try rates.decide(&windows, "a", 5_100));
    try testing.expect(!try rates.decide(&windows, "a", 5_100));
    try testing.expect(try rates.decide(&windows, "b", 5_100));
    windows[0].cost = 3;
    try testing.expect(!try rates.decide(&windows, "a", 5_399));
    try testing.expect(try rates.decide(&windows, "a", 5_400));
}

test "several windows allow together or none is charged" {
    var fixture: Fixture = .{};
    const rates = fixture.view();
    var windows = [_]Window{ windowOf(1, 100, 9, 1), windowOf(2, 1_000, 2, 1) };
    try testing.expect(try rates.decide(&windows, "a", 1_000));
    try testing.expect(try rates.decide(&windows, "a", 1_000));
    for (0..5) |_| {
        try testing.expect(!try rates.decide(&windows, "a", 1_000));
        try testing.expectEqual(7, windows[0].remaining);
        try testing.expectEqual(0, windows[0].retry_ns);
        try testing.expectEqual(1_000, windows[1].retry_ns);
    }
    // A window that is not asked neither refuses nor changes.
    windows[1].cost = cost_none;
    try testing.expect(try rates.decide(&windows, "a", 1_000));
    try testing.expectEqual(6, windows[0].remaining);
}

test "what a race makes it charge is given back to the unit" {
    var fixture: Fixture = .{};
    const rates = fixture.view();
    var windows = [_]Window{ windowOf(1, 100, 9, 1), windowOf(2, 1_000, 1, 1) };
    const keys = [_]u64{ rates.hash(1, "a"), rates.hash(2, "a") };
    // The second window was free when it was looked at, and is not any more.
    try testing.expect(rates.charge(windows[1..], keys[1..], 1_000));
    try testing.expect(!rates.charge(&windows, &keys, 1_000));
    try testing.expectEqual(9, windows[0].remaining);
    try testing.expectEqual(1_000, windows[1].retry_ns);
    // Somebody charged after us: ours goes, theirs stays.
    const far = clock.monotonicNanoseconds() + 1_000 * std.time.ns_per_s;
    var long = windowOf(3, std.time.ns_per_s, 9, 1);
    const change = rates.chargeOne(&long, 77, far).?;
    _ = rates.chargeOne(&long, 77, far).?;
    rates.giveBack(&long, 77, change, far - 500 * std.time.ns_per_s);
    try testing.expectEqual(far + std.time.ns_per_s, rates.read(77));
    // What has begun to pass stays.
    rates.giveBack(&long, 77, .{ .from = 0, .to = 5 }, far);
    try testing.expectEqual(far + std.time.ns_per_s, rates.read(77));
}

test "what cannot be is refused" {
    var fixture: Fixture = .{};
    const rates = fixture.view();
    const cases = [_]Window{
        windowOf(1, 0, 1, 1),           windowOf(1, 1, 0, 0),
        windowOf(1, 1, 2, 3),           windowOf(1, full_ns_max, 2, 1),
        windowOf(1, full_ns_max, 1, 1),
    };
    for (cases, 0..) |case, index| {
        var windows = [_]Window{case};
        const result = rates.decide(&windows, "a", 1);
        if (index == 4) _ = try result else try testing.expectError(error.InvalidArgument, result);
    }
    var windows = [_]Window{windowOf(1, 1, 1, 1)};
    try testing.expectError(error.InvalidArgument, rates.decide(&windows, "", 1));
    var many: [limits.rate_limit_windows_max + 1]Window = @splat(windowOf(1, 1, 1, 1));
    try testing.expectError(error.InvalidArgument, rates.decide(&many, "a", 1));
}

test "a key in use that has to go is counted" {
    var fixture: Fixture = .{};
    const rates = fixture.view();
    var windows = [_]Window{windowOf(1, std.time.ns_per_s, 9, 1)};
    const count = fixture.buckets.len * word_map.entries_per_bucket + 1;
    for (0..count) |index| {
        windows[0].identity = index;
        try testing.expect(try rates.decide(&windows, "a", 1));
    }
    try testing.expect(fixture.evictions > 0);
}

test "threads that share two windows spend exactly the smaller one, and charge the other as often" {
    var fixture: Fixture = .{};
    var passed: u32 = 0;
    const run = struct {
        fn run(rates: RateLimits, count: *u32) void {
            const hour = 3_600 * std.time.ns_per_s;
            var windows = [_]Window{ windowOf(1, hour, 5_000, 1), windowOf(2, hour, 700, 1) };
            for (0..5_000) |_| {
                const now = clock.monotonicNanoseconds() + hour;
                const allowed = rates.decide(&windows, "a", now) catch return;
                if (allowed) _ = @atomicRmw(u32, count, .Add, 1, .monotonic);
            }
        }
    }.run;
    var threads: [4]std.Thread = undefined;
    for (&threads) |*thread| thread.* = try .spawn(.{}, run, .{ fixture.view(), &passed });
    for (threads) |thread| thread.join();
    try testing.expectEqual(700, passed);
    var windows = [_]Window{windowOf(1, 3_600 * std.time.ns_per_s, 5_000, 0)};
    const now = clock.monotonicNanoseconds() + 3_600 * std.time.ns_per_s;
    try testing.expect(try fixture.view().decide(&windows, "a", now));
    try testing.expectEqual(5_000 - 700, windows[0].remaining);
}
