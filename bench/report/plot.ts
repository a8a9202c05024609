/** A bar chart as SVG, by hand: user CPU per request as a multiple of each scenario's control. */
import type { Report, ScenarioResult } from "../results.ts";

interface Bar {
  label: string;
  ratio: number;
}

const width = 860;
const labelWidth = 190;
const valueWidth = 70;
const barHeight = 16;
const barGap = 5;
const titleHeight = 34;
const headHeight = 64;
/** Longer bars are cut and say so: one subject at 40 × would flatten all others to a line. */
const ratioMost = 6;

export function toPlot({ scenarios, machine, options }: Report): string {
  const charts = scenarios
    .map((scenario) => ({ scenario, bars: barsOf(scenario) }))
    .filter(({ bars }) => bars.length > 1);
  const height =
    headHeight +
    charts.reduce((sum, { bars }) => sum + titleHeight + bars.length * (barHeight + barGap), 0) +
    20;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(
      20,
      28,
      "User CPU per request, as a multiple of the control (shorter is better)",
      "600",
      15,
    ),
    text(
      20,
      48,
      `${machine.processor}, Bun ${machine.bun}, median of ${options.rounds}`,
      "400",
      12,
    ),
  ];
  let top = headHeight;
  for (const { scenario, bars } of charts) {
    parts.push(text(20, top + 22, `${scenario.name}: ${scenario.title}`, "600", 13));
    top += titleHeight;
    for (const bar of bars) {
      parts.push(...drawBar(bar, top));
      top += barHeight + barGap;
    }
  }
  parts.push("</svg>", "");
  return parts.join("\n");
}

function barsOf({ rows }: ScenarioResult): Bar[] {
  const control = rows[0];
  if (control?.state !== "measured" || control.figures.userMicroseconds === 0) return [];
  return rows.flatMap((row) =>
    row.state === "measured"
      ? [
          {
            label: row.label,
            ratio: row.figures.userMicroseconds / control.figures.userMicroseconds,
          },
        ]
      : [],
  );
}

function drawBar({ label, ratio }: Bar, top: number): string[] {
  const room = width - labelWidth - valueWidth;
  const length = (Math.min(ratio, ratioMost) / ratioMost) * room;
  const middle = top + barHeight - 4;
  const value = ratio > ratioMost ? `${ratio.toFixed(1)} × ▸` : `${ratio.toFixed(2)} ×`;
  return [
    `<text x="${labelWidth - 8}" y="${middle}" text-anchor="end" fill="#1f2328">${escape(label)}</text>`,
    `<rect x="${labelWidth}" y="${top}" width="${length.toFixed(1)}" height="${barHeight}" fill="${colorOf(label)}"/>`,
    `<text x="${(labelWidth + length + 6).toFixed(1)}" y="${middle}" fill="#1f2328">${value}</text>`,
  ];
}

function colorOf(label: string): string {
  if (label === "robyn-python") return "#9aa4b2";
  if (label.startsWith("robyn")) return "#d9480f";
  return label.startsWith("bare") || label.startsWith("bun-") ? "#4a5568" : "#9aa4b2";
}

function text(x: number, y: number, words: string, weight: string, size: number): string {
  return `<text x="${x}" y="${y}" font-weight="${weight}" font-size="${size}" fill="#1f2328">${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
