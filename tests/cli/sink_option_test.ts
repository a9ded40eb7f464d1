import { SinkError } from "../../actors/sinks/errors.ts";
import { parseArguments } from "../../cli/arguments.ts";
import { UsageError } from "../../cli/command.ts";
import { exitFor } from "../../cli/exit.ts";
import { openSinks } from "../../cli/commands/worker/sinks.ts";
import { worker } from "../../cli/commands/worker/worker.ts";
import { assert, assertEquals, assertRejects } from "../../testing/assert.ts";

async function namesOf(...argv: string[]): Promise<string[]> {
  const sinks = await openSinks(parseArguments(worker, argv));
  await Promise.all(sinks.map((sink) => sink.close?.()));
  return sinks.map(({ name }) => name);
}

async function inDirectory(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("--sink: defaults to console and results.db; --quiet omits the console", () =>
  inDirectory(async (dir) => {
    const results = `--results=${dir}/r.db`;
    assertEquals(await namesOf(results), ["console", `sqlite ${dir}/r.db`]);
    assertEquals(await namesOf(results, "--quiet"), [`sqlite ${dir}/r.db`]);
    assertEquals(await namesOf(results, "--sink", "console,sqlite"), ["console", `sqlite ${dir}/r.db`]);
  }));

Deno.test("--sink: repeated, with commas, or in IMAGEBUS_SINK; paths may contain commas; directories are created", () =>
  inDirectory(async (dir) => {
    const [database, lines] = [
      `sqlite:${dir}/new/a,b.db`,
      `jsonl:${dir}/other/c.jsonl?max-bytes=1000&keep=2`,
    ];
    const expected = [`sqlite ${dir}/new/a,b.db`, `jsonl ${dir}/other/c.jsonl`, "console"];
    assertEquals(await namesOf("--sink", database, "--sink", lines, "--sink", "console"), expected);
    assertEquals(await namesOf("--sink", `${database},${lines}`, "--sink=console"), expected);
    Deno.env.set("IMAGEBUS_SINK", `${database}, ${lines},console`);
    try {
      assertEquals(await namesOf(), expected);
      assertEquals(await namesOf("--sink", "console"), ["console"]);
    } finally {
      Deno.env.delete("IMAGEBUS_SINK");
    }
  }));

Deno.test("--sink: each mistake has a message, which contains no password", async () => {
  const cases: [string, string][] = [
    ["postgress://me:hush@host/db", 'Unknown sink "postgress"'],
    ["me:hush@host", 'Unknown sink "me": there are console, sqlite:PATH'],
    ["postgres:me:hush@host/db", "Invalid URL of a PostgreSQL database"],
    ["console:json", "--json prints JSON"],
    ["jsonl:", "expected a file: jsonl:PATH"],
    ["jsonl:a?kep=1", 'jsonl has no option "kep": did you mean "keep"?'],
    ["jsonl:a?keep=-1", 'keep of jsonl:a is "-1": expected a whole number'],
    ["sqlite:r.db?x=1", 'Invalid sink "sqlite:r.db?x=1": it has no options; expected sqlite:PATH'],
    ["console,console", "--sink contains the same sink twice"],
  ];
  for (const [sink, message] of cases) {
    const error = await assertRejects(() => namesOf("--sink", sink), Error, message);
    assert(error instanceof UsageError || (error instanceof SinkError && error.code === "invalid"));
    assert(!error.message.includes("hush"), error.message);
  }
});

Deno.test("--sink: the others are closed when one cannot be opened", () =>
  inDirectory(async (dir) => {
    const lines = `jsonl:${dir}/a.jsonl`;
    await assertRejects(
      () => namesOf("--sink", lines, "--sink", "postgres://me@127.0.0.1:1/db"),
      SinkError,
      "is unavailable",
    );
    assertEquals(await namesOf("--sink", lines), [`jsonl ${dir}/a.jsonl`]);
  }));

Deno.test("--sink: a file that cannot be opened is a mistake, and leaves nothing behind", () =>
  inDirectory(async (dir) => {
    await Deno.mkdir(`${dir}/folder`);
    await Deno.writeTextFile(
      `${dir}/text.db`,
      "no database, but more than a hundred bytes of text ".repeat(4),
    );
    for (const sink of ["jsonl:folder", "sqlite:folder", "sqlite:text.db", "jsonl:text.db/x.jsonl"]) {
      const spec = sink.replace(":", `:${dir}/`);
      const error = await assertRejects(() => namesOf("--sink", spec), Error);
      assertEquals((await exitFor(error, undefined)).code, 2, `${sink}: ${error.message}`);
    }
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name).sort(), ["folder", "text.db"]);
  }));

Deno.test("--sink jsonl: the lock is removed at the end, and keeps a second service out until then", () =>
  inDirectory(async (dir) => {
    const spec = `jsonl:${dir}/a.jsonl`;
    const [sink] = await openSinks(parseArguments(worker, ["--sink", spec]));
    await assertRejects(() => namesOf("--sink", spec), SinkError, "another service writes it");
    await sink!.close?.();
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["a.jsonl"]);
  }));
