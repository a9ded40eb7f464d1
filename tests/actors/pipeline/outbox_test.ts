import { Outbox } from "../../../actors/pipeline/outbox.ts";
import type { Sink } from "../../../actors/sinks/sink.ts";
import { assertEquals } from "../../../testing/assert.ts";

Deno.test("outbox: a sink is closed by close, else by Symbol.asyncDispose, else left alone", async () => {
  const closed: string[] = [];
  const sink = (name: string): Sink => ({ name, write: () => Promise.resolve() });
  const close = (how: string) => () => Promise.resolve(void closed.push(how));
  const outbox = new Outbox([
    sink("bare"),
    { ...sink("disposable"), [Symbol.asyncDispose]: close("disposed") },
    { ...sink("both"), close: close("closed"), [Symbol.asyncDispose]: close("both") },
  ], () => {});
  await outbox.close();
  assertEquals(closed, ["disposed", "closed"]);
});
