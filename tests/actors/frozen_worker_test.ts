import { DatabaseSync } from "node:sqlite";
import type { Transport } from "../../bus/transport/transport.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { WatchedWorker } from "../fixtures/watched_worker_process.ts";
import { EMBEDDED, KAFKA, testOn } from "../fixtures/worker_bus.ts";
import { WorkerStage } from "../fixtures/worker_stage.ts";
import { SEVEN } from "../../testing/images.ts";
import { eventually, within } from "../bus/transport/suite/harness.ts";

const TOPIC = "imagebus.mnist";
const SESSION_MS = 3_000;

/** Polls the committed offsets of a group, and records every decrease. */
class CommitWatch implements AsyncDisposable {
  readonly decreases: string[] = [];
  readonly #transport: Transport;
  readonly #group: string;
  readonly #seen: number[] = [];
  readonly #watching: Promise<void>;
  #stopped = false;

  constructor(transport: Transport, group: string) {
    this.#transport = transport;
    this.#group = group;
    this.#watching = this.#watch();
  }

  /** Sum of the committed offsets of the topic, and of its end offsets. */
  async look(): Promise<{ committed: number; end: number }> {
    const topics = await this.#transport.topics(this.#group);
    const partitions = topics.find(({ name }) => name === TOPIC)!.partitions;
    for (const { partition, committed } of partitions) {
      const before = this.#seen[partition] ?? 0;
      if ((committed ?? 0) < before) this.decreases.push(`${partition}: ${before} -> ${committed}`);
      this.#seen[partition] = committed ?? 0;
    }
    const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
    return { committed: sum(this.#seen), end: sum(partitions.map(({ end }) => end)) };
  }

  async allCommitted(): Promise<void> {
    await eventually("everything is committed", async () => {
      const { committed, end } = await this.look();
      return committed === end;
    });
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }
}

function isLocked(path: string): boolean {
  using database = new DatabaseSync(path, { timeout: 200 });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch {
    return true;
  }
}

/**
 * Freezes a worker process during a batch, but not while it holds the lock of a file: everyone else who
 * writes it would wait.
 */
async function freeze(
  worker: WatchedWorker,
  files: readonly string[],
  feed: () => Promise<void>,
): Promise<void> {
  for (;;) {
    await feed();
    const before = worker.events.length;
    await within(
      worker.until((events) => events.length > before && events.at(-1)?.type === "batch"),
      "a batch",
    );
    worker.signal("SIGSTOP");
    if (!files.some(isLocked)) return;
    worker.signal("SIGCONT");
  }
}

for (const kind of [EMBEDDED, KAFKA]) {
  testOn(
    "frozen worker: after a SIGSTOP longer than its session, its old commits are refused, no row is duplicated, and it goes on",
    kind,
    async () => {
      await using stage = await WorkerStage.set(kind);
      const { group } = stage;
      const settings = {
        bus: stage.url,
        group,
        results: `${stage.directory}/results.db`,
        sessionTimeoutMs: SESSION_MS,
        batchMs: 300,
      };
      const send = (count: number) =>
        Promise.all(Array.from({ length: count }, () => stage.bus.send(SEVEN.png, { model: "mnist" })));
      await using frozen = await WatchedWorker.start(settings);
      const ids = await send(100);
      await using commits = new CommitWatch(stage.bus.transport, group);
      await frozen.until((events) => events.filter(({ type }) => type === "commit").length >= 3);
      await freeze(
        frozen,
        [settings.results, ...kind === EMBEDDED ? [`${stage.directory}/bus.db`] : []],
        async () => void ids.push(...await send(16)),
      );
      const frozenAt = performance.now();
      const done = stage.rows(ids).length;
      assert(done < ids.length, "everything was finished");

      await using successor = await WatchedWorker.start({ ...settings, batchMs: 0 });
      await stage.stored(ids);
      // The session counts from its last heartbeat, which is up to a heartbeat (1 s) older than the signal.
      assert(
        performance.now() - frozenAt >= SESSION_MS / 2,
        "its partitions moved before its session expired",
      );
      ids.push(...await send(50));
      await stage.stored(ids);
      await commits.allCommitted();

      const eventsBefore = frozen.events.length;
      frozen.signal("SIGCONT");
      const sinceThen = () => frozen.events.slice(eventsBefore);
      await within(frozen.until(() => sinceThen().some(({ type }) => type === "repeated")), "it is awake");
      const repeated = sinceThen().find((event) => event.type === "repeated")!;
      assert(repeated.claims > 0);
      assertEquals(repeated.lost, repeated.claims, "its old claims are lost");
      await within(
        frozen.until(() => sinceThen().some(({ type }) => type === "claimed")),
        "it is in the group again",
      );

      const later = new Set(await send(64));
      const works = () => sinceThen().some((event) => event.type === "result" && later.has(event.id));
      await within(frozen.until(works), "it goes on");
      ids.push(...later);
      await stage.stored(ids);
      await commits.allCommitted();
      assertEquals(stage.rows(ids).sort(), ids.sort());
      assertEquals(commits.decreases, []);
      for (const worker of [frozen, successor]) {
        worker.signal("SIGTERM");
        assertEquals(await worker.ended(), 0);
      }
    },
  );
}
