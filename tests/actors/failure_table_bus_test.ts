/**
 * The rows of the failure table that depend on the bus, on the embedded bus and on Kafka; see
 * failure_table_test.ts.
 *
 * @module
 */
import { optionsFor } from "../../testing/options_for.ts";
import { DatabaseSync } from "node:sqlite";
import { type StartWorker, startWorker } from "../../actors/workers/worker_handle.ts";
import { type ConnectOptions, openTransport } from "../../bus/connect.ts";
import type { Claim, Transport } from "../../bus/transport/transport.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../testing/assert.ts";
import { EmbeddedBus } from "../fixtures/embedded_bus.ts";
import { NO_OWN_KAFKA, QUICK } from "../../testing/brokers/kafka.ts";
import { Phoenix } from "../fixtures/phoenix.ts";
import { type Connects, RunningService } from "../fixtures/running_service.ts";
import { EMBEDDED, KAFKA, testOn, type WorkerBus } from "../fixtures/worker_bus.ts";
import { WorkerStage } from "../fixtures/worker_stage.ts";
import { SEVEN } from "../../testing/images.ts";
import { storeDamaged } from "../bus/transport/kafka/batches.ts";
import { eventually, within } from "../bus/transport/suite/harness.ts";

const BUSES: readonly WorkerBus[] = [EMBEDDED, KAFKA];
const COUNT = 3_000;
const MNIST = { models: ["mnist"], workersPerModel: 1 };
const SESSION = { sessionTimeoutMs: 3_000, heartbeatMs: 300 };
const SESSIONS: ConnectOptions = { kafka: { ...SESSION, releaseMs: 500 }, sqlite: SESSION };

/** Workers that wait with tsuccessor first batch until `go`. */
function held(): { start: StartWorker; go: () => void } {
  const gate = Promise.withResolvers<void>();
  const start: StartWorker = async (files, options) => {
    const worker = await startWorker(files, options);
    return {
      gone: worker.gone,
      terminate: () => worker.terminate(),
      run: async (images) => {
        await gate.promise;
        return await worker.run(images);
      },
    };
  };
  return { start, go: () => gate.resolve() };
}

function storedBy(...running: RunningService[]): Set<string> {
  return new Set(running.flatMap(({ sink }) => sink.results.map(({ id }) => id)));
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  await eventually(what, () => Promise.resolve(isSo()));
}

const UNAVAILABLE =
  "When the bus is unavailable: reconnected for ever with growing, jittered pauses; nothing in flight is dropped; health is not ready";

/** Interrupts the bus while images are in flight: they are classified meanwhile, and stored afterwards. */
async function surviveOutage(
  broker: Connects,
  bus: { interrupt(): Promise<void> | void; watch?(): Promise<void>; resume(): Promise<void> | void },
): Promise<void> {
  const { start, go } = held();
  let log: (event: Parameters<RunningService["note"]>[0]) => void = () => {};
  const connects: Connects = {
    connect: () => broker.connect({ onEvent: (event) => log({ type: "bus", event }) }),
  };
  await using running = await RunningService.start(connects, { ...MNIST, group: crypto.randomUUID() }, start);
  log = (event) => running.note(event);
  const { service } = running;
  const ids = await Promise.all(
    Array.from({ length: 50 }, () => running.bus.send(SEVEN.png, { model: "mnist" })),
  );
  await until("all are in flight", () => service.status()[0]!.inFlight === ids.length);
  await bus.interrupt();
  go();
  await within(running.logged(/^The bus is unavailable, reconnecting: /), "the outage is logged");
  const { state, reasons } = service.health();
  assertEquals(state, "not ready");
  assertMatch(reasons[0]!, /^the bus is unavailable: /);
  await until("all are computed", () => service.status()[0]!.workers[0]!.images === ids.length);
  assertEquals(service.status()[0]!.inFlight, ids.length);
  await bus.watch?.();
  await bus.resume();
  await until("nothing is in flight", () => service.status()[0]!.inFlight === 0);
  assertEquals(storedBy(running), new Set(ids));
  await until("it is ready again", () => service.health().state === "ready");
}

Deno.test(`${UNAVAILABLE} (sqlite)`, async () => {
  await using embedded = new EmbeddedBus({ sqlite: { busyTimeoutMs: 300 } });
  let other: DatabaseSync | undefined;
  await surviveOutage(embedded, {
    interrupt() {
      other = new DatabaseSync(embedded.path);
      other.exec("BEGIN EXCLUSIVE");
    },
    resume() {
      other?.exec("COMMIT");
      other?.close();
    },
  });
});

