/** What a topic may be: the same with and without a cluster, where its length has to fit into a frame. */

export const topic_characters_max = 4_096;

/** @throws TypeError */
export function checkTopic(who: string, topic: unknown): void {
  if (typeof topic !== "string" || topic === "")
    throw new TypeError(`${who} was given ${Bun.inspect(topic)}; it takes a topic`);
  if (topic.length > topic_characters_max)
    throw new TypeError(`${who} was given a topic of ${topic.length} characters, above 4,096`);
}
