import { DatabaseSync } from "node:sqlite";
import { SinkError } from "../../../actors/sinks/errors.ts";
import { consoleSink } from "../../../actors/sinks/console.ts";
import { deadLettersSink } from "../../../actors/sinks/dead_letters.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import { resultsTopicSink } from "../../../actors/sinks/results_topic.ts";
import { sqliteSink } from "../../../actors/sinks/sqlite.ts";
import { decodeResult } from "../../../bus/envelope.ts";
import { createMemoryBroker } from "../../../bus/transport/memory.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import type { Message, OutgoingMessage, Transport } from "../../../bus/transport/transport.ts";
import { temporaryDirectory } from "../../../lib/temporary_directory.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../../testing/assert.ts";
import { classified, failed } from "../../../testing/settled.ts";
import { ACCURACY, FAILURES, JUDGED, THROUGHPUT, UNKNOWN } from "../../fixtures/judged_results.ts";
import { testSink, writeTogether } from "./sink_suite.ts";

async function createSqlite() {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/results.db`;
  return {
    open: () => sqliteSink(path),
    // deno-lint-ignore require-await -- node:sqlite is synchronous, the suite is not
    async kept() {
      using database = new DatabaseSync(path, { timeout: 5_000 });
      return database.prepare("SELECT id || ' ' || status AS kept FROM results ORDER BY id").all()
        .map(({ kept }) => String(kept));
    },
    spec: `sqlite:${path}`,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

testSink({ name: "sqlite", idempotent: true, ordered: false, create: createSqlite }, { inProcesses: true });

Deno.test("sink sqlite: two processes that write the same ids at once end with one row per id", async () => {
  await using place = await createSqlite();
  await writeTogether(place);
});

testSink({
  name: "console",
  idempotent: false,
  ordered: true,
  create() {
    let text = "";
    return Promise.resolve({
      open: () => consoleSink({ format: "json", write: (more) => void (text += more) }),
      kept: () =>
        Promise.resolve(text.trimEnd().split("\n").map((line) => JSON.parse(line)).map(idAndStatus)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
});

testSink({
  name: "results topic",
  idempotent: false,
  ordered: true,
  create() {
    const transport = createMemoryBroker().connect({ partitions: 1 });
    return Promise.resolve({
      open: () => resultsTopicSink(transport),
      kept: async () => (await readAll(transport, "imagebus.results")).map(decodeResult).map(idAndStatus),
      [Symbol.asyncDispose]: () => transport.close(),
    });
  },
});

function idAndStatus(result: { id: string; status: string } | null): string {
  return `${result?.id} ${result?.status}`;
}

/** Everything on a topic. */
async function readAll(transport: Transport, topic: string): Promise<Message[]> {
  const info = (await transport.topics()).find(({ name }) => name === topic);
  const count = info?.partitions.reduce((sum, { start, end }) => sum + end - start, 0) ?? 0;
  if (count === 0) return [];
  await using subscription = await transport.subscribe([topic]);
  const messages: Message[] = [];
  for await (const batch of subscription) if (messages.push(...batch.messages) >= count) break;
  return messages;
}

Deno.test("sink sqlite: a row holds every field of a result", async () => {
  const dir = await Deno.makeTempDir();
  await using sink = await sqliteSink(`${dir}/results.db`);
  await sink.write([classified("a"), failed("b")]);
  using database = new DatabaseSync(`${dir}/results.db`);
  const [a, b] = database.prepare("SELECT * FROM results ORDER BY id").all();
  const { top, ...rest } = a!;
  assertEquals(JSON.parse(String(top)), classified("a").result.top);
  assertEquals({ ...rest }, {
    id: "a",
    model: "fashion-mnist",
    model_version: "1.0.0",
    status: "classified",
    label: "Ankle boot",
    label_index: 9,
    confidence: 0.75,
    actual: "9",
    error_code: null,
    error_message: null,
    at: "2026-01-01T00:00:00.000Z",
    waited_ms: 1.5,
    took_ms: 2.5,
    file_name: "boots/9.png",
    unknown: 0,
    labelled_at: null,
  });
  assertEquals([b!["model"], b!["error_code"], b!["error_message"]], [null, "damaged", "why b failed"]);
});

Deno.test("sink sqlite: a file of an earlier version gets the columns that came later, and keeps its rows", async () => {
  await using directory = await temporaryDirectory("sink-test");
  const path = `${directory.path}/results.db`;
  {
    await using sink = await sqliteSink(path);
    await sink.write([classified("old")]);
  }
  {
    using database = new DatabaseSync(path);
    database.exec("DROP VIEW unknown_by_model");
    for (const column of ["file_name", "unknown", "labelled_at"]) {
      database.exec(`ALTER TABLE results DROP COLUMN ${column}`);
    }
  }
  await using sink = await sqliteSink(path);
  await sink.write([classified("new")]);
  using database = new DatabaseSync(path);
  const rows = database.prepare("SELECT id, file_name, unknown FROM results ORDER BY id").all();
  assertEquals(rows.map((row) => Object.values(row)), [["new", "boots/9.png", 0], ["old", null, null]]);
});

Deno.test("sink sqlite: a label that was recorded afterwards stays when a success replaces a failure", async () => {
  await using directory = await temporaryDirectory("sink-test");
  const path = `${directory.path}/results.db`;
  await using sink = await sqliteSink(path);
  await sink.write([failed("a"), failed("b")]);
  using database = new DatabaseSync(path);
  database.exec("UPDATE results SET actual = 'Bag', labelled_at = '2026-01-02' WHERE id = 'a'");
  await sink.write([classified("a"), classified("b")]);
  const rows = database.prepare("SELECT id, status, actual, labelled_at FROM results ORDER BY id").all();
  assertEquals(rows.map((row) => Object.values(row)), [
    ["a", "classified", "Bag", "2026-01-02"],
    ["b", "classified", "9", null],
  ]);
});

Deno.test("sink sqlite: the views show accuracy by label, unknown images, throughput by minute and failures by code", async () => {
  const dir = await Deno.makeTempDir();
  await using sink = await sqliteSink(`${dir}/results.db`);
  await sink.write(JUDGED);
  using database = new DatabaseSync(`${dir}/results.db`);
  const rows = (sql: string) => database.prepare(sql).all().map((row) => Object.values(row));
  assertEquals(rows("SELECT * FROM accuracy_by_label ORDER BY model, actual"), ACCURACY);
  assertEquals(rows("SELECT * FROM unknown_by_model ORDER BY model"), UNKNOWN);
  assertEquals(rows("SELECT * FROM throughput_by_minute ORDER BY minute, model"), THROUGHPUT);
  assertEquals(rows("SELECT * FROM failures_by_code ORDER BY error_code, model"), FAILURES);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("sink sqlite: another program's database, no database and a missing directory are refused", async () => {
  const dir = await Deno.makeTempDir();
  const foreign = new DatabaseSync(`${dir}/foreign.db`);
  foreign.exec("CREATE TABLE theirs (x)");
  foreign.close();
  await Deno.writeTextFile(`${dir}/text.db`, "this is a text, not a database. ".repeat(40));
  await assertRejects(
    () => sqliteSink(`${dir}/foreign.db`),
    SinkError,
    "it is the database of another program",
  );
  await assertRejects(() => sqliteSink(`${dir}/text.db`), SinkError, "Cannot open the results database");
  await assertRejects(
    () => sqliteSink(`${dir}/missing/results.db`),
    SinkError,
    "Cannot open the results database",
  );
  await Deno.remove(dir, { recursive: true });
});

Deno.test("sink console: the line of the legacy system for its records, else id, label or unknown, confidence and true label", async () => {
  let text = "";
  const sink = consoleSink({ write: (more) => void (text += more) });
  const seed = classified("a");
  const legacy = { ...seed, message: { ...seed.message, topic: "topic_fashion" } };
  const { actual: _, ...own } = classified("b").result;
  const forged = { ...own, id: "d\n\u001b[2Je" };
  const unknown = { ...own, unknown: true };
  const results = [own, forged, unknown].map((result) => ({ ...seed, result }));
  await sink.write([legacy, results[0]!, failed("c"), seed, ...results.slice(1)]);
  const [first, second, third, fourth, fifth, sixth] = text.split("\n");
  assertEquals(first, "Prediction: 9 Actual: 9");
  assertMatch(second!, /b +fashion-mnist +Ankle boot +75\.0 %/);
  assertMatch(third!, /c +- +failed +damaged: why c failed/);
  assertMatch(fourth!, /^a +fashion-mnist +Ankle boot +75\.0 % +actual 9 +boots\/9.png$/);
  assertMatch(fifth!, /^d\\u000a\\u001b\[2Je +fashion-mnist/);
  assertMatch(sixth!, /b +fashion-mnist +unknown \(Ankle boot +75\.0 %\)/);
});

Deno.test("sink results topic: a result is also sent to the reply topic of its request", async () => {
  await using transport = createMemoryBroker().connect();
  const settled = classified("a");
  await resultsTopicSink(transport).write([{
    ...settled,
    origin: { ...settled.origin, replyTo: "answers" },
  }]);
  for (const topic of ["imagebus.results", "answers"]) {
    assertEquals((await readAll(transport, topic)).map(decodeResult), [settled.result]);
  }
});

Deno.test("sink dead letters: key, bytes and headers of the request are stored, with the reason", async () => {
  await using transport = createMemoryBroker().connect();
  const settled = failed("a");
  await deadLettersSink(transport).write([classified("b"), settled, failed("c", "expired")]);
  const [letter, ...others] = await readAll(transport, "imagebus.dead-letters");
  assertEquals(others, []);
  assert(letter);
  assertEquals([letter.key, [...letter.value]], [settled.message.key, [...settled.message.value]]);
  for (const [name, value] of Object.entries(settled.message.headers)) {
    assertEquals(letter.headers[name]?.toString(), value.toString());
  }
  assertEquals(letter.headers["imagebus_reason_code"], "damaged");
  assertEquals(letter.headers["imagebus_reason"], "why a failed");
  assertEquals(letter.headers["imagebus_topic"], "imagebus.fashion-mnist");
  assertEquals(letter.headers["imagebus_offset"], "5");
});

Deno.test("sink results topic: a result that does not fit even without key and headers goes without the texts of its sender", async () => {
  await using transport = createMemoryBroker().connect({ maxMessageBytes: 10_000 });
  const { result, ...settled } = classified("a");
  const long = { ...result, fileName: "x".repeat(20_000) };
  await resultsTopicSink(transport).write([{ ...settled, result: long }]);
  const { actual: _actual, fileName: _fileName, ...rest } = result;
  assertEquals((await readAll(transport, "imagebus.results")).map(decodeResult), [rest]);
});

Deno.test("sink results topic: a reply topic that the bus refuses stops nobody else", async () => {
  await using transport = createMemoryBroker().connect();
  const refusing: Transport = Object.assign(Object.create(transport), {
    send: (topic: string, ...rest: [OutgoingMessage[]]) =>
      topic === "forbidden"
        ? Promise.reject(new BusError("denied", "no right"))
        : transport.send(topic, ...rest),
  });
  const settled = classified("a");
  const asked = { ...settled, origin: { ...settled.origin, replyTo: "forbidden" } };
  const events: ServiceEvent[] = [];
  await resultsTopicSink(refusing, (event) => events.push(event)).write([asked, classified("b")]);
  assertEquals(events, [{ type: "reply_refused", topic: "forbidden", reason: "no right" }]);
  assertEquals((await readAll(transport, "imagebus.results")).map((message) => decodeResult(message)?.id), [
    "a",
    "b",
  ]);
});

Deno.test("sink sqlite: a file that another program has locked does not block the thread", async () => {
  await using directory = await temporaryDirectory("sinks");
  const path = `${directory.path}/results.db`;
  await using sink = await sqliteSink(path);
  using locker = new DatabaseSync(path);
  locker.exec("BEGIN IMMEDIATE");
  const writing = sink.write([classified("a")]);
  // If the thread were blocked, the lock would not be released before the sink gives up.
  await new Promise((resolve) => setTimeout(resolve, 100));
  locker.exec("ROLLBACK");
  await writing;
  assertEquals(locker.prepare("SELECT id FROM results").all().length, 1);
});

Deno.test("sink sqlite: once the disk has refused a sync it is asked again, and what it did not take is written again", async () => {
  await using directory = await temporaryDirectory("sinks");
  const path = `${directory.path}/results.db`;
  const { syncData } = Deno.FsFile.prototype;
  try {
    await using sink = await sqliteSink(path);
    Deno.FsFile.prototype.syncData = () => Promise.reject(new Error("No space left on device"));
    await assertRejects(() => sink.write([classified("a")]), Error, "No space");
    Deno.FsFile.prototype.syncData = syncData;
    await sink.write([classified("a"), classified("b")]);
    assertEquals((await Deno.stat(`${path}-wal`)).size, 0, "all is in the database file");
    await sink.write([classified("c")]);
  } finally {
    Deno.FsFile.prototype.syncData = syncData;
  }
});
