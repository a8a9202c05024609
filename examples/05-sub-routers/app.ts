// SubRouters: routes below a prefix, with hooks of their own. Run it: bunx robyn examples/05-sub-routers/app.ts
import { HttpError, Robyn, SubRouter } from "robyn";

const app = new Robyn();

// Included below; a SubRouter knows the parameters of its own prefix, here none.
const members = new SubRouter("/members")
  .get("/", () => ({ members: ["ada", "grace"] }))
  .get("/:member", ({ params }) => ({ member: params.member }));

// This prefix has a parameter: the handlers and hooks below it see it.
const teams = new SubRouter("/teams/:team", { tags: ["teams"] })
  .beforeRequest(({ params }) => {
    if (params.team === "ghosts") throw new HttpError(404, "there is no such team");
  })
  .get("/", ({ params }) => ({ team: params.team }))
  .includeRouter(members);

const admin = new SubRouter("/admin", { tags: ["admin"] })
  // Guards everything below /admin, whatever is added to it later.
  .beforeRequest(({ headers, status }) =>
    headers.get("x-admin") === "yes" ? undefined : status(403, { error: "administrators only" }),
  )
  .exception((error) => {
    if (error instanceof RangeError) return { recovered: error.message };
    return undefined;
  })
  .get("/stats", () => ({ requests: 42 }))
  .get("/fragile", () => {
    throw new RangeError("out of range");
  });

app.get("/", () => "teams and admin live below");
app.includeRouter(teams);
app.includeRouter(admin);

export default app;
