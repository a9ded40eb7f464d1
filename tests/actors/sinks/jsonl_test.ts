import { SinkError } from "../../../actors/sinks/errors.ts";
import { jsonlSink, type JsonlSinkOptions } from "../../../actors/sinks/jsonl.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";
import { SinkWriter } from "../../fixtures/sink_writer.ts";
import { classified, failed } from "../../../testing/settled.ts";
import { type SinkPlace, testSink } from "./sink_suite.ts";

/** A file in a directory of its own. */
class Place implements SinkPlace {
  readonly path: string;
  readonly spec: string;
  constructor(readonly dir: string, readonly options: JsonlSinkOptions = {}) {
    this.path = `${dir}/results.jsonl`;
    this.spec = `jsonl:${this.path}`;
  }

  static async create(options: JsonlSinkOptions = {}): Promise<Place> {
    return new Place(await Deno.makeTempDir(), options);
  }

  open() {
    return jsonlSink(this.path, this.options);
  }

  /** Id and status of each line, of all files, the oldest first. */
  async lines(): Promise<string[]> {
    const texts = await Promise.all(
      (await this.files()).map((name) => Deno.readTextFile(`${this.dir}/${name}`)),
    );
    return texts.join("").split("\n").slice(0, -1).map((line) => JSON.parse(line))
      .map(({ id, status }) => `${id} ${status}`);
  }

  /** The last line of an id counts. */
  async kept(): Promise<string[]> {
    const whole = (await this.lines()).map((line) => /^(.*) (\w+)$/s.exec(line)!);
    return [...new Map(whole.map(([, id, status]) => [id, status]))].map(([id, status]) => `${id} ${status}`);
  }

  /** Names of the files with results, the oldest first. */
  async files(): Promise<string[]> {
    const names = (await Array.fromAsync(Deno.readDir(this.dir))).map(({ name }) => name);
    const number = (name: string) => Number(name.split(".")[2] ?? Infinity);
    return names.filter((name) => !name.endsWith(".lock")).sort((a, b) => number(a) - number(b));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.dir, { recursive: true });
  }
}

const COMMON = { name: "jsonl", idempotent: true, ordered: true };
testSink({ ...COMMON, create: () => Place.create() }, { inProcesses: true });
testSink({ ...COMMON, name: "jsonl, rotated", create: () => Place.create({ maxBytes: 5_000 }) });

Deno.test("sink jsonl: a line is the result as JSON", async () => {
  await using place = await Place.create();
  await using sink = await place.open();
  await sink.write([classified("a"), failed("b")]);
  const lines = (await Deno.readTextFile(place.path)).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines, [classified("a").result, failed("b").result]);
});

Deno.test("sink jsonl: a repeated result adds no line; a success after a failure adds one", async () => {
  await using place = await Place.create();
  for (let i = 0; i < 3; i++) {
    await using sink = await place.open();
    await sink.write([failed("a"), failed("a"), classified("b"), failed("b")]);
    await sink.write([classified("a")]);
  }
  assertEquals(await place.lines(), ["a failed", "b classified", "a classified"]);
});

Deno.test("sink jsonl: half a line of a killed process is truncated, and its result is written when it comes again", async () => {
  await using place = await Place.create();
  const [whole, half] = [classified("a"), classified("b")].map(({ result }) => JSON.stringify(result));
  for (const torn of [half!.slice(0, 40), half!, "\0".repeat(100)]) {
    await Deno.writeTextFile(place.path, `${whole}\n${torn}`);
    await using sink = await place.open();
    assertEquals(await Deno.readTextFile(place.path), `${whole}\n`);
    await sink.write([classified("a"), classified("b")]);
    assertEquals(await place.lines(), ["a classified", "b classified"]);
  }
});

Deno.test("sink jsonl: a damaged line between others is left alone", async () => {
  await using place = await Place.create();
  const line = JSON.stringify(classified("a").result);
  await Deno.writeTextFile(place.path, `${line}\n{"id": "da\0\n`);
  await using sink = await place.open();
  await sink.write([classified("a"), classified("b")]);
  const lines = (await Deno.readTextFile(place.path)).split("\n");
  assertEquals([lines[0], lines[1], JSON.parse(lines[2]!).id, lines.length], [line, '{"id": "da\0', "b", 4]);
});

Deno.test("sink jsonl: a full file is rotated before it exceeds its limit; larger numbers are newer", async () => {
  await using place = await Place.create({ maxBytes: 1_000 });
  await using sink = await place.open();
  for (const id of "abcdefgh") await sink.write([classified(id)]);
  const files = await place.files();
  assert(files.length >= 3, `there are ${files}`);
  assertEquals(files.slice(0, 2), ["results.jsonl.1", "results.jsonl.2"]);
  for (const name of files) assert((await Deno.stat(`${place.dir}/${name}`)).size <= 1_000);
  assertEquals(await place.lines(), [..."abcdefgh"].map((id) => `${id} classified`));
});

