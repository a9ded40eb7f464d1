import { DatabaseSync } from "node:sqlite";
import { postgresSink } from "../../actors/sinks/postgres.ts";
import type { ClosableSink, Settled } from "../../actors/sinks/sink.ts";
import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { UsageError } from "../../cli/command.ts";
import { followResults } from "../../cli/commands/results/follow.ts";
import type { Selection } from "../../cli/stored_results/selection.ts";
import { openResults, type StoredResults } from "../../cli/stored_results/stored_results.ts";
import type { Classified } from "../../bus/result.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertRejects } from "../../testing/assert.ts";
import { createSchema, NO_POSTGRES, serverOfTests } from "../../testing/brokers/test_postgres.ts";
import { classified, failed } from "../../testing/settled.ts";

const server = await serverOfTests();

/** A place of results, empty. */
interface Place extends AsyncDisposable {
  readonly place: string;
  readonly sink: ClosableSink;
}

async function sqlitePlace(): Promise<Place> {
  const directory = await temporaryDirectory("results-test");
  const place = `${directory.path}/results.db`;
  const sink = await sqliteSink(place);
  return { place, sink, [Symbol.asyncDispose]: () => disposeAll(sink, directory) };
}

async function postgresPlace(): Promise<Place> {
  const place = await createSchema(server!);
  const sink = await postgresSink(place);
  return { place, sink, [Symbol.asyncDispose]: () => disposeAll(sink) };
}

async function disposeAll(...all: readonly AsyncDisposable[]): Promise<void> {
  for (const one of all) await one[Symbol.asyncDispose]();
}

function testBoth(name: string, fn: (place: Place) => Promise<void>): void {
  Deno.test(`results in sqlite: ${name}`, async () => {
    await using place = await sqlitePlace();
    await fn(place);
  });
  const skipped = NO_POSTGRES === undefined ? "" : ` (skipped: ${NO_POSTGRES})`;
  Deno.test({
    name: `results in postgres: ${name}${skipped}`,
    ignore: skipped !== "",
    async fn() {
      await using place = await postgresPlace();
      await fn(place);
    },
  });
}

function open({ place }: Place, writable = false): Promise<StoredResults> {
  return openResults({ operands: [], typed: [], sources: new Map(), values: { results: place } }, writable);
}

type Fields = Partial<Classified>;

