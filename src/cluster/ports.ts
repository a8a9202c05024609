/** The port that all workers share. The primary decides on it once; whoever starts later is told the same. */
import { probePort } from "../server/serve.ts";
import type { Settings } from "../server/settings.ts";

export interface PortQuestion {
  readonly host: string;
  readonly port: number;
  /** Which server of the listener asks: two servers that ask for port 0 get two ports. */
  readonly app: number;
}

export class Ports {
  readonly #chosen = new Map<string, Promise<number>>();
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** @throws RobynError if somebody else listens there, or nobody can. */
  async choose({ host, port, app }: PortQuestion): Promise<number> {
    const key = JSON.stringify(port === 0 ? [host, port, app] : [host, port]);
    const known = this.#chosen.get(key);
    if (known !== undefined) return await known;
    const probe = probePort({ ...this.#settings, host, port });
    this.#chosen.set(key, probe);
    // A port that is in use now may be free when the next worker asks.
    probe.catch(() => this.#chosen.delete(key));
    return await probe;
  }
}