Deno.test({
  name: `${UNAVAILABLE} (kafka${NO_OWN_KAFKA ? `: ${NO_OWN_KAFKA}` : ""})`,
  ignore: Boolean(NO_OWN_KAFKA),
  async fn() {
    await using phoenix = await Phoenix.start();
    const url = `kafka://${phoenix.brokers}`;
    await surviveOutage({ connect: (options) => openTransport(url, { kafka: QUICK, ...options }) }, {
      interrupt: () => phoenix.kill(),
      watch: () => watchAttempts(Number(phoenix.brokers[0]!.split(":")[1])),
      resume: () => phoenix.restart(),
    });
  },
});

/** Listens where the broker was: connections are attempted again and again, ever more rarely. */
async function watchAttempts(port: number): Promise<void> {
  const times: number[] = [];
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  const enough = Promise.withResolvers<void>();
  const accepting = (async () => {
    for await (const connection of listener) {
      connection.close();
      if (times.push(performance.now()) === 13) enough.resolve();
    }
  })();
  await within(enough.promise, "13 attempts to connect");
  listener.close();
  await accepting;
  const pauses = times.slice(1).map((time, i) => time - times[i]!);
  const [first, last] = [pauses.slice(0, 4), pauses.slice(-4)].map((some) => some.reduce((a, b) => a + b, 0));
  assert(last! > 1.5 * first!, `they do not grow: ${pauses}`);
  assert(new Set(pauses.map(Math.round)).size > 6, `no jitter: ${pauses}`);
}

/** Records what a service commits, and whether the claim was lost by then. */
function spyOnCommits(transport: Transport): { claim: Claim; offset: number; lost: boolean }[] {
  const commits: { claim: Claim; offset: number; lost: boolean }[] = [];
  const subscribe = transport.subscribe.bind(transport);
  transport.subscribe = async (topics, options) => {
    const subscription = await subscribe(topics, options);
    const commit = subscription.commit.bind(subscription);
    subscription.commit = (positions) => {
      for (const [claim, offset] of positions) commits.push({ claim, offset, lost: claim.lost.aborted });
      return commit(positions);
    };
    return subscription;
  };
  return commits;
}

/**
 * A service that did not leave its group would own its partitions for 5 s more (embedded) or 10 s (Kafka).
 */
async function expectNoMembers({ bus, group }: WorkerStage): Promise<void> {
  await using alone = await bus.transport.subscribe(["imagebus.mnist", "imagebus.fashion-mnist"], { group });
  await within(alone[Symbol.asyncIterator]().next(), "another member gets its partitions", 3_500);
}

