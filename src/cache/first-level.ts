/**
 * What this process answers without asking the shared store: copies of what was asked for at least twice, because
 * only what the store had comes here. A scan therefore leaves no trace.
 */
import type { Ready } from "./ready.ts";

const entries_max = 1_024;
const bytes_max = 8_388_608;

export class FirstLevel {
  /** In the order in which they came, or got their second chance (CLOCK). */
  readonly #entries = new Map<string, Ready>();
  #bytes = 0;

  get(key: string): Ready | undefined {
    return this.#entries.get(key);
  }

  set(key: string, ready: Ready): void {
    this.delete(key);
    if (ready.bytes > bytes_max / 8) return;
    while (this.#entries.size >= entries_max || this.#bytes + ready.bytes > bytes_max)
      this.#evict();
    this.#entries.set(key, ready);
    this.#bytes += ready.bytes;
  }

  delete(key: string): void {
    const former = this.#entries.get(key);
    if (former === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= former.bytes;
  }

  #evict(): void {
    for (const [key, ready] of this.#entries) {
      this.#entries.delete(key);
      if (!ready.visited) {
        this.#bytes -= ready.bytes;
        return;
      }
      ready.visited = false;
      this.#entries.set(key, ready);
    }
  }
}
