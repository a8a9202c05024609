/** Without the command line: `robyn` itself is timed through `bin/robyn.ts`. */
import { Robyn } from "../../../src/index.ts";

const app = new Robyn();
app.get("/", () => "Hello, world");
await app.start({ host: "127.0.0.1", port: Number(process.argv[2]), banner: false });
