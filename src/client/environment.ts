/** What the client needs of the platform, in one place, so that tests hold time and chance in their hands. */
export interface Environment {
  /** From 0 to 1. */
  random(): number;
  /** Runs `task` once. @returns what takes that back */
  later(task: () => void, after_ms: number): () => void;
  open(url: string, protocols: string[]): WebSocket;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

export const platform: Environment = {
  random: Math.random,
  later(task, after_ms) {
    const timer = setTimeout(task, after_ms);
    return () => clearTimeout(timer);
  },
  open: (url, protocols) => new WebSocket(url, protocols),
  fetch: (url, init) => fetch(url, init),
};
