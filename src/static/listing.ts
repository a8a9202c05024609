/** The list of a directory as HTML. File names are whatever somebody wrote: they are escaped as text and as links. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { html } from "../response/values.ts";
import { isName, resolveInside } from "./place.ts";

/** Most entries that are shown; a page of more helps nobody and costs a megabyte. */
const entries_max = 10_000;

interface Listed {
  readonly name: string;
  readonly isDirectory: boolean;
}

/**
 * @param root the directory of the route, and `segments` the way from there to the one that is listed.
 * @param isRoot whether there is no way up.
 * Entries that would be answered 404 are left out: dotfiles, links that lead outside, devices.
 */
export async function listingOf(
  root: string,
  segments: readonly string[],
  dotfiles: "ignore" | "allow",
): Promise<Response> {
  const entries = await readdir(join(root, ...segments), { withFileTypes: true });
  const listed: Listed[] = [];
  for (const entry of entries) {
    if (!isName(entry.name, dotfiles)) continue;
    if (entry.isFile()) listed.push({ name: entry.name, isDirectory: false });
    else if (entry.isDirectory()) listed.push({ name: entry.name, isDirectory: true });
    else if (entry.isSymbolicLink()) {
      const target = await targetOf(root, [...segments, entry.name]);
      if (target !== undefined) listed.push({ name: entry.name, isDirectory: target });
    }
  }
  listed.sort(directoriesFirst);
  return html(page(segments, listed), {
    headers: {
      "cache-control": "no-cache",
      "content-security-policy": "default-src 'none'",
      "x-content-type-options": "nosniff",
    },
  });
}

/** @returns whether a link leads to a directory; undefined where it leads outside, or to neither file nor directory. */
async function targetOf(root: string, segments: readonly string[]): Promise<boolean | undefined> {
  const real = resolveInside(root, segments);
  if (real === undefined) return undefined;
  const stats = await stat(real).catch(() => undefined);
  return stats?.isFile() || stats?.isDirectory() ? stats.isDirectory() : undefined;
}

/** By code units, not by locale: the same order on every server. */
function directoriesFirst(left: Listed, right: Listed): number {
  if (left.isDirectory !== right.isDirectory) return left.isDirectory ? -1 : 1;
  return left.name < right.name ? -1 : 1;
}

function page(segments: readonly string[], listed: readonly Listed[]): string {
  const title = Bun.escapeHTML(`/${segments.map((segment) => `${segment}/`).join("")}`);
  const shown = listed.slice(0, entries_max);
  const hidden = listed.length - shown.length;
  const items = [
    ...(segments.length === 0 ? [] : ['<li><a href="../">../</a></li>']),
    ...shown.map(item),
    ...(hidden === 0 ? [] : [`<li>and ${hidden} more</li>`]),
  ];
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body>
<h1>${title}</h1>
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}

/** `encodeURIComponent` leaves no colon, so that no name can be read as `javascript:…`, and no quote that ends the link. */
function item({ name, isDirectory }: Listed): string {
  const slash = isDirectory ? "/" : "";
  const link = Bun.escapeHTML(encodeURIComponent(name.toWellFormed()));
  return `<li><a href="${link}${slash}">${Bun.escapeHTML(name)}${slash}</a></li>`;
}
