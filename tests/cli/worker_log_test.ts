import type { ServiceEvent } from "../../actors/events.ts";
import { openLog } from "../../cli/log.ts";
import { logEvents } from "../../cli/commands/worker/log.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { imagebus } from "../fixtures/imagebus.ts";

function linesOf(...events: ServiceEvent[]): string[] {
  const lines: string[] = [];
  const log = logEvents((_level, message) => lines.push(message));
  for (const event of events) log(event);
  return lines;
}

Deno.test("worker log: reports a lost connection and its recovery, not the first connection", () => {
  const connected = { type: "bus", event: { type: "connected" } } as const;
  const disconnected = { type: "bus", event: { type: "disconnected", reason: "refused" } } as const;
  assertEquals(linesOf(connected, disconnected, connected, connected), [
    "The bus is unavailable, reconnecting: refused",
    "The bus has recovered",
  ]);
});

Deno.test("worker log: partitions appear only when one is restarted", () => {
  const claim = { topic: "imagebus.mnist", partition: 1 };
  assertEquals(
    linesOf(
      { type: "bus", event: { type: "claimed", ...claim } },
      { type: "bus", event: { type: "lost", ...claim } },
      { type: "bus", event: { type: "lost", ...claim, reason: "why" } },
    ),
    ["Restarting partition 1 of imagebus.mnist: why"],
  );
});

Deno.test("worker log: one line per event that concerns an operator", () => {
  const model = "mnist";
  assertEquals(
    linesOf(
      { type: "model", model, state: "up", reason: "ready" },
      { type: "model", model, state: "down", reason: "its Worker died" },
      { type: "worker_missing", model, reason: "no memory" },
      { type: "workers_scaled", model, workers: 1 },
      { type: "sink_failing", sink: "memory", reason: "full", retryInMs: 100 },
      { type: "sink_recovered", sink: "memory" },
      { type: "commit_failing", reason: "timeout" },
      { type: "commit_recovered" },
      { type: "unknown_models_failing", reason: "timeout" },
      { type: "unknown_models_recovered" },
      { type: "bus", event: { type: "delayed", what: 'The group "g"', reason: 'The group "g" is full' } },
      { type: "bus", event: { type: "recovered", what: 'The group "g"' } },
    ),
    [
      "mnist is down: its Worker died",
      "Could not scale up mnist: no memory",
      "mnist now has 1 Worker",
      "memory fails, retrying in 100 ms: full",
      "memory has recovered",
      "Cannot commit offsets, retrying: timeout",
      "The commit of offsets has recovered",
      "Cannot look for requests to unknown models, retrying: timeout",
      "The look for requests to unknown models has recovered",
      'Retrying: The group "g" is full',
      'The group "g" has recovered',
    ],
  );
});

function written(settings: { logFormat: "text" | "json"; logLevel: "warn" | "debug" }): string[] {
  const lines: string[] = [];
  const log = logEvents(openLog(settings, (line) => lines.push(line), () => 0));
  log({ type: "sink_failing", sink: "memory", reason: "full\u001b[2J", retryInMs: 100 });
  log({ type: "sink_recovered", sink: "memory" });
  return lines;
}

Deno.test("worker log: each line has its time and its level, and no control characters", () => {
  assertEquals(written({ logFormat: "text", logLevel: "debug" }), [
    "1970-01-01T00:00:00.000Z ERROR memory fails, retrying in 100 ms: full\\u001b[2J",
    "1970-01-01T00:00:00.000Z INFO  memory has recovered",
  ]);
});

Deno.test("worker log: --log-format json writes an object per line, with the event", () => {
  const [failing, recovered] = written({ logFormat: "json", logLevel: "debug" }).map((line) =>
    JSON.parse(line)
  );
  assertEquals([failing.time, failing.level, failing.event.sink], [
    "1970-01-01T00:00:00.000Z",
    "error",
    "memory",
  ]);
  assertEquals([recovered.message, recovered.event.type], ["memory has recovered", "sink_recovered"]);
});

Deno.test("worker log: --log-level leaves out what matters less", () => {
  assertEquals(written({ logFormat: "text", logLevel: "warn" }).length, 1);
});

Deno.test("worker log: as JSON, why the worker ends is an object, too; the exit code is the same", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const run = (bus: string, ...args: string[]) =>
      imagebus(["worker", "--quiet", "--sink", "console", "--bus", bus, ...args], {
        IMAGEBUS_STATE_DIR: directory,
      });
    for (const [bus, expected] of [["kafka://127.0.0.1:1", 1], ["kafak:x", 2]] as const) {
      const text = await run(bus);
      const json = await run(bus, "--log-format", "json");
      assertEquals([text.code, json.code], [expected, expected]);
      const lines = json.err.trimEnd().split("\n").map((line) => JSON.parse(line));
      assertEquals(lines.map(({ level, message }) => `${level} ${message}\n`), [
        text.err.replace(/^imagebus: /, "error "),
      ]);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("worker log: what senders wrote controls no terminal, in neither form, and JSON keeps it", () => {
  const message = "a\u009b31m\u202eb\u{e0041}c";
  for (const logFormat of ["text", "json"] as const) {
    const lines: string[] = [];
    openLog({ logFormat, logLevel: "debug" }, (line) => lines.push(line))("warn", message);
    assertEquals(lines.length, 1);
    assert(!/[\u009b\u202e\u{e0041}]/u.test(lines[0]!), lines[0]);
    if (logFormat === "json") assertEquals(JSON.parse(lines[0]!).message, message);
  }
});
