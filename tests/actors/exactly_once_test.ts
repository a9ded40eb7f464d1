import { ServiceError } from "../../actors/errors.ts";
import type { ServiceEvent } from "../../actors/events.ts";
import { serve, type ServeOptions, type Service } from "../../actors/serve.ts";
import type { Settled, Sink } from "../../actors/sinks/sink.ts";
import { Bus } from "../../bus/bus.ts";
import { decodeResult } from "../../bus/envelope.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import type { Message, TransportOptions } from "../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects } from "../../testing/assert.ts";
import { BAD_IMAGES } from "../../testing/bad_images.ts";
import { SEVEN } from "../../testing/images.ts";

const MODELS = { models: ["mnist"], delivery: "exactly-once" } as const;

/** Waits with storing until `go` resolves. */
class SlowSink implements Sink {
  readonly name = "slow";
  readonly ids: string[] = [];
  readonly called = Promise.withResolvers<void>();
  readonly go = Promise.withResolvers<void>();

  async write(batch: readonly Settled[]): Promise<void> {
    this.called.resolve();
    await this.go.promise;
    this.ids.push(...batch.map(({ result }) => result.id));
  }
}

/** A bus with one service with exactly-once delivery. */
class Stage implements AsyncDisposable {
  private constructor(readonly bus: Bus, readonly service: Service) {}

  static async set(options: ServeOptions = {}, transport: TransportOptions = {}): Promise<Stage> {
    const broker = createMemoryBroker();
    const bus = new Bus(broker.connect());
    return new Stage(bus, await serve(broker.connect(transport), { ...MODELS, ...options }));
  }

  /** Closes the service as soon as so many results are there. */
  async finish(count: number): Promise<void> {
    let seen = 0;
    for await (const _ of this.bus.results({ from: "start" })) if (++seen === count) break;
    await this.service.close();
  }

  /** Everything on a topic. */
  async read(topic: string): Promise<Message[]> {
    await using subscription = await this.bus.transport.subscribe([topic], { until: "end" });
    return (await Array.fromAsync(subscription)).flatMap(({ messages }) => [...messages]);
  }

  async results(topic = "imagebus.results"): Promise<string[]> {
    return (await this.read(topic)).map((message) => decodeResult(message)!.id);
  }

  async committed(): Promise<number> {
    const topics = await this.bus.transport.topics("imagebus");
    const positions = topics.flatMap(({ partitions }) => partitions.map(({ committed }) => committed ?? 0));
    return positions.reduce((sum, position) => sum + position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service.close();
    await this.bus.close();
  }
}

Deno.test("exactly once: every result, reply and dead letter is on its topic once, and all offsets are committed", async () => {
  await using stage = await Stage.set();
  const ids = await Promise.all(
    Array.from({ length: 60 }, () => stage.bus.send(SEVEN.png, { model: "mnist", replyTo: "mine" })),
  );
  const [, bytes, code] = BAD_IMAGES[0]!;
  const failed = await stage.bus.classify(bytes, { model: "mnist", id: "bad" });
  assert(failed.status === "failed" && failed.error.code === code);
  await stage.finish(61);
  assertEquals((await stage.results()).sort(), [...ids, "bad"].sort());
  assertEquals((await stage.results("mine")).sort(), [...ids].sort());
  assertEquals((await stage.read("imagebus.dead-letters")).map(({ value }) => [...value]), [[...bytes]]);
  assertEquals(await stage.committed(), 61);
});

Deno.test("exactly once: a result is on its topic only after all sinks have stored it", async () => {
  const sink = new SlowSink();
  await using stage = await Stage.set({ sinks: [sink] });
  const answer = stage.bus.classify(SEVEN.png, { model: "mnist", id: "one" });
  await sink.called.promise;
  assertEquals([await stage.results(), await stage.committed()], [[], 0]);
  sink.go.resolve();
  await answer;
  assertEquals([sink.ids, await stage.results()], [["one"], ["one"]]);
});

Deno.test("exactly once: results of equal keys keep the order of their requests", async () => {
  await using stage = await Stage.set({ maxBatch: 3, workersPerModel: 3 });
  for (let i = 0; i < 60; i++) {
    await stage.bus.send(i % 7 === 0 ? new Uint8Array([1]) : SEVEN.png, {
      model: "mnist",
      id: `${i}`,
      key: `key ${i % 3}`,
    });
  }
  await stage.finish(60);
  const ids = (await stage.results()).map(Number);
  assertEquals(ids.length, 60);
  for (const rest of [0, 1, 2]) {
    const order = ids.filter((id) => id % 3 === rest);
    assertEquals(order, order.toSorted((a, b) => a - b));
  }
});

Deno.test("exactly once: a dead letter that is too large for the bus is stored without its bytes, and blocks nothing", async () => {
  const events: ServiceEvent[] = [];
  const options = { onEvent: (event: ServiceEvent) => events.push(event) };
  await using stage = await Stage.set(options, { maxMessageBytes: 2_000 });
  const large = await stage.bus.classify(new Uint8Array(3_000), { model: "mnist" });
  assertEquals(large.status, "failed");
  assertEquals((await stage.bus.classify(SEVEN.png, { model: "mnist" })).status, "classified");
  const [letter] = await Array.fromAsync(stage.bus.deadLetters());
  assertEquals([letter!.id, letter!.omitted], [large.id, true]);
  assertEquals(events.filter(({ type }) => type === "commit_failing"), []);
});

Deno.test("exactly once: a request for a model that was never served fails once", async () => {
  await using stage = await Stage.set();
  const result = await stage.bus.classify(SEVEN.png, { model: "mnits", id: "lost" });
  assert(result.status === "failed" && result.error.code === "unknown_model");
  await stage.service.close();
  assertEquals(await stage.results(), ["lost"]);
});

Deno.test("exactly once: an unknown value of delivery is refused", async () => {
  const transport = createMemoryBroker().connect();
  const options = { delivery: "once" } as unknown as ServeOptions;
  const message = 'delivery is "once": expected at-least-once or exactly-once';
  await assertRejects(() => serve(transport, options), ServiceError, message);
  await transport.close();
});
