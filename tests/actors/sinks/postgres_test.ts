import { SinkError } from "../../../actors/sinks/errors.ts";
import { postgresSink } from "../../../actors/sinks/postgres.ts";
import { Bus } from "../../../bus/bus.ts";
import { openTransport } from "../../../bus/connect.ts";
import { parseAddress } from "../../../actors/sinks/postgres/address.ts";
import { connectTo } from "../../../actors/sinks/postgres/connection.ts";
import { type PostgresServer, startStandby } from "../../../testing/brokers/postgres.ts";
import { WorkerProcess } from "../../../testing/harness/worker_process.ts";
import { assert, assertEquals, assertRejects } from "../../../testing/assert.ts";
import { ACCURACY, FAILURES, JUDGED, THROUGHPUT, UNKNOWN } from "../../fixtures/judged_results.ts";
import {
  createDatabase,
  createSchema,
  NO_POSTGRES,
  query,
  serverOfTests,
} from "../../../testing/brokers/test_postgres.ts";
import { imagesOf } from "../../../testing/images.ts";
import { classified, failed } from "../../../testing/settled.ts";
import { models } from "../../../cli/commands/models/models.ts";
import { openPostgres } from "../../../cli/stored_results/postgres.ts";
import { printed, run } from "../../fixtures/command_output.ts";
import { type SinkPlace, testSink, writeTogether } from "./sink_suite.ts";

const running = await serverOfTests();

function testPostgres(name: string, fn: (server: PostgresServer) => Promise<void>): void {
  const skipped = NO_POSTGRES === undefined ? "" : ` (skipped: ${NO_POSTGRES})`;
  Deno.test({ name: `sink postgres: ${name}${skipped}`, ignore: skipped !== "", fn: () => fn(running!) });
}

function databaseOf(url: string): string {
  return url.split("/").at(-1)!;
}

