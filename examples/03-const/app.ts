// Const routes: the handler runs once, at start; after that no JavaScript runs for them.
// Run it: bunx robyn examples/03-const/app.ts
import { html, Robyn } from "robyn";

const app = new Robyn();

app.get("/health", { const: true }, () => ({ status: "healthy" }));

// Large enough to be worth compressing: gzip, brotli and zstd variants are made at start and chosen per request.
app.get("/about", { const: true }, async () => {
  const readme = await Bun.file(new URL("../../README.md", import.meta.url)).text();
  return html(`<!doctype html><title>About</title><pre>${Bun.escapeHTML(readme)}</pre>`);
});

// A pattern can be const too: every path that it matches has the same answer.
app.get("/legacy/*", { const: true, statusCode: 410 }, () => ({ error: "moved to /v2" }));

export default app;
