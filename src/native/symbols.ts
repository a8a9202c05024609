/**
 * The C surface of the library, line for line the mirror of `native/abi.zig`. A test compares the exported names of
 * the library with the keys of this table, in both directions.
 */
import type { FFIFunction } from "bun:ffi";
import { limits } from "../limits.ts";

/** Raised with every change of a signature, a struct, a limit or a value below. */
export const abiVersion = 7;

export const symbols = {
  robyn_abi_version: { args: [], returns: "u32" },
  robyn_manifest: { args: ["ptr", "u32", "ptr"], returns: "i32" },
  robyn_table_create: { args: ["u32"], returns: "ptr" },
  robyn_table_destroy: { args: ["ptr"], returns: "void" },
  robyn_table_method: { args: ["ptr", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_table_insert: { args: ["ptr", "u32", "ptr", "u32", "u32", "ptr"], returns: "i32" },
  robyn_table_seal: { args: ["ptr"], returns: "i32" },
  robyn_table_find: { args: ["ptr", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_cache_create: { args: [], returns: "ptr" },
  robyn_cache_destroy: { args: ["ptr"], returns: "void" },
  robyn_cache_put: {
    args: ["ptr", "u32", "u32", "u32", "ptr", "u32", "ptr", "u32"],
    returns: "i32",
  },
  robyn_cache_seal: { args: ["ptr"], returns: "i32" },
  robyn_cache_get: { args: ["ptr", "u32", "u32", "ptr"], returns: "i32" },
  robyn_segment_create: { args: ["ptr", "ptr"], returns: "i32" },
  robyn_segment_open: { args: ["i32", "ptr"], returns: "i32" },
  robyn_segment_close: { args: ["ptr"], returns: "void" },
  robyn_segment_descriptor: { args: ["ptr"], returns: "i32" },
  robyn_segment_claim_slot: { args: ["ptr", "u32"], returns: "u32" },
  robyn_segment_release_slot: { args: ["ptr", "u32"], returns: "void" },
  robyn_rate_limit_decide: {
    args: ["ptr", "ptr", "u32", "ptr", "u32", "f64"],
    returns: "i32",
  },
  robyn_rate_limit_evictions: { args: ["ptr"], returns: "f64" },
  robyn_channel_open: { args: ["ptr", "u32", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_channel_close: { args: ["ptr"], returns: "void" },
  robyn_channel_send: { args: ["ptr", "ptr", "u32", "u32", "f64"], returns: "i32" },
  robyn_channel_must_wait: { args: ["ptr", "u32"], returns: "i32" },
  robyn_channel_lease: { args: ["ptr"], returns: "i32" },
  robyn_channel_release: { args: ["ptr", "ptr"], returns: "i32" },
  robyn_channel_has_rival: { args: ["ptr"], returns: "i32" },
  robyn_channel_take: { args: ["ptr", "ptr", "u32", "u32"], returns: "i32" },
  robyn_channel_acknowledge: { args: ["ptr", "ptr"], returns: "i32" },
  robyn_channel_may_sleep: { args: ["ptr"], returns: "i32" },
  robyn_channel_stats: { args: ["ptr", "ptr"], returns: "i32" },
  robyn_monotonic_ns: { args: [], returns: "f64" },
  robyn_process_die_with_parent: { args: ["u32"], returns: "i32" },
  robyn_process_accept_at_once: { args: ["ptr", "u32", "u32"], returns: "i32" },
  robyn_process_close_listeners: { args: ["ptr", "u32", "u32", "u32"], returns: "i32" },
  robyn_process_count_connections: { args: ["ptr", "u32", "u32"], returns: "i32" },
  robyn_ticks_are_steady: { args: [], returns: "u32" },
  robyn_ticks: { args: [], returns: "f64" },
  robyn_metrics_map: { args: ["ptr", "u32", "ptr"], returns: "i32" },
  robyn_metrics_register: { args: ["ptr", "u32", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_metrics_add_line: { args: ["ptr", "u32", "u32", "u32", "ptr"], returns: "i32" },
  robyn_metrics_owned: { args: ["ptr", "u32", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_metrics_read: { args: ["ptr", "ptr", "u32", "ptr"], returns: "i32" },
  robyn_shared_cache_views: { args: ["ptr", "u32", "ptr"], returns: "i32" },
  robyn_shared_cache_get: {
    args: ["ptr", "ptr", "u32", "f64", "ptr", "ptr", "u32"],
    returns: "i32",
  },
  robyn_shared_cache_put: { args: ["ptr", "u32", "ptr", "ptr"], returns: "i32" },
  robyn_shared_cache_touch: { args: ["ptr", "ptr", "u32"], returns: "void" },
  robyn_shared_cache_cell: { args: ["ptr", "ptr", "u32"], returns: "u32" },
  robyn_shared_cache_invalidate: { args: ["ptr", "ptr", "u32"], returns: "i32" },
  robyn_cache_debt_incur: { args: ["ptr", "u32"], returns: "f64" },
  robyn_cache_debt_settle: { args: ["ptr", "u32", "f64"], returns: "void" },
  robyn_cache_debts_are_open: { args: ["ptr"], returns: "i32" },
  robyn_cache_debt_owed: { args: ["ptr", "u32", "u32"], returns: "f64" },
  robyn_flight_acquire: { args: ["ptr", "u32", "ptr", "u32", "f64", "f64"], returns: "i32" },
  robyn_flight_release: { args: ["ptr", "u32", "ptr", "u32"], returns: "void" },
  robyn_flight_under_way: { args: ["ptr", "ptr", "u32", "f64"], returns: "i32" },
  robyn_shared_cache_stats: { args: ["ptr", "ptr"], returns: "i32" },
  robyn_shared_cache_verify: { args: ["ptr"], returns: "i32" },
} as const satisfies Record<string, FFIFunction>;

export const status = {
  ok: 0,
  out_of_memory: -1,
  sealed: -2,
  not_sealed: -3,
  pattern_invalid: -4,
  conflict: -5,
  too_many_parameters: -6,
  pattern_too_long: -7,
  too_many_methods: -8,
  method_invalid: -9,
  too_many_routes: -10,
  out_of_space: -11,
  invalid_argument: -12,
  not_found: -13,
  unsupported: -14,
  segment_invalid: -15,
  channel_full: -16,
  too_many_channels: -17,
  too_many_rings: -18,
  not_owner: -19,
} as const;

export type StatusName = keyof typeof status;

/** Offsets of `Match`, in 32-bit words: allowed, path_start, path_end, rewritten, values_count, spans. */
export const matchWords = {
  allowed: 0,
  path_start: 1,
  path_end: 2,
  rewritten: 3,
  values_count: 4,
  spans: 5,
} as const;

/** Offsets of `RateWindow`, in bytes. */
export const rateWindowBytes = {
  identity: 0,
  interval_ns: 8,
  burst: 16,
  cost: 20,
  key_start: 24,
  key_end: 28,
  reset_ns: 32,
  retry_ns: 40,
  remaining: 48,
} as const;

/** Cost of a window that has nothing to say about a request. */
export const costNone = 0xffff_ffff;

export const sizes = {
  Match: (matchWords.spans + 2 * limits.params_max) * 4,
  InsertReport: 16,
  CacheEntry: 32,
  SegmentOptions: 16,
  RateWindow: 56,
  MetricsMap: 32,
  MetricsOwned: 16,
  MetricsTotal: 72,
  MetricsSummary: 24,
  CacheRecord: 48,
  CacheStats: 160,
  ChannelStats: 32,
} as const;
