/** Every TypeScript snippet of the documentation is a module that compiles; the shell commands of the README exist. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)];

function snippets(page: string, language: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(
    (match) => match[1]!,
  );
}

test("every TypeScript snippet of README and docs compiles", async () => {
  const folder = join(root, "node_modules", ".robyn", "snippets");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const page of pages) {
    for (const [index, code] of snippets(page, "ts").entries()) {
      writeFileSync(
        join(folder, `${page.replaceAll(/[/.]/g, "-")}-${index + 1}.ts`),
        `${code}\nexport {};\n`,
      );
      count++;
    }
  }
  expect(count).toBeGreaterThan(5);
  const config = {
    extends: "../../../tsconfig.json",
    compilerOptions: { noUnusedLocals: false },
    include: ["*.ts"],
    exclude: [],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const child = Bun.spawn([process.execPath, "check", "--no-script", "-p", folder], {
    cwd: root,
    stdout: "pipe",
    stderr: "pipe",
  });
  const output =
    (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  expect({ exitCode: await child.exited, output }).toEqual({
    exitCode: 0,
    output: expect.any(String),
  });
});

test("every command of the README names a script of package.json", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const commands = pages.flatMap(
    (page) => readFileSync(join(root, page), "utf8").match(/\bbun run [a-z]+/g) ?? [],
  );
  for (const command of commands)
    expect(Object.keys(scripts)).toContain(command.slice("bun run ".length));
});

test("every relative link of the documentation leads to a file", () => {
  for (const page of pages) {
    const folder = join(root, page, "..");
    for (const [, target] of readFileSync(join(root, page), "utf8").matchAll(
      /\]\((?!https?:|#)([^)#]+)/g,
    )) {
      expect({
        page,
        target,
        exists: readdirSync(join(folder, target!, "..")).includes(target!.split("/").at(-1)!),
      }).toEqual({
        page,
        target,
        exists: true,
      });
    }
  }
});
