//! `zig build` makes the library that `src/native/library.ts` loads. Other steps: `test`, `bench`,
//! `fuzz-object`; see native/README.md.
//!
//! The output is zig-out/lib/robyn-<os>-<arch>.<so|dylib|dll>, in Node's words for both, because
//! the file that loads it knows `process.platform` and `process.arch`.

const std = @import("std");

pub fn build(b: *std.Build) void {
    var target = b.standardTargetOptions(.{
        // What is built on one computer runs on another: no features of this processor alone.
        .default_target = .{ .cpu_model = .baseline },
    });
    // The one exception: compare-and-swap of 128 bits, which every x86-64 processor since 2008 has
    // and every server system requires.
    target = withWideSwap(b, target);
    const optimize = b.option(
        std.builtin.OptimizeMode,
        "optimize",
        "ReleaseSafe by default: the core reads hostile bytes",
    ) orelse .ReleaseSafe;

    addLibrary(b, target, optimize);
    addTests(b, target, optimize);
    addBenchmark(b, target, optimize);
    addFuzzObject(b, target, optimize);
}

fn withWideSwap(b: *std.Build, target: std.Build.ResolvedTarget) std.Build.ResolvedTarget {
    if (target.result.cpu.arch != .x86_64) return target;
    var query = target.query;
    query.cpu_features_add.addFeature(@intFromEnum(std.Target.x86.Feature.cx16));
    return b.resolveTargetQuery(query);
}

fn addLibrary(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const library = b.addLibrary(.{
        .name = "robyn",
        .linkage = .dynamic,
        .root_module = b.createModule(.{
            .root_source_file = b.path("native/abi.zig"),
            .target = target,
            .optimize = optimize,
            .strip = true,
        }),
    });
    const name = b.fmt("robyn-{s}-{s}{s}", .{
        platformName(target.result.os.tag),
        archName(target.result.cpu.arch),
        target.result.os.tag.dynamicLibSuffix(),
    });
    const install = b.addInstallArtifact(library, .{
        .dest_dir = .{ .override = .lib },
        .implib_dir = .disabled,
        .pdb_dir = .disabled,
        .dylib_symlinks = false,
        .dest_sub_path = name,
    });
    b.getInstallStep().dependOn(&install.step);
}

fn addTests(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const filters = b.option(
        []const []const u8,
        "test-filter",
        "Run only the tests whose name contains this text",
    ) orelse &.{};
    const tests = b.addTest(.{
        .filters = filters,
        .root_module = b.createModule(.{
            .root_source_file = b.path("native/tests.zig"),
            .target = target,
            .optimize = optimize,
        }),
    });
    addFolder(b, tests.root_module, "scenario_names", "test/scenarios", ".json");
    addFolder(b, tests.root_module, "source_names", "native", ".zig");
    const step = b.step("test", "Run the unit tests and the scenario tables");
    step.dependOn(&b.addRunArtifact(tests).step);
    step.dependOn(&b.addFmt(.{ .paths = &.{ "native", "build.zig" }, .check = true }).step);
}

/// Makes every file of a folder an import, and their names an option, so that a new one is tested
/// without being listed.
fn addFolder(
    b: *std.Build,
    module: *std.Build.Module,
    list: []const u8,
    folder: []const u8,
    suffix: []const u8,
) void {
    const io = b.graph.io;
    const prefix = b.fmt("{s}/", .{folder});
    var names: std.ArrayList([]const u8) = .empty;
    var directory = b.build_root.handle.openDir(io, folder, .{ .iterate = true }) catch |err|
        std.debug.panic("cannot read {s}: {t}", .{ folder, err });
    defer directory.close(io);
    var entries = directory.iterate();
    while (entries.next(io) catch |err|
        std.debug.panic("cannot read {s}: {t}", .{ folder, err })) |entry|
    {
        if (!std.mem.endsWith(u8, entry.name, suffix)) continue;
        const name = b.dupe(entry.name);
        names.append(b.allocator, name) catch @panic("out of memory");
        const file = b.path(b.pathJoin(&.{ folder, name }));
        module.addAnonymousImport(b.fmt("{s}{s}", .{ prefix, name }), .{ .root_source_file = file });
    }
    std.mem.sort([]const u8, names.items, {}, lessThan);
    const options = b.addOptions();
    options.addOption([]const []const u8, "names", names.items);
    module.addOptions(list, options);
}

fn lessThan(_: void, left: []const u8, right: []const u8) bool {
    return std.mem.lessThan(u8, left, right);
}

fn addBenchmark(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const benchmark = b.addExecutable(.{
        .name = "robyn-bench",
        .root_module = b.createModule(.{
            .root_source_file = b.path("native/bench.zig"),
            .target = target,
            .optimize = optimize,
        }),
    });
    b.step("bench", "Measure find, insert and seal")
        .dependOn(&b.addRunArtifact(benchmark).step);
}

/// Zig instruments, libFuzzer drives: `zig build test --fuzz` does not work in 0.16. See
/// native/README.md for the command that links the object.
fn addFuzzObject(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const object = b.addObject(.{
        .name = "robyn-fuzz",
        .root_module = b.createModule(.{
            .root_source_file = b.path("native/fuzz.zig"),
            .target = target,
            .optimize = optimize,
            .pic = true,
            .fuzz = true,
            .link_libc = true,
            .stack_check = false,
        }),
    });
    const install = b.addInstallFile(object.getEmittedBin(), "fuzz/robyn-fuzz.o");
    b.step("fuzz-object", "Compile the fuzz target for libFuzzer")
        .dependOn(&install.step);
}

fn platformName(os: std.Target.Os.Tag) []const u8 {
    return switch (os) {
        .linux => "linux",
        .macos => "darwin",
        .windows => "win32",
        else => @tagName(os),
    };
}

fn archName(arch: std.Target.Cpu.Arch) []const u8 {
    return switch (arch) {
        .x86_64 => "x64",
        .aarch64 => "arm64",
        else => @tagName(arch),
    };
}
