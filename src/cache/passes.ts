/**
 * Keys whose last computation gave nothing to keep. For a while nobody waits for another of them: one request after
 * the other would wait in vain.
 */
const pass_ms = 2_000;
const keys_max = 1_024;

export class Passes {
  readonly #ends = new Map<string, number>();

  has(key: string): boolean {
    const end = this.#ends.get(key);
    if (end === undefined) return false;
    if (performance.now() < end) return true;
    this.#ends.delete(key);
    return false;
  }

  add(key: string): void {
    const [oldest] = this.#ends.keys();
    if (this.#ends.size >= keys_max && oldest !== undefined) this.#ends.delete(oldest);
    this.#ends.set(key, performance.now() + pass_ms);
  }
}