for (const kind of BUSES) {
  testOn(
    "When a partition is taken away (rebalance): its results may be stored but its offsets are not committed by the old owner; nobody notices",
    kind,
    async () => {
      const directory = await Deno.makeTempDir({ prefix: "imagebus-test-" });
      const group = `test-${crypto.randomUUID().slice(0, 8)}`;
      await kind.prepare?.(group);
      const lost = new Set<string>();
      const connect = (options: ConnectOptions = {}) =>
        openTransport(kind.url(directory), optionsFor(kind.url(directory), { ...SESSIONS, ...options }));
      const transport = await connect({
        onEvent(event) {
          if (event.type === "lost" && event.topic === "imagebus.mnist") lost.add(`${event.partition}`);
        },
      });
      const commits = spyOnCommits(transport);
      const { start, go } = held();
      const connections = [await connect(), transport];
      {
        await using old = await RunningService.start(
          { connect: () => connections.shift()! },
          { ...MNIST, group },
          start,
        );
        const send = () =>
          Promise.all(Array.from({ length: 40 }, () => old.bus.send(SEVEN.png, { model: "mnist" })));
        const ids = await send();
        await until("all are in flight", () => old.service.status()[0]!.inFlight === ids.length);
        await using successor = await RunningService.start({ connect }, { ...MNIST, group });
        await until("half of the partitions are taken away", () => lost.size === 2);
        const moved = [...lost].map(Number);
        const position = async () => {
          const topics = await old.bus.transport.topics(group);
          const { partitions } = topics.find(({ name }) => name === "imagebus.mnist")!;
          return moved.map((partition) => partitions[partition]!);
        };
        ids.push(...await send());
        await eventually(
          "the successor has finished all that it got",
          async () => (await position()).every(({ committed, end }) => committed === end),
        );
        const before = await position();
        go();
        await until("all are stored", () => storedBy(old, successor).isSupersetOf(new Set(ids)));
        assertEquals(await old.service.close(), 0);
        assertEquals(commits.filter(({ lost }) => lost), []);
        const own = commits.map(({ claim: { topic, partition } }) => topic === "imagebus.mnist" && partition);
        assert(own.length > 0 && moved.every((partition) => !own.includes(partition)), own.join());
        assertEquals(await position(), before);
        await until("all are computed", () => storedBy(old, successor).size >= ids.length);
        assertEquals([...old.log, ...successor.log], []);
        await old.service.closed;
      }
      await transport.close();
      await Deno.remove(directory, { recursive: true });
    },
  );

  testOn(
    "When asked to stop (SIGINT, SIGTERM): fetch no more, finish what is in flight, commit, leave the group, exit 0; the log shows it",
    kind,
    async () => {
      await using stage = await WorkerStage.set(kind);
      const first = await stage.worker();
      const ids = await stage.send(COUNT);
      await stage.stored(ids, 100);
      first.signal("SIGINT");
      assertEquals(await first.ended(), 0);
      assertEquals(first.log.slice(-2), [
        "Draining the images in flight. Press Ctrl-C again to exit immediately.",
        "Stopped: all images in flight were finished.",
      ]);
      ids.push(...await stage.send(8));
      await expectNoMembers(stage);
      const second = await stage.worker();
      await stage.stored(ids);
      second.signal("SIGTERM");
      assertEquals(await second.ended(), 0);
      assertEquals(first.output.length + second.output.length, ids.length);
      assertEquals(stage.rows(ids).length, ids.length);
      for (const line of [...first.log, ...second.log]) {
        assertMatch(line, /^(Serving|bus|results|Press Ctrl-C|Stopp|Draining|.* Workers? now$)/);
      }
    },
  );

  testOn("When asked to stop twice: a second signal exits at once", kind, async () => {
    await using stage = await WorkerStage.set(kind);
    const worker = await stage.worker("--quiet");
    const ids = await stage.send(COUNT);
    await stage.stored(ids, 1);
    worker.signal("SIGINT");
    await until("the drain is logged", () => worker.log.at(-1)!.startsWith("Draining"));
    worker.signal("SIGINT");
    assertEquals(await worker.ended(), 130);
    assert(stage.rows(ids).length < COUNT, "everything was finished");
    await stage.worker("--quiet");
    await stage.stored(ids);
    assertEquals(stage.rows(ids).length, COUNT);
  });

  testOn(
    "When killed: redelivered from the last commit; idempotent sinks keep one row per id; nobody notices",
    kind,
    async () => {
      await using stage = await WorkerStage.set(kind);
      let worker = await stage.worker("--quiet");
      const ids = await stage.send(COUNT);
      for (const share of [0.25, 0.5]) {
        await stage.stored(ids, COUNT * share);
        await worker.kill();
        worker = await stage.worker("--quiet");
      }
      await stage.stored(ids);
      assertEquals(stage.rows(ids).sort(), [...ids].sort());
    },
  );
}

Deno.test({
  name:
    "When a part of the log cannot be decoded: dead letter with its offsets and bytes, which is not replayed; " +
    `the log shows it${NO_OWN_KAFKA ? ` (skipped: ${NO_OWN_KAFKA})` : ""}`,
  ignore: Boolean(NO_OWN_KAFKA),
  async fn() {
    await using phoenix = await Phoenix.start();
    await storeDamaged(phoenix, "imagebus.mnist", { value: SEVEN.png }, { value: SEVEN.png });
    const connects = { connect: () => openTransport(`kafka://${phoenix.brokers}`) };
    await using running = await RunningService.start(connects, MNIST);
    const { bus, log, sink } = running;
    await until("all are answered", () => sink.results.length === 3);
    const codes = sink.results.map((result) =>
      result.status === "failed" ? result.error.code : result.status
    );
    assertEquals(codes.sort(), ["classified", "classified", "undecodable"]);
    const [letter] = await Array.fromAsync(bus.deadLetters());
    assertEquals([letter?.error.code, letter?.offset], ["undecodable", 2]);
    assertMatch(letter!.error.message, /^The offsets 1 to 2 cannot be decoded: /);
    assertEquals(letter!.value.length, letter!.bytes);
    assert(letter!.bytes > 61, `${letter!.bytes} bytes`);
    await assertRejects(() => bus.replay(letter!), Error, "a part of Kafka's log");
    assert(log.some((line) => line.startsWith(`Dead letter ${letter!.id}: undecodable: `)), log.join("\n"));
  },
});
