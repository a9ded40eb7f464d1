import { Doorbell } from "../../../../bus/transport/sqlite/doorbell.ts";
import { openSqliteTransport } from "../../../../bus/transport/sqlite/open.ts";
import { abortable } from "../../../../lib/abortable.ts";
import { Condition } from "../../../../lib/condition.ts";
import { temporaryDirectory } from "../../../../lib/temporary_directory.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";

const ignore = Deno.build.os !== "linux";
const MESSAGE = { value: new Uint8Array(1) };

Deno.test({
  name: "doorbell: whoever stores something on the bus wakes those who watch, other connections too",
  ignore,
  async fn() {
    await using directory = await temporaryDirectory("bell");
    const path = `${directory.path}/bus.db`;
    await using transport = await openSqliteTransport(path);
    await transport.ensureTopics(["topic"]);
    using bell = new Doorbell(path);
    const rung = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const end = bell.watch(rung.resolve, ended.resolve);
    await transport.send("topic", [MESSAGE]);
    await rung.promise;
    end!();
    await ended.promise;
    assertEquals((await Deno.stat(`${path}-bell`)).size, 0);
  },
});

Deno.test({
  name: "doorbell: a ring just after another comes, also if that is the last thing it does",
  ignore,
  async fn() {
    await using directory = await temporaryDirectory("bell");
    using bell = new Doorbell(`${directory.path}/bus.db`);
    const rung = new Condition();
    const end = bell.watch(() => rung.notify(), () => rung.notify())!;
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), 10_000);
    const ringing = new Doorbell(`${directory.path}/bus.db`);
    for (const next of [() => {}, () => {}, () => ringing[Symbol.dispose]()]) {
      const woken = rung.wait();
      ringing.ring();
      next();
      await abortable(woken, patience.signal);
    }
    clearTimeout(timer);
    assert(!patience.signal.aborted, "a ring was lost");
    const ended = rung.wait();
    end();
    await ended;
  },
});

Deno.test("doorbell: where there can be none, messages of other connections come all the same", async () => {
  await using directory = await temporaryDirectory("bell");
  const path = `${directory.path}/bus.db`;
  await Deno.mkdir(`${path}-bell`);
  await using sender = await openSqliteTransport(path);
  await using receiver = await openSqliteTransport(path);
  await using subscription = await receiver.subscribe(["topic"]);
  await sender.send("topic", [MESSAGE]);
  for await (const { messages } of subscription) {
    assertEquals(messages.length, 1);
    break;
  }
});
