import { BusError } from "../../../../bus/transport/errors.ts";
import type {
  Batch,
  CommittedMessage,
  Message,
  SubscribeOptions,
  Transport,
} from "../../../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects } from "../../../../testing/assert.ts";
import { type Case, eventually, type Harness, unique, within } from "./harness.ts";
import { bytes, numbered, Reader, sorted } from "./reader.ts";

const texts = (count: number, label = "") => numbered(count, label).map(({ value }) => text(value));

function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}

function copies(topic: string, messages: readonly Message[]): CommittedMessage[] {
  return messages.map(({ key, value }) => ({ topic, message: { key, value } }));
}

function endOf({ messages }: Batch): number {
  return messages.at(-1)!.offset + 1;
}

/** All that a topic holds, by partition. */
async function readAll(transport: Transport, topic: string): Promise<string[]> {
  await using reader = await Reader.open(transport, [topic], { until: "end" });
  await within(reader.ended, `the end of ${topic}`);
  return reader.texts;
}

interface Setting {
  readonly transport: Transport;
  readonly from: string;
  readonly to: string;
  readonly options: SubscribeOptions & { readonly group: string };
}

async function set(harness: Harness, count: number, partitions = 1): Promise<Setting> {
  const [from, to, group] = [unique("from"), unique("to"), unique("group")];
  const transport = await harness.open({ partitions });
  await transport.ensureTopics([to]);
  await transport.send(from, numbered(count));
  return { transport, from, to, options: { group, delivery: "exactly-once" } };
}

/** Subscribes, and copies everything from one topic to the other until it is disposed of. */
async function copyAll({ transport, from, to, options }: Setting): Promise<AsyncDisposable> {
  const subscription = await transport.subscribe([from], { ...options, maxBatchMessages: 20 });
  const copying = (async () => {
    for await (const batch of subscription) {
      await subscription.commitWith(batch.claim, endOf(batch), copies(to, batch.messages))
        .catch((error) => assertEquals(error.code, "closed"));
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      await subscription.close();
      await copying;
    },
  };
}

async function untilProcessed({ transport, from, options }: Setting): Promise<void> {
  await eventually("the group has processed everything", async () => {
    const info = (await transport.topics(options.group)).find(({ name }) => name === from);
    return info!.partitions.every(({ committed, end }) => (committed ?? 0) === end);
  });
}

async function assertInvalid(run: () => Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(run, BusError)).code, "invalid");
}

