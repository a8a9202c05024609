/**
 * Every limit of the native core, by name. The same numbers stand in `native/limits.zig`; the manifest of the
 * library is compared with this file when it is loaded, so the two cannot drift apart unnoticed.
 */
export const limits = {
  /** Longest URL handed to the route table, in bytes. Bun itself refuses a request head above 16 KiB with 431. */
  url_bytes_max: 16_384,
  /** Longest path, in bytes before decoding; a longer one is answered 414. */
  path_bytes_max: 8_192,
  /** Longest pattern of a route or hook, in bytes. */
  pattern_bytes_max: 1_024,
  /** Most parameters in one pattern. */
  params_max: 16,
  /** Most different method tokens in one table (they form a 32-bit mask). */
  methods_max: 32,
  /** Longest method token, in bytes. */
  method_bytes_max: 32,
  /** Most routes in one table. */
  routes_max: 65_536,
  /** Listeners that may live at the same time in one cluster, old and new ones of a reload together. */
  slots_max: 256,
  /** Channels of one cluster, by name. */
  channels_max: 64,
  /** Rings of one cluster: one for each listener that sends and each channel that it sends into. */
  channel_rings_max: 128,
  /** What one listener may have waiting in one channel, in bytes; each message takes 16 more than it has. */
  channel_ring_bytes: 2_097_152,
  /** Longest message of a channel, in bytes. */
  channel_message_bytes_max: 262_144,
  /** Most descriptors of one process that are looked at to find its listener. */
  descriptors_max: 1_048_576,
  /** Windows that one request can be held against at once. */
  rate_limit_windows_max: 8,
  /** Longest text of a metric (name, help, labels) or of one of its series (labels with values), in bytes. */
  metric_text_bytes_max: 4_096,
  /** Families and series of metrics together, for a whole cluster. */
  metric_series_max: 65_536,
  /** Cells that paths and tags of cached responses are hashed to for invalidation. */
  cache_cells_max: 16_384,
  /** Longest key of a cached response, in bytes. */
  cache_key_bytes_max: 8_192,
  /** Cells of one cached response: its path and its tags. */
  cache_cells_per_response_max: 32,
  /** Memory for cached responses, unless `cacheSize` says otherwise, and the least that it may say. */
  cache_bytes_default: 33_554_432,
  cache_bytes_min: 1_048_576,
} as const;
