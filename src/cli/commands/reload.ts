/** `robyn reload`: waits until every worker of a running cluster is a new one, or says why it is not. */
import { requestReload } from "../../cluster/control.ts";

export async function reload(port: number | undefined): Promise<void> {
  await requestReload(port);
  console.log("reloaded");
  process.exit(0);
}
