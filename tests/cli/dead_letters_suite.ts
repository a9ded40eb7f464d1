import { DatabaseSync } from "node:sqlite";
import { Bus } from "../../bus/bus.ts";
import { openTransport } from "../../bus/connect.ts";
import type { Result } from "../../bus/result.ts";
import type { ResultStream } from "../../bus/result_stream.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { type Ended, imagebus, objectsIn } from "../fixtures/imagebus.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";

/** Runs `imagebus dead-letters`. */
export function deadLetters(bus: string, ...args: string[]): Promise<Ended> {
  return imagebus(["dead-letters", ...args, "--bus", bus], { IMAGEBUS_STATE_DIR: "/nonexistent" });
}

/** The JSON objects of an output by id. */
export function byId(out: string): Map<string, Record<string, unknown>> {
  return new Map(objectsIn(out).map((object) => [String(object["id"]), object]));
}

/** A bus with a worker process: first 28×28 images are too large for it and it has no model "tiny", later both are fixed. */
export class DeadLetterStage implements AsyncDisposable {
  readonly #group = `test-${crypto.randomUUID().slice(0, 8)}`;
  #worker: WorkerProcess | undefined;

  private constructor(
    readonly url: string,
    readonly directory: string,
    readonly bus: Bus,
    readonly results: ResultStream,
  ) {}

  /**
   * @param url The bus.
   * @param topics Topics on which the group starts at the end.
   */
  static async set(
    url: (directory: string) => string,
    topics: readonly string[] = [],
  ): Promise<DeadLetterStage> {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-dead-letters-" });
    const bus = new Bus(await openTransport(url(directory)));
    const results = bus.results();
    await results.ready;
    const stage = new DeadLetterStage(url(directory), directory, bus, results);
    if (topics.length > 0) {
      await using _ = await bus.transport.subscribe(topics, { group: stage.#group, from: "end" });
    }
    await writeTinyModel(`${directory}/models`);
    return stage;
  }

  /** The worker process before its faults are fixed. */
  async startFaulty(): Promise<void> {
    await this.#start("--models", "mnist", "--max-pixels", "500");
  }

  /** The worker process after that. */
  async startFixed(): Promise<void> {
    await this.#start("--models", "mnist,tiny", "--models-dir", `${this.directory}/models`);
  }

  async #start(...args: string[]): Promise<void> {
    await this.stop();
    const options = ["--group", this.#group, "--quiet", ...args];
    this.#worker = await WorkerProcess.start({ bus: this.url, directory: this.directory, args: options });
  }

  /** Drains and ends the worker process. */
  async stop(): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]();
    this.#worker = undefined;
  }

  /** The next results of these ids; others on the bus are skipped. */
  async next(ids: readonly string[], count = ids.length): Promise<Result[]> {
    const found: Result[] = [];
    const iterator = this.#iterator ??= this.results[Symbol.asyncIterator]();
    while (found.length < count) {
      const { value } = await iterator.next();
      assert(value, "the results ended");
      if (ids.includes(value.id)) found.push(value);
    }
    return found;
  }
  #iterator: AsyncGenerator<Result, void, void> | undefined;

  /** The rows of `results.db` with these ids: id and status. */
  rows(ids: readonly string[]): string[] {
    using database = new DatabaseSync(`${this.directory}/results.db`, { readOnly: true });
    const rows = database.prepare("SELECT id, status FROM results ORDER BY id").all();
    return rows.filter(({ id }) => ids.includes(String(id))).map(({ id, status }) => `${id} ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.bus.close();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** Sends an image for an unknown model, to a topic that is read. */
export async function sendToTiny(bus: Bus, id: string): Promise<void> {
  const headers = {
    ce_specversion: "1.0",
    ce_id: id,
    ce_source: "test",
    ce_type: "imagebus.classify",
    ce_model: "tiny",
    own: new Uint8Array([255, 0]),
  };
  await bus.transport.send("imagebus.mnist", [{ key: `key of ${id}`, value: SEVEN.png, headers }]);
}

/**
 * From the failure to the one row: the whole life of three dead letters.
 *
 * @param stage With a bus without a worker process.
 */
export async function liveDeadLetters(stage: DeadLetterStage): Promise<void> {
  const tag = crypto.randomUUID().slice(0, 8);
  const ids = ["bad", "large", "strange"].map((name) => `${name}-${tag}`) as [string, string, string];
  const [bad, large, strange] = ids;
  const letter = new TextEncoder().encode("Dear bus, this is a letter.\n");
  const of = ids.flatMap((id) => ["--id", id]);
  const list = async () => {
    const { out } = await deadLetters(
      stage.url,
      "list",
      "--json",
      ...of,
      "--results",
      `${stage.directory}/results.db`,
    );
    return byId(out);
  };

  await stage.startFaulty();
  await stage.bus.send(letter, { id: bad, model: "mnist" });
  await stage.bus.send(SEVEN.png, { id: large, model: "mnist", actual: "7" });
  await sendToTiny(stage.bus, strange);
  await stage.next(ids);
  await stage.stop();
  assertEquals(stage.rows(ids), ids.map((id) => `${id} failed`));

  const reasons = [...await list()].map((
    [id, { error, attempts }],
  ) => [id, (error as Failure).code, attempts]);
  assertEquals(reasons.sort(), [[bad, "not_an_image", 1], [large, "too_many_pixels", 1], [
    strange,
    "unknown_model",
    1,
  ]]);
  const originals = await Array.fromAsync(stage.bus.deadLetters({ ids }));
  const bytes = new Map(originals.map(({ id, value }) => [id, value]));
  assertEquals([...bytes.get(bad)!], [...letter]);
  assertEquals([...bytes.get(strange)!], [...SEVEN.png]);
  const { key, headers } = originals.find(({ id }) => id === strange)!;
  assertEquals([key, [...headers["own"] as Uint8Array]], [`key of ${strange}`, [255, 0]]);

  await stage.startFixed();
  const tried = await deadLetters(stage.url, "replay", ...of, "--dry-run", "--json");
  assertEquals([tried.code, [...byId(tried.out).values()].map(({ replayed }) => replayed)], [0, [
    false,
    false,
    false,
  ]]);
  const replayed = await deadLetters(stage.url, "replay", ...of);
  assertEquals(replayed.code, 0, replayed.err);
  assertMatch(replayed.err, /^Replayed: 3, refused: 0\n$/);
  const statuses = new Map((await stage.next(ids)).map(({ id, status }) => [id, status]));
  assertEquals(ids.map((id) => statuses.get(id)), ["failed", "classified", "classified"]);

  await deadLetters(stage.url, "replay", "--id", large, "--id", strange);
  const again = await stage.next(ids, 2);
  assertEquals(again.map(({ id, status }) => `${id} ${status}`).sort(), [
    `${large} classified`,
    `${strange} classified`,
  ]);
  await stage.stop();
  assertEquals(stage.rows(ids), [`${bad} failed`, `${large} classified`, `${strange} classified`]);

  const later = await list();
  assertEquals(ids.map((id) => later.get(id)?.["attempts"]), [2, 1, 1]);
  assertEquals(ids.map((id) => later.get(id)?.["status"]), ["failed", "classified", "classified"]);
  const refused = await deadLetters(stage.url, "replay", "--id", bad, "--max-attempts", "2");
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.err, `Cannot replay ${bad}: it was tried 2 times`);
}

interface Failure {
  readonly code: string;
}
