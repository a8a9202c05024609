/** The notes in SQLite. Statements are prepared once; values are bound, never pasted into SQL. */
import { Database } from "bun:sqlite";

export interface Note {
  id: number;
  title: string;
  text: string;
  createdAt: string;
}

export type Draft = Pick<Note, "title" | "text">;

export interface Notes {
  list(search: string | undefined): Note[];
  read(id: number): Note | null;
  create(draft: Draft): Note;
  change(id: number, draft: Draft): Note | null;
  remove(id: number): boolean;
  close(): void;
}

/** @param file path of the database, or `:memory:`. */
export function openNotes(file: string): Notes {
  const database = new Database(file, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run(`CREATE TABLE IF NOT EXISTS note (
    id INTEGER PRIMARY KEY,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    createdAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
  )`);
  const list = database.query<Note, []>("SELECT * FROM note ORDER BY id DESC LIMIT 100");
  const search = database.query<Note, { like: string }>(
    "SELECT * FROM note WHERE title LIKE $like ESCAPE '\\' OR text LIKE $like ESCAPE '\\' ORDER BY id DESC LIMIT 100",
  );
  const read = database.query<Note, { id: number }>("SELECT * FROM note WHERE id = $id");
  const create = database.query<Note, Draft>(
    "INSERT INTO note (title, text) VALUES ($title, $text) RETURNING *",
  );
  const change = database.query<Note, Draft & { id: number }>(
    "UPDATE note SET title = $title, text = $text WHERE id = $id RETURNING *",
  );
  const remove = database.query<null, { id: number }>("DELETE FROM note WHERE id = $id");
  return {
    list: (text) =>
      text ? search.all({ like: `%${text.replace(/[\\%_]/g, "\\$&")}%` }) : list.all(),
    read: (id) => read.get({ id }),
    create: (draft) => create.get(draft)!,
    change: (id, draft) => change.get({ id, ...draft }),
    remove: (id) => remove.run({ id }).changes > 0,
    close: () => database.close(),
  };
}
