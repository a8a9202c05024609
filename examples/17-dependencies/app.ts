// Dependencies: a database per process, a user and a log of what was done per request, all typed, all let go of in time.
// Run it: TODOS_FILE=todos.sqlite bunx robyn examples/17-dependencies/app.ts
import { HttpError, perApp, perRequest, Robyn, t } from "robyn";
import { type Db, openDb, type User } from "./db.ts";

export const app = new Robyn()
  // Opened before the server listens, closed when it has stopped. In a test another one is put in its place.
  .injectGlobal({ db: perApp(() => openDb(process.env.TODOS_FILE ?? ":memory:")) })
  .inject({
    // Looked up when a handler, a hook or a socket asks for it, once per request. Who is unknown is refused right there.
    user: perRequest(({ headers, db }) => findUser(db, headers.get("authorization"))),
    // Written in one go when the answer is out, also where the handler fails: no client waits for it.
    done: perRequest(({ db, method, path }) => db.protocol(`${method} ${path}`)),
  });

app.get("/todos", ({ db, user }) => db.todosOf(user));

// curl -H "authorization: Bearer ada" -d '{"text":"Write docs"}' -H "content-type: application/json" http://127.0.0.1:8080/todos
app.post(
  "/todos",
  { body: t.Object({ text: t.String({ minLength: 1 }) }) },
  ({ db, user, body, done, status }) => {
    const todo = db.addTodo(user, body.text);
    done.add(`${user.name} added ${todo.id}`);
    app.publish(`todos of ${user.name}`, JSON.stringify(todo));
    return status(201, todo);
  },
);

// Neither the user nor the protocol is made for this one.
app.get("/protocol", ({ db }) => db.protocols());

// The user of the handshake stays with the socket.
app.websocket("/live", {
  beforeUpgrade: ({ user }) => user.name,
  open: (socket) => socket.subscribe(`todos of ${socket.user.name}`),
  message: (socket, text) => void socket.send(`${socket.user.name}, you said ${String(text)}`),
});

function findUser(db: Db, authorization: string | null): User {
  const user = db.userByToken(authorization?.replace(/^Bearer /, "") ?? "");
  if (user !== undefined) return user;
  throw new HttpError(401, "send the header: Authorization: Bearer ada", {
    headers: { "www-authenticate": "Bearer" },
  });
}

export default app;
