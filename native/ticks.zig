//! The processor's own counter, for measuring short times: a quarter of the price of asking the
//! system for the time, which would cost more than all else that is recorded of a request.
//!
//! Guarantees: where `isSteady` says so, the counter runs at one speed on all cores, whatever their
//! frequency and however deep they sleep. It says nothing of the time of day, nor how fast it runs:
//! the caller compares it with its clock.

const std = @import("std");
const builtin = @import("builtin");

/// Whether `ticks` can be used.
pub fn isSteady() bool {
    return switch (builtin.cpu.arch) {
        .x86_64 => hasInvariantCounter(),
        // The generic timer has one fixed frequency by its architecture.
        .aarch64 => true,
        else => false,
    };
}

pub inline fn ticks() u64 {
    switch (builtin.cpu.arch) {
        .x86_64 => {
            var low: u32 = undefined;
            var high: u32 = undefined;
            asm volatile ("rdtsc"
                : [low] "={eax}" (low),
                  [high] "={edx}" (high),
            );
            return @as(u64, high) << 32 | low;
        },
        .aarch64 => return asm volatile ("mrs %[value], cntvct_el0"
            : [value] "=r" (-> u64),
        ),
        else => return 0,
    }
}

/// CPUID 0x80000007, EDX bit 8: "invariant TSC" (AMD64 manual, volume 3; Intel SDM, volume 2).
fn hasInvariantCounter() bool {
    if (cpuid(0x8000_0000).eax < 0x8000_0007) return false;
    return cpuid(0x8000_0007).edx & (1 << 8) != 0;
}

const Registers = struct { eax: u32, edx: u32 };

fn cpuid(leaf: u32) Registers {
    var eax: u32 = undefined;
    var ebx: u32 = undefined;
    var ecx: u32 = undefined;
    var edx: u32 = undefined;
    asm volatile ("cpuid"
        : [eax] "={eax}" (eax),
          [ebx] "={ebx}" (ebx),
          [ecx] "={ecx}" (ecx),
          [edx] "={edx}" (edx),
        : [leaf] "{eax}" (leaf),
          [subleaf] "{ecx}" (@as(u32, 0)),
    );
    return .{ .eax = eax, .edx = edx };
}

test "the counter moves on where it is said to be steady" {
    if (!isSteady()) return error.SkipZigTest;
    const start = ticks();
    while (ticks() == start) {}
    try std.testing.expect(ticks() > start);
}
