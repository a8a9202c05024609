// A site for the browser: files, routes that only the browser knows, and a small API, all below "/".
// Run it: bunx robyn examples/10-static-site/app.ts, then open http://127.0.0.1:8080
import { HttpError, Robyn, serveFile } from "robyn";

const app = new Robyn();
const cities = new Map([
  ["berlin", { name: "Berlin", inhabitants: 3_700_000 }],
  ["torino", { name: "Torino", inhabitants: 850_000 }],
]);

// Routes go before files, wherever they stand. GET /api/nothing is no file and no navigation, hence a 404.
app.get("/api/cities", () => [...cities].map(([id, { name }]) => ({ id, name })));
app.get("/api/cities/:id", ({ params }) => {
  const city = cities.get(params.id);
  if (city === undefined) throw new HttpError(404, `no city has the id ${params.id}`);
  return city;
});
app.get("/api/report", () =>
  serveFile(`${import.meta.dir}/report.csv`, { download: true, name: "Städte.csv" }),
);

// /cities/berlin is no file: the browser gets index.html and shows what its own routes say.
app.serveDirectory("/", `${import.meta.dir}/public`, { spa: true, cache: { immutable: true } });

export default app;
