import type { Settled, Sink } from "../actors/sinks/sink.ts";
import { assertEquals } from "./assert.ts";
import { classified, failed } from "./settled.ts";

/** One place where results are kept, for one case. */
export interface SinkPlace extends AsyncDisposable {
  /** Opens a sink on it; may be called again after the first was closed. */
  open(): Promise<Sink> | Sink;
  /** What is kept, in the order it is read: id and status of each. */
  kept(): Promise<string[]>;
}

/** A kind of sink, and what it promises. */
export interface SinkKind {
  readonly name: string;
  /** Whether it ends with one entry an id; a log only appends. */
  readonly idempotent: boolean;
  create(): Promise<SinkPlace>;
}

type Case = (place: SinkPlace, kind: SinkKind) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "results of both kinds are kept when write has resolved": async (place) => {
    await using sink = await place.open();
    await sink.write([classified("a"), failed("b")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b failed"]);
  },
  "a thousand at once are all kept": async (place) => {
    await using sink = await place.open();
    const batch = Array.from({ length: 1_000 }, (_, i) => classified(String(i).padStart(4, "0")));
    await sink.write(batch);
    assertEquals((await place.kept()).sort(), batch.map(({ result }) => `${result.id} classified`));
  },
  "what was kept is there after closing and opening again": async (place) => {
    await writeAndClose(place, [classified("a")]);
    await writeAndClose(place, [classified("b")]);
    assertEquals((await place.kept()).sort(), ["a classified", "b classified"]);
  },
  "the same batch twice is one entry an id": async (place, { idempotent }) => {
    await using sink = await place.open();
    for (let i = 0; i < 2; i++) await sink.write([classified("a"), failed("b")]);
    assertEquals((await place.kept()).length, idempotent ? 2 : 4);
  },
  "a failure gives way to a success, never the other way round": async (place, { idempotent }) => {
    await using sink = await place.open();
    for (const settled of [failed("a"), classified("a"), failed("a")]) await sink.write([settled]);
    if (idempotent) assertEquals(await place.kept(), ["a classified"]);
    else assertEquals(await place.kept(), ["a failed", "a classified", "a failed"]);
  },
};

async function writeAndClose(place: SinkPlace, batch: readonly Settled[]): Promise<void> {
  await using sink = await place.open();
  await sink.write(batch);
}

/**
 * Registers the cases that every sink must pass.
 *
 * @param kind The sink.
 */
export function testSink(kind: SinkKind): void {
  for (const [name, run] of Object.entries(CASES)) {
    Deno.test(`sink ${kind.name}: ${name}`, async () => {
      await using place = await kind.create();
      await run(place, kind);
    });
  }
}
