/** The control: everything by hand, nothing validated. Files are answered as Bun answers a file in any `fetch`. */
import { join } from "node:path";
import { filesDirectory } from "../../harness/files.ts";
import { host, listening, refuse, subjectArguments, userOf } from "../support.ts";

const { plan, port } = subjectArguments();
if (plan.checks !== "nothing") refuse(plan);

type Answer = (request: Request) => Response | Promise<Response>;

const answers: Partial<Record<typeof plan.kind, () => Answer>> = {
  post: () => async (request) => {
    return Response.json(userOf(Object(await request.json())));
  },

  /** Cut, not parsed: neither `new URL` nor `URLSearchParams`, which cost more than the rest of this request. */
  coercion:
    () =>
    ({ url }) => {
      const question = url.indexOf("?");
      const id = Number(url.slice(url.lastIndexOf("/", question) + 1, question));
      let page = 1;
      let limit = 20;
      let active = false;
      for (const pair of url.slice(question + 1).split("&")) {
        const equals = pair.indexOf("=");
        const value = pair.slice(equals + 1);
        switch (pair.slice(0, equals)) {
          case "page":
            page = Number(value);
            break;
          case "limit":
            limit = Number(value);
            break;
          case "active":
            active = value === "true";
            break;
        }
      }
      return Response.json({ id, page, limit, active });
    },

  static() {
    const path = join(filesDirectory(), plan.routes[0]?.slice("/files/".length) ?? "");
    return () => new Response(Bun.file(path));
  },
};

const create = answers[plan.kind] ?? refuse(plan);
const server = Bun.serve({ hostname: host, port, development: false, fetch: create() });
listening(server.port);
