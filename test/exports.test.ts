/** The public surface, pinned: a name that appears or vanishes here is a decision, not an accident. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as robyn from "robyn";
import { projectRoot } from "./support/native.ts";

test("the values are these", () => {
  expect(Object.keys(robyn).toSorted()).toMatchInlineSnapshot(`
    [
      "Context",
      "HttpError",
      "MessageError",
      "Robyn",
      "RobynError",
      "StatusValue",
      "SubRouter",
      "ValidationError",
      "compress",
      "createLogger",
      "etag",
      "html",
      "json",
      "jsonLines",
      "perApp",
      "perRequest",
      "rateLimit",
      "redirect",
      "serveFile",
      "signCookie",
      "sse",
      "status",
      "t",
      "verifyCookie",
    ]
  `);
});

test("the types are these", () => {
  const source = readFileSync(join(projectRoot, "src", "index.ts"), "utf8");
  const lists = [...source.matchAll(/export (type )?\{([^}]*)\}/g)];
  const types = lists.flatMap(([, isTypes, names]) =>
    names!
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "" && (isTypes !== undefined || name.startsWith("type ")))
      .map((name) => name.replace(/^type /, "")),
  );
  expect(types.toSorted()).toMatchInlineSnapshot(`
    [
      "AfterHook",
      "AppCache",
      "BatchHandler",
      "BeforeHook",
      "BunServer",
      "CacheOptions",
      "CachePolicy",
      "CacheTotals",
      "Channel",
      "ChannelOptions",
      "ChannelStats",
      "ClusterPlace",
      "CompressOptions",
      "ConsumeOptions",
      "CookieIdentity",
      "CookieOptions",
      "Counter",
      "CronOptions",
      "DirectoryOptions",
      "ErrorCode",
      "EtagOptions",
      "EventStream",
      "EventStreamOptions",
      "EventStreamRequest",
      "ExceptionHandler",
      "FileAnswer",
      "FileOptions",
      "Form",
      "FormOptions",
      "Gauge",
      "GaugeOptions",
      "Handler",
      "HealthCheck",
      "HealthOptions",
      "Histogram",
      "HistogramOptions",
      "HttpErrorOptions",
      "Infer",
      "InjectedOf",
      "Invalidation",
      "Issue",
      "JsonLines",
      "JsonLinesOptions",
      "LogLevel",
      "Logger",
      "Member",
      "MessageStream",
      "MetricOptions",
      "MetricsOptions",
      "PathParameters",
      "PerApp",
      "PerRequest",
      "ProxyHeaders",
      "Query",
      "RateLimitKey",
      "RateLimitOptions",
      "RobynOptions",
      "RouteOptions",
      "RunningServer",
      "Schema",
      "SendOptions",
      "SendResult",
      "ServerSentEvent",
      "Socket",
      "StartOptions",
      "SubscribeOptions",
      "TaskFunction",
      "TopicPresence",
      "TopicSettings",
      "TopicStreamOptions",
      "Upload",
      "WebSocketSettings",
    ]
  `);
});

test("the package offers nothing beside them", async () => {
  const { exports, bin } = await import("../package.json", { with: { type: "json" } });
  expect({ exports, bin }).toMatchInlineSnapshot(`
    {
      "bin": {
        "robyn": "bin/robyn.ts",
      },
      "exports": {
        ".": "./src/index.ts",
        "./client": "./src/client/index.ts",
        "./package.json": "./package.json",
        "./redis": "./src/redis/index.ts",
        "./testing": "./src/testing/index.ts",
      },
    }
  `);
});
