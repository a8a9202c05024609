/** The life of a handler that reads its messages itself. */
import type { SocketDefinition } from "../routing/socket-route.ts";
import type { Connection } from "./connection.ts";

type Handler = NonNullable<SocketDefinition["handler"]>;

/**
 * Runs the handler behind `open`. Its end closes with 1000, its failure with 1011: nobody would read the next message.
 * What a generator yields is sent; the next value is asked for when the client has taken it.
 */
export async function runHandler(
  handler: Handler,
  connection: Connection,
  opening: Promise<void> | undefined,
): Promise<void> {
  try {
    if (opening !== undefined) await opening;
    if (!connection.isOpen) return;
    const running = handler(connection);
    if (Symbol.asyncIterator in running) await sendAll(running, connection);
    else await running;
    connection.close(1000);
  } catch (error) {
    connection.fail(error);
    connection.close(1011, "internal error");
  }
}

async function sendAll(answers: AsyncIterable<unknown>, connection: Connection): Promise<void> {
  for await (const answer of answers) {
    if (connection.send(answer) === "queued") await connection.drained();
    // Leaving the loop runs the `finally` of the generator.
    if (!connection.isOpen) return;
  }
}