Deno.test("sink jsonl: the newest rotated files are kept, and numbers continue after a restart", async () => {
  await using place = await Place.create({ maxBytes: 1, keep: 2 });
  for (const ids of ["abcd", "ef"]) {
    await using sink = await place.open();
    for (const id of ids) await sink.write([classified(id)]);
  }
  assertEquals(await place.files(), ["results.jsonl.4", "results.jsonl.5", "results.jsonl"]);
  assertEquals(await place.lines(), ["d classified", "e classified", "f classified"]);
});

Deno.test("sink jsonl: after a restart the ids of rotated files are known, too", async () => {
  await using place = await Place.create({ maxBytes: 1 });
  for (let i = 0; i < 2; i++) {
    await using sink = await place.open();
    for (const id of "abcd") await sink.write([classified(id)]);
  }
  assertEquals((await place.files()).length, 4);
});

Deno.test("sink jsonl: at most `remember` ids are known", async () => {
  await using place = await Place.create({ remember: 2 });
  await using sink = await place.open();
  for (const id of "abca") await sink.write([classified(id)]);
  assertEquals((await place.lines()).length, 4);
});

Deno.test("sink jsonl: a file that was moved or removed is created again", async () => {
  await using place = await Place.create();
  await using sink = await place.open();
  await sink.write([classified("a")]);
  await Deno.rename(place.path, `${place.path}.moved`);
  await sink.write([classified("b")]);
  assertEquals((await Deno.readTextFile(place.path)).split("\n").length, 2);
  await Deno.remove(place.path);
  await Deno.remove(`${place.path}.moved`);
  await sink.write([classified("c")]);
  assertEquals(await place.lines(), ["c classified"]);
});

Deno.test("sink jsonl: a batch that cannot be written as a whole leaves nothing, and is written when it comes again", async () => {
  await using place = await Place.create();
  await using sink = await place.open();
  await sink.write([classified("a")]);
  const { write } = Deno.FsFile.prototype;
  // The device is full after 100 bytes.
  Deno.FsFile.prototype.write = async function (bytes) {
    await write.call(this, bytes.subarray(0, 100));
    throw new Error("No space left on device");
  };
  try {
    await assertRejects(() => sink.write([classified("b")]), Error, "No space left");
  } finally {
    Deno.FsFile.prototype.write = write;
  }
  assertEquals(await place.lines(), ["a classified"]);
  await sink.write([classified("b")]);
  assertEquals(await place.lines(), ["a classified", "b classified"]);
});

Deno.test("sink jsonl: write resolves only after an fsync; when that fails, the bytes are written again", async () => {
  await using place = await Place.create();
  await using sink = await place.open();
  const { sync } = Deno.FsFile.prototype;
  let failures = 1;
  let synced = 0;
  Deno.FsFile.prototype.sync = async function () {
    if (failures-- > 0) throw new Error("I/O error");
    await sync.call(this);
    synced = (await Deno.stat(place.path)).size;
  };
  try {
    await assertRejects(() => sink.write([classified("a")]), Error, "I/O error");
    assertEquals(await place.lines(), []);
    await sink.write([classified("a")]);
    assertEquals(synced, JSON.stringify(classified("a").result).length + 1);
  } finally {
    Deno.FsFile.prototype.sync = sync;
  }
});

Deno.test("sink jsonl: a second process on the same file is refused until the first has closed it or was killed", async () => {
  await using place = await Place.create();
  {
    await using _sink = await place.open();
    await assertRejects(() => place.open(), SinkError, "another service writes it");
    const other = SinkWriter.start(place.spec, { from: 0, count: 1, batch: 1 });
    assertEquals((await other.ended()).includes("another service writes it"), true);
  }
  const other = SinkWriter.start(place.spec, { from: 0, count: 100_000, batch: 1 });
  await other.stored(1);
  await assertRejects(() => place.open(), SinkError, "another service writes it");
  await other.kill();
  await (await place.open()).close();
});

Deno.test("sink jsonl: a file of another kind, a missing directory and invalid options are refused", async () => {
  await using place = await Place.create();
  await Deno.writeTextFile(place.path, "dear diary\n");
  await assertRejects(() => place.open(), SinkError, "its first line is not a result");
  await Deno.writeTextFile(place.path, '{"id": 1}\n');
  await assertRejects(() => place.open(), SinkError, "its first line is not a result");
  await assertRejects(
    () => jsonlSink(`${place.dir}/missing/r.jsonl`),
    SinkError,
    "r.jsonl: its directory does not exist",
  );
  for (const options of [{ maxBytes: 0 }, { keep: -1 }, { remember: 1.5 }]) {
    await assertRejects(() => jsonlSink(place.path, options), SinkError, "expected a whole number");
  }
});
