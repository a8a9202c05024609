/** Metrics where no native library can be loaded: the same lines, of this listener alone. */
import { limits } from "../limits.ts";
import {
  cellsPerLine,
  lineBits,
  metricPart,
  type MetricReading,
  type MetricStore,
} from "./core.ts";
import { systemClock } from "./ticks.ts";

const chunks_max = 64;

export class PortableMetricStore implements MetricStore {
  readonly shared = false;
  readonly chunks: Float64Array[] = [newChunk()];
  readonly clock = systemClock;
  readonly incarnation = 1;
  readonly #numbers = new Map<string, number>();
  readonly #texts: { parent: number; text: string; children: number }[] = [];
  readonly #lines = new Map<number, number>();

  register(parent: number, text: string, limit: number): number | undefined {
    const key = `${parent} ${text}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const bytes = Buffer.byteLength(text);
    if (bytes === 0 || bytes > limits.metric_text_bytes_max) return undefined;
    const family = this.#texts[parent - 1];
    if (limit !== 0 && (family?.children ?? 0) >= limit) return undefined;
    if (this.#texts.length === limits.metric_series_max) return undefined;
    if (family !== undefined) family.children++;
    const number = this.#texts.push({ parent, text, children: 0 });
    this.#numbers.set(key, number);
    return number;
  }

  line(series: number, part: number): number {
    const key = series * 1_024 + part;
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line = this.#lines.size + 1;
    const chunk = line >> lineBits;
    if (chunk === chunks_max) return 0;
    if (chunk === this.chunks.length) this.chunks.push(newChunk());
    this.#lines.set(key, line);
    return line;
  }

  read(): MetricReading {
    const totals = [...this.#lines]
      .sort(([left], [right]) => left - right)
      .map(([key, line]) => {
        const part = key % 1_024;
        const at = (line % (1 << lineBits)) * cellsPerLine;
        const cells = this.chunks[line >> lineBits]!.slice(at, at + cellsPerLine);
        if (part >= metricPart.sum && cells[1] !== 0) cells[1] = 1;
        return { series: Math.floor(key / 1_024), part, cells };
      });
    return { totals, listenersAlive: 1, listenersStarted: 1 };
  }

  text(number: number): { parent: number; text: string } {
    return this.#texts[number - 1]!;
  }
}

function newChunk(): Float64Array {
  return new Float64Array(cellsPerLine << lineBits);
}