function settled(id: string, second: number, fields: Fields = {}): Settled {
  const { result, ...rest } = classified(id);
  const at = `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;
  return { ...rest, result: { ...result, at, ...fields } as Settled["result"] };
}

const ROWS: readonly Settled[] = [
  settled("right by index", 1, { unknown: true }),
  settled("right by name", 2, { actual: "Ankle boot", confidence: 0.5 }),
  settled("wrong", 3, { actual: "8" }),
  settled("other", 4, { label: "Bag", index: 8, actual: "9", model: "bags" }),
  { ...failed("failed"), result: { ...failed("failed").result, at: "2026-01-01T00:00:05.000Z" } },
];

async function idsOf(results: StoredResults, selection: Selection, limit?: number): Promise<string[]> {
  const pages = await Array.fromAsync(results.pages(selection, limit));
  return pages.flat().map(({ id }) => id);
}

testBoth("each option selects, and several select what fits all", async (place) => {
  await place.sink.write(ROWS);
  await using results = await open(place);
  const all = ROWS.map(({ result }) => result.id);
  const cases: readonly [Selection, readonly string[]][] = [
    [{}, all],
    [{ ids: ["failed", "wrong", "missing"] }, ["wrong", "failed"]],
    [{ since: new Date("2026-01-01T00:00:04Z") }, ["other", "failed"]],
    [{ model: "bags" }, ["other"]],
    [{ label: "Ankle boot" }, all.slice(0, 3)],
    [{ below: 0.6 }, ["right by name"]],
    [{ failed: true }, ["failed"]],
    [{ unknown: true }, ["right by index"]],
    [{ wrong: true }, ["wrong", "other"]],
    [{ labelled: true }, all.slice(0, 4)],
    [{ wrong: true, model: "fashion-mnist", since: new Date("2026-01-01T00:00:02Z") }, ["wrong"]],
    [{ before: "wrong" }, all.slice(0, 2)],
    [{ before: "missing" }, []],
  ];
  for (const [selection, ids] of cases) assertEquals(await idsOf(results, selection), ids);
  assertEquals(await idsOf(results, {}, 2), ["other", "failed"]);
  assertEquals(await idsOf(results, { before: "other" }, 2), ["right by name", "wrong"]);
  assertEquals(
    await results.statuses(["failed", "wrong", "missing"]),
    new Map([["failed", "failed"], ["wrong", "classified"]]),
  );
});

testBoth("thousands are read page by page, in order, also those of the same time", async (place) => {
  const ids = Array.from({ length: 2_500 }, (_, i) => String(i).padStart(5, "0"));
  await place.sink.write(ids.map((id) => settled(id, Number(id) % 2)));
  await using results = await open(place);
  const read = await idsOf(results, {});
  assertEquals(read, ids.toSorted((a, b) => Number(a) % 2 - Number(b) % 2 || Number(a) - Number(b)));
  assertEquals(await idsOf(results, {}, 1_200), read.slice(-1_200));
});

testBoth("pairs count how images of each true label were classified", async (place) => {
  await place.sink.write([...ROWS, settled("wrong again", 6, { actual: "8" })]);
  await using results = await open(place);
  const pairs = await results.pairs({ model: "fashion-mnist" });
  assertEquals(pairs.map(({ actual, label, correct, images }) => [actual, label, correct, images]), [
    ["8", "Ankle boot", false, 2],
    ["9", "Ankle boot", true, 1],
    ["Ankle boot", "Ankle boot", true, 1],
  ]);
});

testBoth("a true label is recorded, and judged like that of a sender", async (place) => {
  await place.sink.write(ROWS);
  await using results = await open(place, true);
  await results.label(["right by index", "failed"], "Bag");
  assertEquals(await idsOf(results, { wrong: true }), ["right by index", "wrong", "other"]);
  const [row] = (await Array.fromAsync(results.pages({ ids: ["failed"] }))).flat();
  assertEquals([row?.actual, Number.isNaN(Date.parse(String(row?.["labelled_at"])))], ["Bag", false]);
});

testBoth(
  "following shows what is there, and each later result once, also one that is stored late",
  async (place) => {
    await place.sink.write(ROWS);
    await using results = await open(place);
    const following = followResults(results, { label: "Ankle boot" }, 1)[Symbol.asyncIterator]();
    const next = async () => (await following.next()).value!.map(({ id }) => id);
    assertEquals(await next(), ["wrong"]);
    const later = next();
    await place.sink.write([
      settled("late", 2),
      settled("new", 6),
      settled("of another label", 7, { label: "Bag" }),
    ]);
    assertEquals(await later, ["late", "new"]);
  },
);

Deno.test("results in sqlite: a file of an earlier version is read as it is, and gets its columns before a label", async () => {
  await using place = await sqlitePlace();
  await place.sink.write(ROWS);
  {
    using database = new DatabaseSync(place.place);
    database.exec("ALTER TABLE results DROP COLUMN labelled_at");
  }
  await using results = await open(place);
  assertEquals(await idsOf(results, { wrong: true }), ["wrong", "other"]);
  await using writable = await open(place, true);
  await writable.label(["wrong"], "Ankle boot");
  assertEquals(await idsOf(results, { wrong: true }), ["other"]);
});

Deno.test({
  name: "results in postgres: a database without results is refused",
  ignore: NO_POSTGRES !== undefined,
  async fn() {
    const url = await createSchema(server!);
    await assertRejects(
      () => open({ place: url } as Place),
      UsageError,
      "has no results; imagebus worker creates their tables",
    );
  },
});