export const EXACTLY_ONCE_CASES: readonly Case[] = [
  {
    name: "exactly once: messages and the position of their claim are stored together",
    async run(harness) {
      const { transport, from, to, options } = await set(harness, 30);
      const reader = await Reader.open(transport, [from], options);
      await reader.until(30);
      const { claim } = reader.batches[0]!;
      await reader.subscription.commitWith(claim, 13, copies(to, reader.messages.slice(0, 13)));
      assertEquals(await readAll(transport, to), texts(13));
      await reader[Symbol.asyncDispose]();
      await using again = await Reader.open(transport, [from], options);
      await again.until(17);
      assertEquals(again.messages[0]!.offset, 13);
    },
  },
  {
    name: "exactly once: nothing of a commit that fails is stored",
    async run(harness) {
      const { transport, from, to, options } = await set(harness, 4);
      await using reader = await Reader.open(transport, [from], options);
      await reader.until(4);
      const { claim } = reader.batches[0]!;
      const large = { topic: to, message: { value: new Uint8Array(transport.maxMessageBytes + 1) } };
      const messages = [...copies(to, reader.messages), large];
      const error = await assertRejects(
        () => reader.subscription.commitWith(claim, 4, messages),
        BusError,
      );
      assertEquals(error.code, "too_large");
      assertEquals(await readAll(transport, to), []);
      assert(!claim.lost.aborted);
      const fallback = () => ({ value: bytes("fallback") });
      await reader.subscription.commitWith(claim, 4, [...copies(to, reader.messages), {
        ...large,
        fallback,
      }]);
      assertEquals(await readAll(transport, to), [...texts(4), "fallback"]);
    },
  },
  {
    name: "exactly once: commits for one claim that are not awaited take effect in the order of the calls",
    async run(harness) {
      const { transport, from, to, options } = await set(harness, 100);
      await using reader = await Reader.open(transport, [from], { ...options, maxBatchMessages: 10 });
      await reader.until(100);
      await Promise.all(
        reader.batches.map((batch) =>
          reader.subscription.commitWith(batch.claim, endOf(batch), copies(to, batch.messages))
        ),
      );
      assertEquals(await readAll(transport, to), texts(100));
    },
  },
  {
    name: "exactly once: a commit can have no messages, or messages for several topics, also new ones",
    async run(harness) {
      const { transport, from, to, options } = await set(harness, 4);
      await using reader = await Reader.open(transport, [from], options);
      await reader.until(4);
      const { claim } = reader.batches[0]!;
      await reader.subscription.commitWith(claim, 2, []);
      const fresh = unique("fresh");
      const messages = [...copies(to, reader.messages.slice(2)), ...copies(fresh, reader.messages.slice(2))];
      await reader.subscription.commitWith(claim, 4, messages);
      assertEquals(await readAll(transport, to), ["2", "3"]);
      assertEquals(await readAll(transport, fresh), ["2", "3"]);
    },
  },
  {
    name: "exactly once: nothing is repeated or lost if consumers are killed",
    async run(harness) {
      const setting = await set(harness, 400, 4);
      const { transport, from, to, options } = setting;
      for (const progress of [50, 150]) {
        const doomed = await harness.start({
          topics: [from],
          subscribe: { group: options.group, maxBatchMessages: 5 },
          commit: "each",
          copyTo: to,
        });
        await doomed.until(progress);
        await doomed.kill();
      }
      await using _copier = await copyAll(setting);
      await untilProcessed(setting);
      assertEquals(sorted(await readAll(transport, to)), sorted(texts(400)));
    },
  },
  {
    name: "exactly once: nothing is repeated or lost while consumers come and go",
    async run(harness) {
      const setting = await set(harness, 200, 4);
      const { transport, to } = setting;
      await using _stays = await copyAll(setting);
      for (let round = 0; round < 3; round++) {
        const copier = await copyAll({ ...setting, transport: await harness.open() });
        await transport.send(setting.from, numbered(100, `${round}-`));
        await eventually(
          "the copying continues",
          async () => (await readAll(transport, to)).length > 50 * round,
        );
        await copier[Symbol.asyncDispose]();
      }
      await untilProcessed(setting);
      const sent = [...texts(200), ...[0, 1, 2].flatMap((round) => texts(100, `${round}-`))];
      assertEquals(sorted(await readAll(transport, to)), sorted(sent));
    },
  },
  {
    name: "exactly once: a process that was suspended for too long stores nothing when it wakes",
    async run(harness) {
      const setting = await set(harness, 10);
      const { transport, from, to, options } = setting;
      await using frozen = await harness.start({
        topics: [from],
        subscribe: { group: options.group },
        commit: "asked",
        copyTo: to,
      });
      await frozen.until(10);
      frozen.freeze();
      await using heir = await Reader.open(transport, [from], options);
      await heir.until(10);
      const { claim } = heir.batches[0]!;
      await heir.subscription.commitWith(claim, 6, copies(to, heir.messages.slice(0, 6)));
      frozen.thaw();
      assertEquals(await frozen.commit(), 1);
      await heir.subscription.commitWith(claim, 10, copies(to, heir.messages.slice(6)));
      assertEquals(await readAll(transport, to), texts(10));
    },
  },
  {
    name: "exactly once: requires a group and commitWith",
    async run(harness) {
      const { transport, from, options } = await set(harness, 1);
      await assertInvalid(() => transport.subscribe([from], { delivery: "exactly-once" }));
      await assertInvalid(() =>
        transport.subscribe([from], { group: "g", delivery: "twice" as "exactly-once" })
      );
      await using once = await Reader.open(transport, [from], options);
      await assertInvalid(() => once.subscription.commit(new Map()));
      await using least = await Reader.open(transport, [from], { group: unique("group") });
      await least.until(1);
      await assertInvalid(() => least.subscription.commitWith(least.batches[0]!.claim, 1, []));
    },
  },
];
