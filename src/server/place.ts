/** Where this process stands among those that serve an application: `app.cluster`. */
import { currentSeat } from "./seat.ts";

export interface ClusterPlace {
  /** Which listener this is, 0 to processes × workers − 1; who replaces it has its index. 0 alone and in a primary. */
  readonly index: number;
  readonly processes: number;
  /** Listener threads of each process. */
  readonly workers: number;
  /** Reloads before this process was started. */
  readonly generation: number;
  /** Whether this process starts the others and serves nothing; known from `start()` on. */
  readonly isPrimary: boolean;
  /** Whether a primary started this process. */
  readonly isWorker: boolean;
}

const alone: ClusterPlace = {
  ...{ index: 0, processes: 1, workers: 1, generation: 0 },
  ...{ isPrimary: false, isWorker: false },
};

export function placeOf(isPrimary: boolean): ClusterPlace {
  const seat = currentSeat();
  if (seat === undefined) return isPrimary ? { ...alone, isPrimary } : alone;
  const { index, processes, workers, generation } = seat;
  return { index, processes, workers, generation, isPrimary: false, isWorker: true };
}
