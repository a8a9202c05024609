/** Reads what /metrics answers, as far as `robyn top` needs it: samples of the Prometheus text format. */
import { RobynError } from "../../errors.ts";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  /** Milliseconds of a clock that only goes forward. */
  readonly at: number;
  readonly samples: readonly Sample[];
}

/** @throws RobynError ROBYN_METRICS_UNREACHABLE */
export async function scrape(url: URL): Promise<Scrape> {
  const response = await ask(url);
  const text = await response.text();
  if (!response.ok || !text.includes("# TYPE")) {
    throw new RobynError(
      "ROBYN_METRICS_UNREACHABLE",
      `${url.href} answered ${response.status} ${response.headers.get("content-type") ?? ""}, not metrics.`,
      'Give the URL of app.metrics("/metrics").',
    );
  }
  return { at: performance.now(), samples: parseSamples(text) };
}

async function ask(url: URL): Promise<Response> {
  try {
    return await fetch(url, { headers: { accept: "text/plain" } });
  } catch (cause) {
    throw new RobynError(
      "ROBYN_METRICS_UNREACHABLE",
      `${url.href} cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}.`,
      'Give the URL of app.metrics("/metrics").',
      { cause },
    );
  }
}

export function parseSamples(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split("\n")) {
    const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (found === null) continue;
    const [, name = "", labels = "", value = ""] = found;
    samples.push({
      name,
      labels: parseLabels(labels),
      value: Number(value.replace("Inf", "Infinity")),
    });
  }
  return samples;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = Object.create(null);
  for (const [, name = "", value = ""] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
    labels[name] = value.replace(/\\(.)/g, (_, it: string) => (it === "n" ? "\n" : it));
  return labels;
}
