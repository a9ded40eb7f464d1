import type { Settled, Sink } from "../../../actors/sinks/sink.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";
import { SinkWriter } from "../../fixtures/sink_writer.ts";
import { classified, failed } from "../../../testing/settled.ts";

/** Where the results of one case are stored. */
export interface SinkPlace extends AsyncDisposable {
  /** Opens a sink; may be called again after the first was closed. */
  open(): Promise<Sink> | Sink;
  /** Id and status of what is stored, in the order in which it is read; of the last entry per id. */
  kept(): Promise<string[]>;
  /** Its value of `--sink`, where other processes can write it. */
  readonly spec?: string;
  /** Makes it unavailable: nothing can be written. */
  interrupt?(): Promise<void>;
  /** Makes it available again. */
  resume?(): Promise<void>;
}

/** A kind of sink, and what it promises. */
export interface SinkKind {
  readonly name: string;
  /** Whether it ends with one entry per id; a log only appends. */
  readonly idempotent: boolean;
  /** Whether it keeps the order in which results were written. */
  readonly ordered: boolean;
  /** Why its cases are skipped; `undefined` where they are not. */
  readonly ignore?: string | undefined;
  create(): Promise<SinkPlace>;
}

type Case = (place: SinkPlace, kind: SinkKind) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "results of both kinds are stored when write has resolved": async (place) => {
    await using sink = await open(place);
    await sink.write([classified("a"), failed("b"), failed("c", "expired")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b failed", "c failed"]);
  },
  "a batch of a thousand is stored, and five batches of 500": async (place, { ordered }) => {
    await using sink = await open(place);
    await sink.write(numbered(0, 1_000));
    for (let i = 0; i < 5; i++) await sink.write(numbered(1_000 + 500 * i, 500));
    const kept = await place.kept();
    assertEquals(
      ordered ? kept : kept.sort(),
      numbered(0, 3_500).map(({ result }) => `${result.id} classified`),
    );
  },
  "what was stored is there after reopening": async (place) => {
    await writeAndClose(place, [classified("a")]);
    await writeAndClose(place, [classified("b")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b classified"]);
  },
  "the same batch twice is one entry per id, also after reopening": async (place, { idempotent }) => {
    const batch = [classified("a"), failed("b")];
    for (let i = 0; i < 2; i++) await writeAndClose(place, [...batch, ...batch]);
    assertEquals((await place.kept()).length, idempotent ? 2 : 8);
  },
  "a success replaces a failure, never the other way round": async (place, { idempotent }) => {
    await using sink = await open(place);
    for (const settled of [failed("a"), classified("a"), failed("a")]) await sink.write([settled]);
    if (idempotent) assertEquals(await place.kept(), ["a classified"]);
    else assertEquals(await place.kept(), ["a failed", "a classified", "a failed"]);
  },
  "a failure and a success of one id in one batch end as the success": async (place, { idempotent }) => {
    await using sink = await open(place);
    await sink.write([failed("a"), classified("a"), classified("b"), failed("b")]);
    if (idempotent) assertEquals((await place.kept()).sort(), ["a classified", "b classified"]);
  },
  "text of any kind and length is stored": async (place) => {
    await using sink = await open(place);
    const ids = ["Größe 👢", 'it\'s "quoted"\\', "two\nlines\r\n", "$1, {a,b}; --", "x".repeat(256)];
    await sink.write(ids.map((id) => classified(id)));
    const long = failed("long");
    const message = "é👢\n".repeat(100_000);
    await sink.write([{ ...long, result: { ...long.result, error: { code: "damaged", message } } }]);
    const expected = [...ids.map((id) => `${id} classified`), "long failed"];
    assertEquals((await place.kept()).sort(), expected.sort());
  },
  "NUL and half of a surrogate pair do not keep a batch from being stored": async (
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
  "a killed writer has stored what it reported, and nothing is duplicated when it comes again": async (
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

const INTERRUPTED: Readonly<Record<string, Case>> = {
  "it rejects while its server is unavailable; afterwards the same batch is stored once": async (place) => {
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

/** Opens a sink that is closed at the end of the case, where it has a `close`. */
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

/** Which further cases a sink must pass. */
export interface SinkAbilities {
  /** Its places have a `spec`. */
  readonly inProcesses?: boolean;
  /** Its places can be interrupted. */
  readonly interrupts?: boolean;
}

/**
 * Registers the cases that every sink must pass.
 *
 * @param kind The sink.
 * @param abilities Which further cases it must pass.
 */
export function testSink(
  kind: SinkKind,
  { inProcesses = false, interrupts = false }: SinkAbilities = {},
): void {
  const cases = { ...CASES, ...inProcesses && IN_PROCESSES, ...interrupts && INTERRUPTED };
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
 * Lets two processes write the same ids into one place at once, each in its own order.
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
