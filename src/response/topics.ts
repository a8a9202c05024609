/** Topics as event streams see them; who publishes to them and how is decided in `src/websocket/`. */

/** One message of a topic. */
export interface TopicEvent {
  readonly data: string;
  /** Where in the topic the follower is after this message; opaque to clients. */
  readonly id: string;
}

/** Messages between the last one that the follower has seen and those that are still kept are lost. */
export const gap: unique symbol = Symbol("gap");

export interface Topics {
  /**
   * The text messages of a topic from now on, or from the position `after` on. Ends when `signal` aborts.
   * @param after the id of a `TopicEvent`, as a client sent it: anything.
   */
  follow(
    topic: string,
    after: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<TopicEvent | typeof gap>;
  /** The position of one who follows from now on; undefined if nobody follows. */
  placeOf(topic: string): string | undefined;
}
