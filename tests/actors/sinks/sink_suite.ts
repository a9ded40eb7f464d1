import type { Settled, Sink } from "../../../actors/sinks/sink.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";
import { SinkWriter } from "../../fixtures/sink_writer.ts";
import { classified, failed } from "../../../testing/settled.ts";

/** One place where results are kept, for one case. */
export interface SinkPlace extends AsyncDisposable {
  /** Opens a sink on it; may be called again after the first was closed. */
  open(): Promise<Sink> | Sink;
  /** What is kept, in the order it is read: id and status of each; of the last entry of an id, where a log is read so. */
  kept(): Promise<string[]>;
  /** What `--sink` says for it, where other processes can write it. */
  readonly spec?: string;
  /** Takes it away: from now on nothing can be written. */
  interrupt?(): Promise<void>;
  /** Brings it back. */
  resume?(): Promise<void>;
}

/** A kind of sink, and what it promises. */
export interface SinkKind {
  readonly name: string;
  /** Whether it ends with one entry an id; a log only appends. */
  readonly idempotent: boolean;
  /** Whether what it keeps is in the order in which it was written. */
  readonly ordered: boolean;
  /** Why it can't be tried here; `undefined` when it can. */
  readonly ignore?: string | undefined;
  create(): Promise<SinkPlace>;
}

type Case = (place: SinkPlace, kind: SinkKind) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "results of both kinds are kept when write has resolved": async (place) => {
    await using sink = await open(place);
    await sink.write([classified("a"), failed("b"), failed("c", "expired")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b failed", "c failed"]);
  },
  "a thousand at once are all kept, and five batches of 500": async (place, { ordered }) => {
    await using sink = await open(place);
    await sink.write(numbered(0, 1_000));
    for (let i = 0; i < 5; i++) await sink.write(numbered(1_000 + 500 * i, 500));
    const kept = await place.kept();
    assertEquals(
      ordered ? kept : kept.sort(),
      numbered(0, 3_500).map(({ result }) => `${result.id} classified`),
    );
  },
  "what was kept is there after closing and opening again": async (place) => {
    await writeAndClose(place, [classified("a")]);
    await writeAndClose(place, [classified("b")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b classified"]);
  },
  "the same batch twice is one entry an id, also after opening again": async (place, { idempotent }) => {
    const batch = [classified("a"), failed("b")];
    for (let i = 0; i < 2; i++) await writeAndClose(place, [...batch, ...batch]);
    assertEquals((await place.kept()).length, idempotent ? 2 : 8);
  },
  "a failure gives way to a success, never the other way round": async (place, { idempotent }) => {
    await using sink = await open(place);
    for (const settled of [failed("a"), classified("a"), failed("a")]) await sink.write([settled]);
    if (idempotent) assertEquals(await place.kept(), ["a classified"]);
    else assertEquals(await place.kept(), ["a failed", "a classified", "a failed"]);
  },
  "a failure and a success of one id in one batch are the success": async (place, { idempotent }) => {
    await using sink = await open(place);
    await sink.write([failed("a"), classified("a"), classified("b"), failed("b")]);
    if (idempotent) assertEquals((await place.kept()).sort(), ["a classified", "b classified"]);
  },
  "text of any kind and length is kept": async (place) => {
    await using sink = await open(place);
    const ids = ["Größe 👢", 'it\'s "quoted"\\', "two\nlines\r\n", "$1, {a,b}; --", "x".repeat(256)];
    await sink.write(ids.map((id) => classified(id)));
    const long = failed("long");
    const message = "é👢\n".repeat(100_000);
    await sink.write([{ ...long, result: { ...long.result, error: { code: "damaged", message } } }]);
    const expected = [...ids.map((id) => `${id} classified`), "long failed"];
    assertEquals((await place.kept()).sort(), expected.sort());
  },
  "what is no text, NUL and half of a surrogate pair, does not keep a batch from being stored": async (
    place,
  ) => {
    await using sink = await open(place);
    const odd = classified("a");
    const label = "nul \0 half \ud83d";
    const top = [{ label, index: 0, confidence: 1 }];
    await sink.write([{ ...odd, result: { ...odd.result, label, top, actual: label } }]);
    assertEquals(await place.kept(), ["a classified"]);
  },
};

const IN_PROCESSES: Readonly<Record<string, Case>> = {
  "a writer that is killed has stored what it said, and nothing is twice when it comes again": async (
    place,
  ) => {
    const writer = SinkWriter.start(place.spec!, { from: 0, count: 100_000, batch: 7 });
    const stored = await writer.stored(700);
    await writer.kill();
    const kept = await place.kept();
    assert(kept.length >= stored, `${stored} were stored, ${kept.length} are kept`);
    await writeAndClose(place, numbered(0, kept.length + 7));
    const ids = numbered(0, kept.length + 7).map(({ result }) => `${result.id} classified`);
    assertEquals((await place.kept()).sort(), ids);
  },
};

const AWAY: Readonly<Record<string, Case>> = {
  "away, it rejects; back, the same batch is stored once": async (place) => {
    await using sink = await open(place);
    await sink.write([classified("a")]);
    await place.interrupt!();
    const batch = [classified("a"), failed("b"), classified("c")];
    for (let i = 0; i < 3; i++) await assertRejects(() => sink.write(batch), Error);
    await place.resume!();
    await sink.write(batch);
    await sink.write([classified("d")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b failed", "c classified", "d classified"]);
  },
};

/** A sink that is closed when the case is done with it; one that holds nothing has no `close`. */
async function open(place: SinkPlace): Promise<Sink & AsyncDisposable> {
  const sink = await place.open();
  return {
    name: sink.name,
    write: (batch) => sink.write(batch),
    [Symbol.asyncDispose]: async () => await sink.close?.(),
  };
}

function numbered(from: number, count: number): Settled[] {
  return Array.from({ length: count }, (_, i) => classified(String(from + i).padStart(6, "0")));
}

async function writeAndClose(place: SinkPlace, batch: readonly Settled[]): Promise<void> {
  await using sink = await open(place);
  await sink.write(batch);
}

/** What a sink can do beyond the common cases. */
export interface SinkAbilities {
  /** Its places have a `spec`. */
  readonly inProcesses?: boolean;
  /** Its places can be interrupted. */
  readonly away?: boolean;
}

/**
 * Registers the cases that every sink must pass.
 *
 * @param kind The sink.
 * @param abilities Which further cases it must pass.
 */
export function testSink(kind: SinkKind, { inProcesses = false, away = false }: SinkAbilities = {}): void {
  const cases = { ...CASES, ...inProcesses && IN_PROCESSES, ...away && AWAY };
  for (const [name, run] of Object.entries(cases)) {
    Deno.test({
      name: `sink ${kind.name}: ${name}${kind.ignore === undefined ? "" : ` (skipped: ${kind.ignore})`}`,
      ignore: kind.ignore !== undefined,
      async fn() {
        await using place = await kind.create();
        await run(place, kind);
      },
    });
  }
}

/**
 * Two processes that write the same ids into one place at once, each in its own order.
 *
 * @param place Where.
 */
export async function writeTogether(place: SinkPlace): Promise<void> {
  const writers = [
    SinkWriter.start(place.spec!, { from: 0, count: 2_000, batch: 50 }),
    SinkWriter.start(place.spec!, { from: 1_999, count: 2_000, batch: 50, step: -1 }),
  ];
  for (const writer of writers) assertEquals(await writer.ended(), "");
  const ids = numbered(0, 2_000).map(({ result }) => `${result.id} classified`);
  assertEquals((await place.kept()).sort(), ids);
}
