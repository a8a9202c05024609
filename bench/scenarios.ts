/** What is measured over HTTP. The controls, to which every ratio refers, come first. */
import { type Subject, subjects } from "./subjects.ts";

export interface Entry {
  readonly label: string;
  readonly subject: Subject;
  /** Name in plans.json: entries of one scenario may serve different plans of the same requests. */
  readonly plan: string;
  /** Why it is listed and not measured. */
  readonly skipped?: string;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Requests written at once on a connection. */
  readonly pipeline: number;
  /** `entries[0]` is the control. */
  readonly entries: readonly Entry[];
}

const { bare, bareUrl, bunDirectory, bunRoutes, bunStatic, robyn, robynCore, memoirist } = subjects;
const { elysia, elysiaNext, hono, fastify, robynPython, fastapi } = subjects;
const peers: Subject[] = [memoirist, elysiaNext, elysia, hono, fastify, robynPython, fastapi];

export const scenarios: readonly Scenario[] = [
  {
    name: "param-10",
    title: "10 parameter routes",
    pipeline: 1,
    entries: entries("param-10", [bare, bareUrl, robyn, bunRoutes, ...peers]),
  },
  {
    name: "param-1000",
    title: "1,000 parameter routes, requests spread over all of them",
    pipeline: 1,
    entries: entries("param-1000", [bare, bareUrl, robyn, bunRoutes, ...peers]),
  },
  {
    name: "param-10000",
    title: "10,000 parameter routes, requests spread over all of them",
    pipeline: 1,
    entries: [
      ...entries("param-10000", [bare, bareUrl, robyn]),
      {
        ...entry("param-10000", bunRoutes),
        skipped: "registers in worse than quadratic time: see `define`",
      },
      ...entries("param-10000", [memoirist, elysiaNext, elysia, hono, fastify, robynPython]),
      { ...entry("param-10000", fastapi), skipped: "tries its routes one by one" },
    ],
  },
  {
    name: "const",
    title: "A response that never changes, as JSON",
    pipeline: 1,
    entries: entries("const", [bunStatic, bare, robyn, ...peers]),
  },
  {
    name: "const-pipelined",
    title: "The same, 16 requests written at once",
    pipeline: 16,
    entries: [
      entry("const", bunStatic),
      entry("const", bare),
      { ...entry("const", robyn), label: "robyn (const)" },
      { ...entry("json", robyn), label: "robyn (handler)" },
      { ...entry("const", elysia), label: "elysia (static)" },
      { ...entry("json", elysia), label: "elysia (handler)" },
    ],
  },
  {
    name: "hooks",
    title: "A parameter route, 10 routes, without hooks and with one before and one after",
    pipeline: 1,
    entries: [
      entry("param-10", bare),
      ...[robyn, elysiaNext, elysia, hono, fastify].flatMap((subject) => [
        entry("param-10", subject),
        { ...entry("hooks", subject), label: `${subject.id} with hooks` },
      ]),
    ],
  },
  {
    name: "json",
    title: "A handler that returns a small object",
    pipeline: 1,
    entries: entries("json", [bare, robyn, bunRoutes, ...peers]),
  },
  {
    name: "post",
    title: "A JSON body of three fields, validated, and a JSON answer",
    pipeline: 1,
    entries: [
      entry("post-unchecked", bare),
      ...entries("post", [robyn, elysiaNext, elysia, hono, fastify]),
      { ...entry("post-unchecked", robyn), label: "robyn without schema" },
      { ...entry("post-unchecked", hono), label: "hono without schema" },
    ],
  },
  {
    name: "post-response",
    title: "The same with a response schema, which drops a field",
    pipeline: 1,
    entries: [
      entry("post-unchecked", bare),
      ...entries("post-response", [robyn, elysiaNext, elysia, fastify]),
    ],
  },
  {
    name: "coercion",
    title: "A number in the path and two numbers and a boolean in the query, and a JSON answer",
    pipeline: 1,
    entries: [
      entry("coercion-unchecked", bare),
      ...entries("coercion", [robyn, elysiaNext, elysia]),
    ],
  },
  {
    name: "unused",
    title: "param-10 again: an app that uses none of these, and the core before there were any",
    pipeline: 1,
    entries: entries("param-10", [robynCore, robyn]),
  },
  ...["1k", "1m"].map((size) => ({
    name: `static-${size}`,
    title: `A file of 1 ${size === "1k" ? "KiB" : "MiB"} from a directory`,
    pipeline: 1,
    entries: entries(`static-${size}`, [bunDirectory, bare, robyn, hono]),
  })),
];

function entries(plan: string, measured: readonly Subject[]): Entry[] {
  return measured.map((subject) => entry(plan, subject));
}

function entry(plan: string, subject: Subject): Entry {
  return { label: subject.id, subject, plan };
}
