/**
 * WebSockets, topics, the bus and channels. What a listener counts of itself is copied now and then: the way of a message
 * only adds to numbers of its own. What the whole cluster shares is asked for at each scrape.
 */
import type { BoundCounter, BoundGauge } from "./instruments.ts";
import type { Collected, MetricRegistry } from "./registry.ts";

/** Since the start of this listener; `sockets` and `peers` now. */
export interface RealTimeCounts {
  readonly sockets: number;
  readonly received: number;
  readonly sent: number;
  readonly published: number;
  readonly slow: number;
  readonly dropped: number;
  readonly peers: number;
}

export interface ChannelCounts {
  readonly name: string;
  readonly capacity: number;
  readonly depth: number;
  /** Milliseconds. */
  readonly age: number;
  readonly sent: number;
  readonly acknowledged: number;
}

export interface RealTimeSource {
  /** Undefined as long as nothing of it is used. */
  counts(): RealTimeCounts | undefined;
  channels(): readonly ChannelCounts[];
}

const gauges = {
  sockets: ["robyn_websockets", "Open WebSockets."],
  peers: ["robyn_bus_peers", "Other listeners that each reaches, all listeners together."],
} as const;
const counters = {
  received: ["robyn_websocket_received_total", "Messages of WebSocket clients."],
  sent: [
    "robyn_websocket_sent_total",
    "Messages to one WebSocket; what a topic carries is not counted.",
  ],
  published: ["robyn_published_total", "Messages published to topics."],
  slow: ["robyn_websocket_slow_total", "WebSockets closed because they took too little."],
  dropped: ["robyn_bus_dropped_total", "Messages that a listener which did not read was not sent."],
} as const;

type CounterName = keyof typeof counters;

export class RealTimeSampler {
  readonly #source: RealTimeSource;
  readonly #registry: MetricRegistry;
  #sockets: BoundGauge | undefined;
  #peers: BoundGauge | undefined;
  readonly #counters = new Map<CounterName, BoundCounter>();
  readonly #told = new Map<CounterName, number>();

  constructor(registry: MetricRegistry, source: RealTimeSource) {
    this.#registry = registry;
    this.#source = source;
    registry.collectors.push(() => this.#collect());
  }

  sample(): void {
    const counts = this.#source.counts();
    if (counts === undefined) return;
    this.#sockets ??= this.#registry.gauge(...gauges.sockets).with();
    this.#peers ??= this.#registry.gauge(...gauges.peers).with();
    this.#sockets.set(counts.sockets);
    this.#peers.set(counts.peers);
    for (const name of counterNames) {
      let counter = this.#counters.get(name);
      if (counter === undefined) {
        const [series, help] = counters[name];
        counter = this.#registry.counter(series, help).with();
        this.#counters.set(name, counter);
      }
      counter.inc(counts[name] - (this.#told.get(name) ?? 0));
      this.#told.set(name, counts[name]);
    }
  }

  *#collect(): Generator<Collected> {
    const channels = this.#source.channels();
    for (const [kind, name, help, value] of channelFamilies)
      for (const channel of channels)
        yield { kind, name, help, labels: { channel: channel.name }, value: value(channel) };
  }
}

const counterNames: readonly CounterName[] = ["received", "sent", "published", "slow", "dropped"];

const channelFamilies: readonly (readonly [
  kind: Collected["kind"],
  name: string,
  help: string,
  value: (channel: ChannelCounts) => number,
])[] = [
  ["gauge", "robyn_channel_capacity", "Messages that may wait.", ({ capacity }) => capacity],
  ["gauge", "robyn_channel_depth", "Messages sent and not acknowledged.", ({ depth }) => depth],
  ["gauge", "robyn_channel_age_seconds", "Age of the oldest of them.", ({ age }) => age / 1_000],
  ["counter", "robyn_channel_sent_total", "Messages accepted.", ({ sent }) => sent],
  [
    "counter",
    "robyn_channel_acknowledged_total",
    "Messages acknowledged.",
    ({ acknowledged }) => acknowledged,
  ],
];
