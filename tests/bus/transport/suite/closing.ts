import { BusError } from "../../../../bus/transport/errors.ts";
import { assert, assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { type Case, unique, within } from "./harness.ts";
import { bytes, numbered, Reader } from "./reader.ts";

async function assertClosed(run: () => Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(run, BusError)).code, "closed");
}

export const CLOSING_CASES: readonly Case[] = [
  {
    name: "close can be called twice, also concurrently",
    async run(harness) {
      const transport = await harness.open();
      const subscription = await transport.subscribe([unique("topic")], { group: unique("group") });
      await within(
        Promise.all([subscription.close(), subscription.close()]),
        "two closes of the subscription",
      );
      await within(Promise.all([transport.close(), transport.close()]), "two closes of the transport");
      await transport.close();
      await subscription.close();
    },
  },
  {
    name: "every call after close rejects as closed",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("topic");
      const reader = await Reader.open(transport, [topic], { group: unique("group") });
      await transport.send(topic, numbered(1));
      await reader.until(1);
      await transport.close();
      await assertClosed(() => transport.send(topic, numbered(1)));
      await assertClosed(() => transport.subscribe([topic]));
      await assertClosed(() => transport.ensureTopics([topic]));
      await assertClosed(() => transport.topics());
      await assertClosed(() => reader.subscription.commit(new Map([[reader.batches[0]!.claim, 1]])));
    },
  },
  {
    name: "each send is stored or rejects as closed if the transport is closed meanwhile",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("sending");
      const sends = numbered(500).map((message) => transport.send(topic, [message]));
      const outcomes = Promise.allSettled(sends);
      await within(transport.close(), "close");
      const late = transport.send(topic, [{ value: bytes("late") }]);
      await assertClosed(() => late);
      const stored: string[] = [];
      for (const [index, outcome] of (await outcomes).entries()) {
        if (outcome.status === "fulfilled") stored.push(`${index}`);
        else {assert(
            outcome.reason instanceof BusError && outcome.reason.code === "closed",
            `${outcome.reason}`,
          );}
      }
      await using reader = await Reader.open(await harness.open(), [topic]);
      await reader.until(stored.length);
      assert(new Set(stored).isSubsetOf(new Set(reader.texts)));
      assertEquals(new Set(reader.texts).size, reader.texts.length);
    },
  },
  {
    name: "a waiting loop ends when its subscription or transport is closed",
    async run(harness) {
      for (const group of [undefined, unique("group")]) {
        const transport = await harness.open();
        const options = group === undefined ? {} : { group };
        const one = await Reader.open(transport, [unique("topic")], options);
        const two = await Reader.open(transport, [unique("topic")], options);
        await one.subscription.close();
        await within(one.ended, "the end of the closed subscription");
        await transport.close();
        await within(two.ended, "the end of the closed transport's subscription");
      }
    },
  },
  {
    name: "a subscription can be closed inside its loop, after a commit",
    async run(harness) {
      const transport = await harness.open({ partitions: 1 });
      const [topic, group] = [unique("inside"), unique("group")];
      await transport.send(topic, numbered(10));
      const subscription = await transport.subscribe([topic], { group, maxBatchMessages: 1 });
      const loop = async () => {
        const seen: number[] = [];
        for await (const { claim, messages } of subscription) {
          seen.push(...messages.map(({ offset }) => offset));
          if (seen.length < 3) continue;
          const commit = subscription.commit(new Map([[claim, 3]]));
          await subscription.close();
          await commit;
        }
        return seen;
      };
      assertEquals(await within(loop(), "the end of the loop"), [0, 1, 2]);
      await using again = await Reader.open(transport, [topic], { group });
      await again.until(7);
      assertEquals(again.messages[0]?.offset, 3);
    },
  },
  {
    name: "the claims of a closed subscription are lost",
    async run(harness) {
      const transport = await harness.open();
      const [topic, group] = [unique("closed"), unique("group")];
      await transport.send(topic, numbered(3));
      const reader = await Reader.open(transport, [topic], { group });
      await reader.until(3);
      await reader.subscription.close();
      assert(reader.batches.every(({ claim }) => claim.lost.aborted));
    },
  },
  {
    name: "send and subscribe reject with the reason of an aborted signal",
    async run(harness) {
      const transport = await harness.open();
      const topic = unique("aborted");
      const reason = new Error("no longer wanted");
      const signal = AbortSignal.abort(reason);
      const seen = async (run: () => Promise<unknown>) => {
        assertEquals((await assertRejects(run, Error)).message, reason.message);
      };
      await seen(() => transport.send(topic, numbered(1), { signal }));
      await seen(() => transport.subscribe([topic], { signal }));
      const controller = new AbortController();
      const pending = transport.send(topic, numbered(1), { signal: controller.signal });
      controller.abort(reason);
      const [outcome] = await Promise.allSettled([pending]);
      if (outcome?.status === "rejected") assertEquals(outcome.reason, reason);
      await transport.send(topic, numbered(1));
    },
  },
];
