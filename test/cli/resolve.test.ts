/** Which `robyn` an app gets: always the running copy, never a public package of that name. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { projectRoot } from "../support/native.ts";
import { bun, Child, processTimeout_ms, robyn } from "../support/process.ts";

setDefaultTimeout(processTimeout_ms);

/** Prints whether the class that the app imports is the one of this checkout. */
const source = `import { Robyn } from "robyn";
import { Robyn as Running } from ${JSON.stringify(join(projectRoot, "src", "index.ts"))};
console.log("same copy:", Robyn === Running);
export default new Robyn();`;

test("in a folder without node_modules the running copy", async () => {
  using folder = temporaryFolder({ "app.ts": source });
  await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
  expect((await child.prints(/same copy: (\w+)/))[1]).toBe("true");
});

test("where another package of that name is installed, still the running copy", async () => {
  using folder = temporaryFolder({
    "app.ts": source,
    "node_modules/robyn/package.json": '{ "name": "robyn", "version": "9.9.9", "main": "i.js" }',
    "node_modules/robyn/i.js": "throw new Error('the wrong package')",
  });
  await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
  expect((await child.prints(/same copy: (\w+)/))[1]).toBe("true");
});

test("of a dynamic import and of a module that the app imports too", async () => {
  using folder = temporaryFolder({
    "app.ts": `import { Robyn } from "robyn";
      import { inner } from "./inner.ts";
      const { SubRouter } = await import("robyn");
      console.log("same copy:", inner instanceof SubRouter);
      export default new Robyn().includeRouter(inner);`,
    "inner.ts": 'import { SubRouter } from "robyn"; export const inner = new SubRouter("/x");',
  });
  await using child = robyn(["app.ts", "--port", "0"], { cwd: folder.path });
  expect((await child.prints(/same copy: (\w+)/))[1]).toBe("true");
});

test("inside the checkout `bunx robyn` runs its bin", async () => {
  await using child = new Child([process.execPath, "x", "robyn", "--version"]);
  const { code, stdout } = await child.ended();
  expect(code).toBe(0);
  expect(stdout).toStartWith("robyn ");
  expect(stdout).toContain(`Bun ${Bun.version}`);
});

test("inside the checkout `robyn` is the checkout, also without the CLI", async () => {
  const script = 'console.log(import.meta.resolve("robyn"))';
  await using child = bun(["-e", script], { cwd: join(projectRoot, "examples") });
  const { stdout } = await child.ended();
  const resolved = realpathSync(Bun.fileURLToPath(stdout.trim()));
  expect(resolved).toBe(join(realpathSync(projectRoot), "src", "index.ts"));
});