async function createPlace(server: PostgresServer): Promise<SinkPlace> {
  const url = await createSchema(server);
  return {
    open: () => postgresSink(url),
    async kept() {
      const rows = await query(url, "SELECT id, status FROM imagebus_results");
      return rows.map(({ id, status }) => `${id} ${status}`);
    },
    spec: url,
    interrupt: () => server.stop(),
    resume: () => server.start(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

testSink({
  name: "postgres",
  idempotent: true,
  ordered: false,
  ignore: NO_POSTGRES,
  create: () => createPlace(running!),
}, { inProcesses: true, interrupts: true });

testPostgres("two processes that write the same ids at once end with one row per id", async (server) => {
  await writeTogether(await createPlace(server));
});

testPostgres("a row holds every field of a result", async (server) => {
  const url = await createSchema(server);
  await using sink = await postgresSink(url);
  await sink.write([classified("a"), failed("b")]);
  const [a, b] = await query(url, "SELECT * FROM imagebus_results ORDER BY id");
  assertEquals(a, {
    id: "a",
    model: "fashion-mnist",
    model_version: "1.0.0",
    status: "classified",
    label: "Ankle boot",
    label_index: 9,
    confidence: 0.75,
    top: [...classified("a").result.top],
    actual: "9",
    error_code: null,
    error_message: null,
    at: new Date("2026-01-01T00:00:00.000Z"),
    waited_ms: 1.5,
    took_ms: 2.5,
    file_name: "boots/9.png",
    unknown: false,
    labelled_at: null,
  });
  assertEquals([b!["model"], b!["error_code"], b!["error_message"]], [null, "damaged", "why b failed"]);
});

testPostgres(
  "a label that was recorded afterwards stays when a success replaces a failure",
  async (server) => {
    const url = await createSchema(server);
    await using sink = await postgresSink(url);
    await sink.write([failed("a"), failed("b")]);
    await query(url, "UPDATE imagebus_results SET actual = 'Bag', labelled_at = now() WHERE id = 'a'");
    await sink.write([classified("a"), classified("b")]);
    const rows = await query(url, "SELECT status, actual FROM imagebus_results ORDER BY id");
    assertEquals(rows.map((row) => Object.values(row)), [["classified", "Bag"], ["classified", "9"]]);
  },
);

testPostgres(
  "a schema of an earlier version gets the columns that came later, and keeps its rows",
  async (server) => {
    const url = await createSchema(server);
    {
      await using sink = await postgresSink(url);
      await sink.write([classified("old")]);
    }
    await query(
      url,
      `DROP VIEW imagebus_unknown_by_model;
      ALTER TABLE imagebus_results DROP COLUMN file_name, DROP COLUMN unknown, DROP COLUMN labelled_at;
      DROP TABLE imagebus_comparisons;
      UPDATE imagebus_schema SET version = 1`,
    );
    await using sink = await postgresSink(url);
    await sink.write([classified("new")]);
    const rows = await query(url, "SELECT id, file_name, unknown FROM imagebus_results ORDER BY id");
    assertEquals(rows, [
      { id: "new", file_name: "boots/9.png", unknown: false },
      { id: "old", file_name: null, unknown: null },
    ]);
  },
);

testPostgres(
  "comparisons are kept once each, beside the results that are written meanwhile",
  async (server) => {
    const url = await createSchema(server);
    await using sink = await postgresSink(url);
    const comparison = {
      ...{ id: "a\0", model: "m", actual: null, at: "2026-01-01T00:00:00.000Z" },
      served: { version: "1.0.0", label: "x", confidence: 0.5 },
      other: { version: "2.0.0", label: null, confidence: null },
    };
    await Promise.all([sink.compare!([comparison]), sink.write([classified("a")])]);
    await sink.compare!([comparison, { ...comparison, id: "b" }]);
    const rows = await query(url, "SELECT * FROM imagebus_comparisons ORDER BY id");
    assertEquals(rows.map(({ id }) => id), ["a\ufffd", "b"]);
    const { id: _, ...row } = rows[0]!;
    assertEquals(row, {
      ...{ model: "m", actual: null, version: "1.0.0", label: "x", confidence: 0.5 },
      ...{ other_version: "2.0.0", other_label: null, other_confidence: null },
      at: new Date("2026-01-01T00:00:00.000Z"),
    });
  },
);

testPostgres("models compare reads them", async (server) => {
  const url = await createSchema(server);
  const read = () => printed(() => run(models, ["compare", "m", "--results", url, "--json"]));
  {
    await using sink = await postgresSink(url);
    const served = { version: "1.0.0", label: "x", confidence: 0.5 };
    const compared = { id: "a", model: "m", actual: "x", served, at: "2026-01-01T00:00:00.000Z" };
    await sink.compare!([{ ...compared, other: { ...served, version: "2.0.0" } }]);
  }
  const [line] = await read();
  const { images, agreement, servedAccuracy } = JSON.parse(line!);
  assertEquals([images, agreement.value, servedAccuracy.value], [1, 1, 1]);
  await query(url, "DROP TABLE imagebus_comparisons; UPDATE imagebus_schema SET version = 4");
  assertEquals(await read(), [""]);
});

testPostgres("NUL and half of a surrogate pair are stored as U+FFFD", async (server) => {
  const url = await createSchema(server);
  await using sink = await postgresSink(url);
  const { result, ...rest } = classified("a\0");
  const label = "\0 \ud83d";
  const top = [{ label, index: 0, confidence: 1 }];
  await sink.write([{ ...rest, result: { ...result, label, top } }, classified("a\ufffd")]);
  const rows = await query(url, "SELECT id, label, top->0->>'label' AS best FROM imagebus_results");
  assertEquals(rows, [{ id: "a\ufffd", label: "\ufffd \ufffd", best: "\ufffd \ufffd" }]);
});

const TEXTS = [
  "",
  "NULL",
  "null",
  '"',
  "\\",
  '\\"',
  "\\n",
  "\\u0000",
  "\n\t\r",
  "\u0001",
  "{a,b}",
  " a, b ",
  "é 数 😀",
  "'; --",
];

for (const [batch, further] of [["a quick batch", ""], ["a batch with a control character", "\b"]] as const) {
  testPostgres(`any text is stored as it is, in ${batch}`, async (server) => {
    const url = await createSchema(server);
    await using sink = await postgresSink(url);
    const needsNoEscape = (text: string) => !/\\[^"\\]/.test(JSON.stringify(text));
    const texts = further ? [...TEXTS, further] : TEXTS.filter(needsNoEscape);
    const rows = texts.map((label) => ({ id: `id ${label}`, label, error_code: null, best: label }));
    const { result, ...rest } = classified("a");
    await sink.write(rows.map(({ id, label }) => ({
      ...rest,
      result: { ...result, id, label, top: [{ label, index: 0, confidence: 1 }] },
    })));
    const columns = "id, label, error_code, top->0->>'label' AS best";
    const stored = await query(url, `SELECT ${columns} FROM imagebus_results`);
    const byId = (rows: readonly Record<string, unknown>[]) => new Map(rows.map((row) => [row.id, row]));
    assertEquals(byId(stored), byId(rows));
  });
}

testPostgres(
  "the views show accuracy by label, unknown images, throughput by minute and failures by code",
  async (server) => {
    const url = await createSchema(server);
    await using sink = await postgresSink(url);
    await sink.write(JUDGED);
    const rows = async (columns: string, view: string, order: string) =>
      (await query(url, `SELECT ${columns} FROM ${view} ORDER BY ${order} NULLS FIRST`)).map(Object.values);
    const times = (texts: (string | number | null)[][]) =>
      texts.map((row) => row.map((cell) => /^\d{4}-/.test(String(cell)) ? new Date(cell!) : cell));
    assertEquals(
      await rows(
        "model, model_version, actual, images::integer, correct::integer, accuracy",
        "imagebus_accuracy_by_label",
        'model, actual COLLATE "C"',
      ),
      ACCURACY,
    );
    assertEquals(
      await rows(
        "model, model_version, images::integer, unknown::integer, share",
        "imagebus_unknown_by_model",
        "model",
      ),
      UNKNOWN,
    );
    assertEquals(
      await rows(
        "minute, model, images::integer, failed::integer, mean_waited_ms, max_waited_ms, mean_took_ms",
        "imagebus_throughput_by_minute",
        "minute, model",
      ),
      times(THROUGHPUT),
    );
    assertEquals(
      await rows(
        "error_code, model, images::integer, first_at, last_at",
        "imagebus_failures_by_code",
        "error_code",
      ),
      times(FAILURES),
    );
  },
);

testPostgres(
  "ten sinks that open at once on an empty database create one schema; a later one changes nothing",
  async (server) => {
    const url = await createSchema(server);
    const sinks = await Promise.all(Array.from({ length: 10 }, () => postgresSink(url)));
    await Promise.all(sinks.map((sink, i) => sink.write([classified("same"), classified(`of ${i}`)])));
    await Promise.all(sinks.map((sink) => sink.close()));
    await (await postgresSink(url)).close();
    const [counts] = await query(
      url,
      `SELECT (SELECT count(*)::integer FROM imagebus_results) AS results, count(*)::integer AS rows, max(version) AS version
     FROM imagebus_schema`,
    );
    assertEquals(counts, { results: 11, rows: 1, version: 5 });
  },
);

testPostgres(
  "two sinks that store the same results at once in opposite orders do not deadlock",
  async (server) => {
    const url = await createSchema(server);
    await using one = await postgresSink(url);
    await using other = await postgresSink(url);
    for (let round = 0; round < 20; round++) {
      const batch = Array.from({ length: 1_000 }, (_, i) => classified(`${round}-${i}`));
      await Promise.all([one.write(batch), other.write(batch.toReversed())]);
    }
  },
);

testPostgres(
  "sinks that open at once create one schema where transactions are serializable by default",
  async (server) => {
    const url = await createDatabase(server);
    await query(
      server.url,
      `ALTER DATABASE ${databaseOf(url)} SET default_transaction_isolation = serializable`,
    );
    const sinks = await Promise.all(Array.from({ length: 5 }, () => postgresSink(url)));
    await Promise.all(sinks.map((sink) => sink.close()));
  },
);

testPostgres("a schema may have any name", async (server) => {
  for (const name of ["team.images", 'the "best"', "Mixed Case", "50%"]) {
    const schema = `"${name.replaceAll('"', '""')}"`;
    await query(server.url, `CREATE SCHEMA ${schema}`);
    const url = `${server.url}?search_path=${encodeURIComponent(name)}`;
    await using sink = await postgresSink(url);
    const comparison = {
      ...{ id: "a", model: "m", actual: null, at: "2026-01-01T00:00:00.000Z" },
      served: { version: "1.0.0", label: "x", confidence: 0.5 },
      other: { version: "2.0.0", label: "x", confidence: 0.5 },
    };
    await Promise.all([sink.write([classified("a")]), sink.compare!([comparison])]);
    await using stored = (await openPostgres(url, true))!;
    assertEquals([...await stored.all(`SELECT id FROM ${stored.table}`, [])], [{ id: "a" }]);
    assertEquals((await query(server.url, `SELECT id FROM ${schema}.imagebus_comparisons`)).length, 1);
  }
});

testPostgres("a table that was dropped is created again", async (server) => {
  const url = await createSchema(server);
  await using sink = await postgresSink(url);
  await query(url, "DROP TABLE imagebus_results CASCADE; DROP TABLE imagebus_schema");
  await assertRejects(() => sink.write([classified("a")]), SinkError, "imagebus_results");
  await sink.write([classified("a")]);
  assertEquals((await query(url, "SELECT id FROM imagebus_results")).length, 1);
});

testPostgres(
  "what the user must fix is refused when it opens, without the password in the message",
  async (server) => {
    const url = await createDatabase(server);
    const database = url.split("/").at(-1)!;
    await query(server.url, `CREATE ROLE weak_${database} LOGIN PASSWORD 'weak'`);
    await query(url, "CREATE SCHEMA taken; CREATE TABLE taken.imagebus_results (x integer)");
    const latin = await createDatabase(server, "ENCODING 'LATIN1' TEMPLATE template0");
    const later = await createDatabase(server);
    await query(
      later,
      "CREATE TABLE imagebus_schema (version integer); INSERT INTO imagebus_schema VALUES (99)",
    );
    const weak = url.replace(/\/\/[^@]+@/, `//weak_${database}:weak@`);
    const cases: [string, string][] = [
      [
        url.replace(/:[^:@]+@/, ":wrong-one@"),
        'as "postgres": password authentication failed',
      ],
      [url.replace(/:\/\/postgres/, "://nobody"), 'as "nobody": '],
      [url.replace(database, "no_such"), 'has no database "no_such"'],
      [weak, `User "weak_${database}" may not create or write the results in database "${database}"`],
      [`${url}?search_path=nowhere`, "may not create or write the results"],
      [
        `${url}?search_path=taken`,
        'has a table of another program: relation "imagebus_results" already exists',
      ],
      [latin, "has the encoding LATIN1: expected UTF8"],
      [later, "are of a later imagebus (schema 99, here 5)"],
      [`${url}?channel_binding=require`, "does not know a parameter of the URL: unrecognized configuration"],
      ["postgres://me:secret-one@host:port/db", "Invalid URL of a PostgreSQL database"],
      ["postgres://me:secret%one@host/db", "Invalid URL of a PostgreSQL database"],
      ["mysql://me:secret-one@host/db", "Invalid URL of a PostgreSQL database"],
    ];
    for (const [wrong, message] of cases) {
      const error = await assertRejects(() => postgresSink(wrong), SinkError, message);
      assertEquals([error.code, error.retriable], ["invalid", false], error.message);
      assert(!/secret|wrong-one/.test(`${error.message}`), error.message);
    }
  },
);

testPostgres("a user without the right to create writes where the tables are", async (server) => {
  const url = await createDatabase(server);
  const role = `writer_${url.split("/").at(-1)}`;
  await (await postgresSink(url)).close();
  await query(
    url,
    `CREATE ROLE ${role} LOGIN PASSWORD 'weak'; GRANT SELECT ON imagebus_schema TO ${role};
     GRANT SELECT, INSERT, UPDATE ON imagebus_results TO ${role}`,
  );
  await using sink = await postgresSink(url.replace(/\/\/[^@]+@/, `//${role}:weak@`));
  await sink.write([classified("a")]);
});

Deno.test("sink postgres: a server that cannot be reached is reported as unavailable, in time", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  closed.close();
  for (const { port } of [silent.addr, closed.addr]) {
    const error = await assertRejects(
      () => postgresSink(`postgres://me:secret@127.0.0.1:${port}/db`, { timeoutMs: 300 }),
      SinkError,
      `PostgreSQL at 127.0.0.1:${port}`,
    );
    assertEquals([error.code, error.retriable], ["unavailable", true]);
  }
});

testPostgres(
  "a server that hangs in the middle of a batch fails the batch in time; the next attempt stores it",
  async (server) => {
    const url = await createSchema(server);
    await using sink = await postgresSink(url, { timeoutMs: 500 });
    await sink.write([classified("a")]);
    const held = query(url, "BEGIN; LOCK TABLE imagebus_results; SELECT pg_sleep(2); COMMIT");
    const late = await assertRejects(
      async () => {
        for (;;) await sink.write([classified("b")]);
      },
      SinkError,
      "did not answer within 500 ms",
    );
    assertEquals(late.retriable, true);
    await held;
    await sink.write([classified("b")]);
    const [row] = await query(url, "SELECT count(*)::integer AS count FROM imagebus_results");
    assertEquals(row, { count: 2 });
  },
);

testPostgres(
  "a server that is killed again and again under load loses nothing, and no rejection is unhandled",
  async (server) => {
    const url = await createSchema(server);
    const sinks = await Promise.all(Array.from({ length: 4 }, () => postgresSink(url)));
    let stop = false;
    let rejected = 0;
    const stored: string[] = [];
    const load = sinks.map(async (sink, writer) => {
      for (let i = 0; !stop; i++) {
        const batch = Array.from({ length: 50 }, (_, k) => classified(`${writer}-${i}-${k}`));
        while (!await sink.write(batch).then(() => true, () => false)) {
          rejected++;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        stored.push(...batch.map(({ result }) => result.id));
      }
    });
    for (let i = 0; i < 4; i++) {
      const before = stored.length;
      while (stored.length < before + 500) await new Promise((resolve) => setTimeout(resolve, 10));
      await (i % 2 === 0 ? server.kill() : server.stop());
      await server.start();
    }
    stop = true;
    await Promise.all(load);
    await Promise.all(sinks.map((sink) => sink.close()));
    const ids = (await query(url, "SELECT id FROM imagebus_results")).map(({ id }) => String(id));
    assertEquals(ids.sort(), stored.sort());
    assert(rejected >= 4, `${rejected} batches were rejected`);
  },
);

testPostgres("of several servers the primary is written, whichever comes first", async (server) => {
  const url = await createDatabase(server);
  await using standby = await startStandby(server);
  const place = `127.0.0.1:${server.port}`;
  for (const places of [`127.0.0.1:${standby.port},${place}`, `${place},127.0.0.1:${standby.port}`]) {
    for (const parameter of ["", "?target_session_attrs=read-write", "?target_session_attrs=primary"]) {
      await using sink = await postgresSink(url.replace(place, places) + parameter);
      await sink.write([classified(places + parameter)]);
    }
  }
  assertEquals((await query(url, "SELECT id FROM imagebus_results")).length, 6);
  const one = url.replace(place, `127.0.0.1:${standby.port}`);
  const error = await assertRejects(
    async () => {
      await using sink = await postgresSink(`${one}?target_session_attrs=any`);
      await sink.write([classified("a")]);
    },
    SinkError,
    "read-only",
  );
  assertEquals(error.code, "unavailable");
  await assertRejects(() => postgresSink(`${one}?target_session_attrs=x`), SinkError, "expected any, ");
});

testPostgres("what can pass by itself is reported as unavailable", async (server) => {
  const url = await createDatabase(server);
  await (await postgresSink(url)).close();
  const refuse = async (setting: string, reason: string) => {
    await query(server.url, `ALTER DATABASE ${databaseOf(url)} SET ${setting}`);
    await using sink = await postgresSink(url);
    const error = await assertRejects(() => sink.write([classified("a")]), SinkError, reason);
    assertEquals([error.code, error.retriable], ["unavailable", true]);
    await query(server.url, `ALTER DATABASE ${databaseOf(url)} RESET ALL`);
  };
  await refuse("default_transaction_read_only = on", "read-only transaction");
  await using other = new AsyncDisposableStack();
  await other.adopt(connectTo(parseAddress(url)), (sql) => sql.end()).begin(async (sql) => {
    await sql`LOCK TABLE imagebus_results`;
    await refuse("lock_timeout = 50", "lock timeout");
    await refuse("statement_timeout = 50", "statement timeout");
  });
});

testPostgres(
  "a worker process survives a restart of PostgreSQL: each image ends in exactly one row of each sink",
  async (server) => {
    const database = await createSchema(server);
    const directory = await Deno.makeTempDir();
    const bus = new Bus(await openTransport(`sqlite:${directory}/bus.db`));
    const sinks = ["--sink", `${database},jsonl:${directory}/results.jsonl`, "--sink", "sqlite"];
    const worker = await WorkerProcess.start({ bus: bus.transport.url, directory, args: sinks });
    const images = imagesOf("mnist");
    const send = () =>
      Promise.all(Array.from({ length: 600 }, (_, i) => bus.send(images[i % 10]!.png, { model: "mnist" })));
    const rows = async () =>
      (await query(database, "SELECT id FROM imagebus_results")).map(({ id }) => String(id)).sort();
    const until = async (condition: () => Promise<boolean> | boolean) => {
      while (!await condition()) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const ids = await send();
    await until(async () => (await rows()).length > 100);
    await server.kill();
    ids.push(...await send());
    await until(() => worker.log.some((line) => /^postgres .* fails, retrying in \d+ ms/.test(line)));
    await server.start();
    await until(async () => (await rows()).length === ids.length);
    worker.signal("SIGINT");
    assertEquals(await worker.ended(), 0);
    assertEquals(await rows(), ids.sort());
    const lines = (await Deno.readTextFile(`${directory}/results.jsonl`)).trim().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line).id).sort(), ids);
    assert(worker.log.some((line) => /^postgres .* has recovered$/.test(line)));
    assert(!worker.log.join("\n").includes(new URL(server.url).password));
    await bus.close();
    await Deno.remove(directory, { recursive: true });
  },
);
