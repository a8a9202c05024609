/** The loop behind `channel.consume()`: one batch after the other, each until it succeeds or is given up. */
import type { Logger } from "../logger.ts";
import type { ChannelMessage } from "../native/core.ts";
import type { Consumer } from "./consumer.ts";

export interface HandleOptions {
  readonly name: string;
  readonly consumer: Consumer<ChannelMessage>;
  readonly attempts: number;
  readonly logger: Logger;
  readonly run: (messages: readonly ChannelMessage[]) => Promise<void>;
}

const pause_ms_first = 100;
const pause_ms_max = 10_000;
const pause_ms_slice = 50;

export async function handle(options: HandleOptions): Promise<void> {
  const { name, consumer, logger } = options;
  try {
    for (let batch = await consumer.next(); batch !== undefined; batch = await consumer.next()) {
      if (await succeeds(batch, options)) continue;
      logger.error(
        `channel "${name}": stopped with ${batch.length} messages that no attempt could handle; they stay in it`,
      );
      return;
    }
  } catch (error) {
    logger.error(`channel "${name}": consuming ended`, error);
  } finally {
    consumer.end();
  }
}

/** @returns false if it was stopped before an attempt succeeded: the batch is not acknowledged then */
async function succeeds(
  batch: readonly ChannelMessage[],
  { name, consumer, attempts, logger, run }: HandleOptions,
): Promise<boolean> {
  for (let attempt = 1; ; attempt++) {
    const last = consumer.stopping;
    try {
      await run(batch);
      return true;
    } catch (error) {
      const what = `channel "${name}": attempt ${attempt} at a batch of ${batch.length} messages failed`;
      if (attempt >= attempts) {
        logger.error(`${what}, it is given up`, error);
        return true;
      }
      logger.error(what, error);
    }
    if (last) return false;
    await pause(Math.min(pause_ms_max, pause_ms_first * 2 ** (attempt - 1)), consumer);
  }
}

/** Ends at once when the consumer is to stop, and then another attempt is the last. */
async function pause(duration_ms: number, consumer: Consumer<ChannelMessage>): Promise<void> {
  const end = performance.now() + duration_ms;
  while (!consumer.stopping && performance.now() < end) await Bun.sleep(pause_ms_slice);
}
