/** Events in SQLite, safe on disk when a write returns. A batch is one transaction: one wait for the disk. */
import { Database } from "bun:sqlite";

export interface StoredEvent {
  /** Made when the event was accepted: what is delivered twice is stored once. */
  readonly id: string;
  readonly kind: string;
  readonly value: number;
}

export interface Store {
  write(events: readonly StoredEvent[]): void;
  count(): number;
  close(): void;
}

export function openStore(file: string): Store {
  const database = new Database(file, { create: true, strict: true });
  // Another process may be the writer.
  database.run("PRAGMA busy_timeout = 5000");
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run(
    "CREATE TABLE IF NOT EXISTS event (id TEXT PRIMARY KEY, kind TEXT NOT NULL, value REAL NOT NULL) WITHOUT ROWID",
  );
  const insert = database.query(
    "INSERT OR IGNORE INTO event (id, kind, value) VALUES ($id, $kind, $value)",
  );
  const count = database.query<{ count: number }, []>("SELECT count(*) AS count FROM event");
  return {
    write: database.transaction((events: readonly StoredEvent[]) => {
      for (const { id, kind, value } of events) insert.run({ id, kind, value });
    }),
    count: () => count.get()?.count ?? 0,
    close: () => database.close(),
  };
}
