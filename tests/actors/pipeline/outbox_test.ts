import type { Flight } from "../../../actors/pipeline/flight.ts";
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
  await outbox.close(10_000);
  assertEquals(closed, ["disposed", "closed"]);
});

Deno.test("outbox: a sink whose write does not end holds up neither close nor the other sinks, and is closed after it", async () => {
  const closed: string[] = [];
  const [writing, write] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const sink = (name: string, write: Sink["write"]): Sink => ({
    name,
    write,
    close: () => Promise.resolve(void closed.push(name)),
  });
  const hangs = sink("hangs", () => {
    writing.resolve();
    return write.promise;
  });
  let stored = 0;
  const outbox = new Outbox([hangs, sink("stores", () => Promise.resolve())], () => {});
  outbox.add({ settled: {}, stored: () => stored++ } as unknown as Flight);
  await writing.promise;
  await outbox.close(10);
  assertEquals(closed, ["stores"]);
  write.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([closed, stored], [["stores", "hangs"], 0]);
});
