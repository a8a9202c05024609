/** The arguments of the command line, on `commander`. */
import { Command, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../logger.ts";
import { parseSize, type StartOptions } from "../server/settings.ts";
import { serveApp } from "./commands/serve.ts";
import type { TopOptions } from "./commands/top.ts";
import { versionText } from "./version.ts";

/** Commands beside serving are loaded when they are asked for: what they need is a tenth of the start of a server. */
export function buildProgram(): Command {
  const program = new Command("robyn")
    .description("Serves a robyn application.")
    .option("-v, --version", "print the versions of robyn, Bun and the core")
    .on("option:version", printVersion)
    .helpOption("-h, --help", "print this help")
    // Options behind a command are the command's: "reload --port" is not the port to listen on.
    .enablePositionalOptions()
    .showHelpAfterError("(robyn --help lists the commands and options)")
    .argument("<app>", "TypeScript file that exports an app as default, or calls app.start()")
    .option("--host <host>", "address or host name to listen on")
    .option("--port <port>", "port to listen on, 0 for a free one", toPort)
    .addOption(
      new Option("--log-level <level>", "least level that is logged").choices([...logLevels]),
    )
    .option("--processes <n>", "worker processes behind one port", toCount)
    .option("--workers <n>", "listener threads of each process", toCount)
    .option("--fast", "as many processes as there are processors")
    .option("--max-requests <n>", "requests after which a worker process is replaced", toCount)
    .option("--max-rss <bytes>", "memory above which a worker process is replaced: 512m", toSize)
    .option("--cache-size <bytes>", "memory for kept answers of the whole cluster: 64m", toSize)
    .action((app: string, flags: StartOptions) => serveApp(app, flags));
  program
    .command("reload")
    .description("Replaces the workers of a running cluster by new ones, without losing a request.")
    .option("--port <port>", "port of the cluster, where several run", toPort)
    .action(async ({ port }: { port?: number }) => {
      const { reload } = await import("./commands/reload.ts");
      await reload(port);
    });
  program
    .command("routes")
    .description("Prints the routes of an application without serving it.")
    .argument("<app>", "TypeScript file of the application")
    .option("--json", "print JSON")
    .action(async (app: string, options: { json?: boolean }) => {
      const { printRoutes } = await import("./commands/routes.ts");
      await printRoutes(app, options.json === true);
    });
  program
    .command("top")
    .description("Shows live what a server does, from its metrics.")
    .argument("<url>", "URL of the server, or of its metrics: localhost:8080")
    .option("--interval <seconds>", "seconds between two looks", toPositive, 2)
    .option("--count <n>", "end after so many looks", toPositive)
    .action(async (url: string, options: TopOptions) => {
      const { top } = await import("./commands/top.ts");
      await top(url, options);
    });
  return program;
}

function printVersion(): void {
  console.log(versionText());
  process.exit(0);
}

function toCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It takes a whole number.");
}

function toSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new InvalidArgumentError("It takes bytes, or a number with k, m or g behind it.");
}

function toPositive(text: string): number {
  const number = Number(text);
  if (number > 0 && number <= 86_400) return number;
  throw new InvalidArgumentError("It takes a number above 0.");
}

function toPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("It takes a whole number from 0 to 65535.");
}
