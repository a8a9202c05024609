// Users, their things to do, and what was done. It closes itself where it is disposed of.
import { Database } from "bun:sqlite";

export interface User {
  readonly id: number;
  readonly name: string;
}

export interface Todo {
  readonly id: number;
  readonly text: string;
}

export type Db = ReturnType<typeof openDb>;

export function openDb(file: string) {
  const db = new Database(file);
  db.run("pragma busy_timeout = 5000");
  db.run("create table if not exists users (id integer primary key, name text, token text unique)");
  db.run("create table if not exists todos (id integer primary key, user integer, text text)");
  db.run("create table if not exists protocols (id integer primary key, text text)");
  db.run("insert or ignore into users (name, token) values ('Ada', 'ada'), ('Bob', 'bob')");
  return {
    userByToken: (token: string): User | undefined =>
      db.query<User, [string]>("select id, name from users where token = ?").get(token) ??
      undefined,
    todosOf: ({ id }: User): Todo[] =>
      db.query<Todo, [number]>("select id, text from todos where user = ?").all(id),
    addTodo: ({ id }: User, text: string): Todo =>
      db
        .query<Todo, [number, string]>(
          "insert into todos (user, text) values (?, ?) returning id, text",
        )
        .get(id, text)!,
    protocols: (): string[] =>
      db
        .query<{ text: string }, []>("select text from protocols order by id")
        .all()
        .map(({ text }) => text),
    /** Lines that are written together, when they are disposed of. */
    protocol: (of: string) => {
      const lines: string[] = [];
      return {
        add: (line: string) => void lines.push(line),
        [Symbol.dispose]: () =>
          void db.run("insert into protocols (text) values (?)", [`${of}: ${lines.join(", ")}`]),
      };
    },
    [Symbol.dispose]: () => db.close(),
  };
}
