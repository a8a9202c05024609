/** Uploaded files in schemas: `t.File` and `t.Files` have no form in JSON Schema, so they are checked beside it. */
import { escapePointer, type FileRules, itemSchema, type JsonSchema } from "./json-schema.ts";
import type { Issue } from "./schema.ts";

export function hasFiles(schema: JsonSchema): boolean {
  if (schema["x-robyn-file"] !== undefined) return true;
  const items = itemSchema(schema, 0);
  if (items !== undefined && hasFiles(items)) return true;
  return Object.values(schema.properties ?? {}).some(hasFiles);
}

export function fileIssues(schema: JsonSchema, value: unknown, pointer = ""): Issue[] {
  const rules = schema["x-robyn-file"];
  if (rules !== undefined) return value === undefined ? [] : issuesOfFile(rules, value, pointer);
  if (schema.items !== undefined && Array.isArray(value)) {
    return value.flatMap((item, index) =>
      fileIssues(itemSchema(schema, index) ?? {}, item, `${pointer}/${index}`),
    );
  }
  if (typeof value !== "object" || value === null) return [];
  const fields = value as Readonly<Record<string, unknown>>;
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    fileIssues(property, fields[name], `${pointer}/${escapePointer(name)}`),
  );
}

function issuesOfFile(rules: FileRules, value: unknown, pointer: string): Issue[] {
  if (!isFileLike(value)) return [{ pointer, detail: "must be a file" }];
  const issues: Issue[] = [];
  if (rules.maxSize !== undefined && value.size > rules.maxSize) {
    issues.push({ pointer, detail: `must not be larger than ${rules.maxSize} bytes` });
  }
  if (rules.types !== undefined && !rules.types.some((type) => matchesType(type, value.type))) {
    issues.push({ pointer, detail: `must be of the type ${rules.types.join(" or ")}` });
  }
  return issues;
}

/** A standard `File`, or an upload that was streamed to disk. */
function isFileLike(value: unknown): value is { size: number; type: string } {
  if (typeof value !== "object" || value === null) return false;
  return (
    "size" in value &&
    typeof value.size === "number" &&
    "type" in value &&
    typeof value.type === "string" &&
    "name" in value
  );
}

function matchesType(wanted: string, given: string): boolean {
  const type = given.split(";")[0]!.trim().toLowerCase();
  return wanted.endsWith("/*")
    ? type.startsWith(wanted.slice(0, -1))
    : type === wanted.toLowerCase();
}
