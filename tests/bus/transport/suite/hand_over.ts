import type { Transport } from "../../../../bus/transport/transport.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { type Case, type Consumer, eventually, unique } from "./harness.ts";
import { bytes, numbered, positions, Reader, sorted } from "./reader.ts";

/** Sends a message every few milliseconds until stopped. */
class Pump {
  readonly sent: string[] = [];
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(transport: Transport, topic: string) {
    this.#done = this.#run(transport, topic);
  }

  async #run(transport: Transport, topic: string): Promise<void> {
    while (!this.#stopped) {
      const text = `${this.sent.length}`;
      await transport.send(topic, [{ value: bytes(text) }]);
      this.sent.push(text);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** @returns The texts of everything that was sent. */
  async stop(): Promise<string[]> {
    this.#stopped = true;
    await this.#done;
    return this.sent;
  }
}

async function committedOf(transport: Transport, topic: string, group: string): Promise<(number | null)[]> {
  const info = (await transport.topics(group)).find(({ name }) => name === topic);
  return info!.partitions.map(({ committed }) => committed);
}

const textsOf = (consumer: Consumer) => consumer.received.map(({ text }) => text);

export const HAND_OVER_CASES: readonly Case[] = [
  {
    name: "a consumer that joins gets partitions; nothing is lost or repeated",
    async run(harness) {
      const [topic, group] = [unique("join"), unique("group")];
      const sender = await harness.open({ partitions: 4 });
      await using one = await Reader.open(await harness.open(), [topic], { group, commit: true });
      const pump = new Pump(sender, topic);
      await one.until(50);
      await using two = await Reader.open(await harness.open(), [topic], { group, commit: true });
      await two.until(50);
      const sent = await pump.stop();
      await eventually(
        "all have come",
        () => Promise.resolve(one.messages.length + two.messages.length >= sent.length),
      );
      assertEquals(sorted([...one.texts, ...two.texts]), sorted(sent));
    },
  },
  {
    name: "the partitions of a consumer that leaves are taken over; nothing is lost or repeated",
    async run(harness) {
      const [topic, group] = [unique("leave"), unique("group")];
      const sender = await harness.open({ partitions: 4 });
      await using one = await Reader.open(await harness.open(), [topic], { group, commit: true });
      const two = await Reader.open(await harness.open(), [topic], { group, commit: true });
      const pump = new Pump(sender, topic);
      await two.until(20);
      await two[Symbol.asyncDispose]();
      const partitions = () => new Set(one.messages.slice(-40).map(({ partition }) => partition)).size;
      await one.until(() => partitions() === 4);
      const sent = await pump.stop();
      await eventually(
        "all have come",
        () => Promise.resolve(one.messages.length + two.messages.length >= sent.length),
      );
      assertEquals(sorted([...one.texts, ...two.texts]), sorted(sent));
    },
  },
  {
    name: "what a killed consumer had not committed is delivered to another",
    async run(harness) {
      const [topic, group] = [unique("kill"), unique("group")];
      const transport = await harness.open({ partitions: 1 });
      await transport.send(topic, numbered(10, "committed "));
      await using doomed = await harness.start({ topics: [topic], subscribe: { group }, commit: "asked" });
      await doomed.until(10);
      await doomed.commit();
      await transport.send(topic, numbered(10, "seen "));
      await doomed.until(20);
      await doomed.kill();
      await using heir = await Reader.open(transport, [topic], { group });
      await heir.until(10);
      assertEquals(heir.texts, numbered(10, "seen ").map(({ value }) => new TextDecoder().decode(value)));
      assertEquals(heir.messages[0]?.offset, 10);
    },
  },
  {
    name: "nothing is lost if a consumer is killed under load",
    async run(harness) {
      const [topic, group] = [unique("load"), unique("group")];
      const sender = await harness.open({ partitions: 4 });
      const pump = new Pump(sender, topic);
      await using doomed = await harness.start({ topics: [topic], subscribe: { group }, commit: "each" });
      await doomed.until(20);
      await using heir = await Reader.open(await harness.open(), [topic], { group, commit: true });
      await heir.until(20);
      await doomed.kill();
      const killedAt = pump.sent.length;
      await eventually("more is sent", () => Promise.resolve(pump.sent.length > killedAt + 100));
      const sent = await pump.stop();
      await eventually("the group has processed everything", async () => {
        const info = (await sender.topics(group)).find(({ name }) => name === topic);
        return info!.partitions.every(({ committed, end }) => (committed ?? 0) === end);
      });
      assertEquals(new Set(sent).difference(new Set([...textsOf(doomed), ...heir.texts])), new Set());
    },
  },
  {
    name: "a lost claim is signalled, and cannot commit",
    async run(harness) {
      const [topic, group] = [unique("fence"), unique("group")];
      const sender = await harness.open({ partitions: 2 });
      await sender.send(topic, numbered(20));
      await using one = await Reader.open(await harness.open(), [topic], { group });
      await one.until(20);
      await using two = await Reader.open(await harness.open(), [topic], { group });
      await two.until(10);
      const lost = one.batches.map(({ claim }) => claim).filter(({ partition }) => partition === taken());
      function taken(): number {
        return two.messages[0]!.partition;
      }
      await eventually(
        "the first has lost its claim",
        () => Promise.resolve(lost.every((claim) => claim.lost.aborted)),
      );
      await two.subscription.commit(new Map([[two.batches[0]!.claim, 7]]));
      await one.subscription.commit(new Map([[lost[0]!, 3]]));
      assertEquals((await committedOf(sender, topic, group))[taken()], 7);
      assert(!two.batches[0]!.claim.lost.aborted);
    },
  },
  {
    name: "a process that was suspended for longer than its session loses its claims and commits nothing",
    async run(harness) {
      const [topic, group] = [unique("frozen"), unique("group")];
      const sender = await harness.open({ partitions: 1 });
      await sender.send(topic, numbered(10));
      await using frozen = await harness.start({ topics: [topic], subscribe: { group }, commit: "asked" });
      await frozen.until(10);
      frozen.freeze();
      await using heir = await Reader.open(sender, [topic], { group });
      await heir.until(10);
      await heir.subscription.commit(new Map([[heir.batches[0]!.claim, 6]]));
      frozen.thaw();
      assertEquals(await frozen.commit(), 1);
      assertEquals(await committedOf(sender, topic, group), [6]);
      await heir.subscription.commit(positions(heir.batches));
      assertEquals(await committedOf(sender, topic, group), [10]);
    },
  },
  {
    name: "gained and lost claims are reported as events",
    async run(harness) {
      const [topic, group] = [unique("events"), unique("group")];
      const events: string[] = [];
      const watched = await harness.open({
        partitions: 2,
        onEvent: (event) => events.push("topic" in event ? `${event.type} ${event.partition}` : event.type),
      });
      await watched.send(topic, numbered(4));
      await using reader = await Reader.open(watched, [topic], { group });
      await reader.until(4);
      await eventually("claims are reported", () => Promise.resolve(events.length >= 3));
      assertEquals(sorted(events), ["claimed 0", "claimed 1", "connected"]);
      await using other = await Reader.open(await harness.open(), [topic], { group });
      await other.until(1);
      const taken = other.messages[0]!.partition;
      await eventually("the loss is reported", () => Promise.resolve(events.includes(`lost ${taken}`)));
    },
  },
];
