import type { ServiceEvent } from "../../actors/events.ts";
import { createLog } from "../../cli/commands/worker/log.ts";
import { assertEquals } from "../../testing/assert.ts";

function linesOf(...events: ServiceEvent[]): string[] {
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
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
      { type: "bus", event: { type: "delayed", what: 'The group "g"', reason: 'The group "g" is full' } },
      { type: "bus", event: { type: "recovered", what: 'The group "g"' } },
    ),
    [
      "mnist is down: its Worker died",
      "Could not scale up mnist: no memory",
      "mnist now has 1 Worker",
      "memory fails, retrying in 100 ms: full",
      "memory has recovered",
      'Retrying: The group "g" is full',
      'The group "g" has recovered',
    ],
  );
});
