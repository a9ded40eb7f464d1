import { DatabaseSync } from "node:sqlite";
import { BusError } from "../../../../bus/transport/errors.ts";
import { connect } from "../../../../bus/connect.ts";
import { openSqliteTransport, type SqliteTransportOptions } from "../../../../bus/transport/sqlite/open.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../../../testing/assert.ts";

interface Outcome {
  readonly sent: number;
  readonly code?: string;
  readonly message?: string;
}

const SCRIPT = new URL("../../../fixtures/open_bus.ts", import.meta.url);
const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
const value = new TextEncoder().encode("hello");

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Opens a bus in another process and sends to it. */
async function openElsewhere(
  command: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Outcome> {
  const child = new Deno.Command(command, { args: [...args], stderr: "inherit", ...options });
  return JSON.parse(new TextDecoder().decode((await child.output()).stdout));
}

async function assertOpenFails(path: string, code: string, includes: string): Promise<void> {
  const error = await assertRejects(() => openSqliteTransport(path), BusError, includes);
  assertEquals(error.code, code);
  assertStringIncludes(error.message, path);
}

Deno.test("sqlite errors: a file that is not a database is refused as invalid, and stays unchanged", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/notes.txt`;
    await Deno.writeTextFile(path, "not a database\n".repeat(1_000));
    await assertOpenFails(path, "invalid", "file is not a database");
    assertEquals(await Deno.readTextFile(path), "not a database\n".repeat(1_000));
  }));

Deno.test("sqlite errors: the database of another program is refused as invalid, and stays unchanged", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/other.db`;
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE theirs (x)");
    other.close();
    const before = await Deno.readFile(path);
    await assertOpenFails(path, "invalid", "it is the database of another program; choose another file");
    assertEquals(await Deno.readFile(path), before);
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  }));

Deno.test("sqlite errors: a bus of a newer version is refused with its version", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/bus.db`;
    await (await openSqliteTransport(path)).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    await assertOpenFails(path, "invalid", "schema 99");
  }));

Deno.test("sqlite errors: send and the loop of a reader fail as corrupt on a damaged file", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/bus.db`;
    const first = await openSqliteTransport(path, { partitions: 1 });
    for (let sent = 0; sent < 50; sent++) await first.send("topic", [{ value: new Uint8Array(4_000) }]);
    await first.close();
    const { size } = await Deno.stat(path);
    using file = await Deno.open(path, { write: true });
    const schemaPages = 20 * 8_192;
    await file.seek(schemaPages, Deno.SeekMode.Start);
    await file.write(crypto.getRandomValues(new Uint8Array(65_536)));
    for (let written = schemaPages + 65_536; written < size; written += 8_192) {
      await file.write(new Uint8Array(8_192).fill(0xff));
    }
    await using transport = await openSqliteTransport(path);
    const loop = async () => {
      for await (const { messages } of await transport.subscribe(["topic"])) assert(messages.length > 0);
    };
    assertEquals((await assertRejects(loop, BusError)).code, "corrupt");
    assertEquals((await assertRejects(() => transport.send("topic", [{ value }]), BusError)).code, "corrupt");
  }));

Deno.test("sqlite errors: sends are unavailable while another program has locked the file, and then continue", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/bus.db`;
    const events: string[] = [];
    await using transport = await openSqliteTransport(path, {
      busyTimeoutMs: 200,
      onEvent: ({ type }) => events.push(type),
    });
    using other = new DatabaseSync(path);
    other.exec("BEGIN EXCLUSIVE");
    const error = await assertRejects(() => transport.send("topic", [{ value }]), BusError, "locked");
    assertEquals([error.code, error.retriable], ["unavailable", true]);
    const waiting = transport.send("topic", [{ value }]);
    other.exec("COMMIT");
    await waiting;
    assertEquals(events, ["connected", "disconnected", "connected"]);
    const [topic] = await transport.topics();
    assertEquals(topic!.partitions.reduce((sum, { end }) => sum + end, 0), 1);
  }));

Deno.test("sqlite errors: a file or directory in the way is invalid or denied, with its path", () =>
  inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    await assertOpenFails(`${directory}/file/bus.db`, "invalid", "Cannot create");
    await assertOpenFails(directory, "denied", "it must be a file");
  }));

for (const what of ["file", "directory"]) {
  Deno.test({
    name: `sqlite errors: a read-only ${what} is denied`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      inDirectory(async (directory) => {
        const path = `${directory}/bus/bus.db`;
        if (what === "file") await (await openSqliteTransport(path)).close();
        else await Deno.mkdir(`${directory}/bus`);
        await Deno.mkdir(`${directory}/cache`);
        await Deno.chmod(`${directory}/cache`, 0o777);
        await Deno.chmod(directory, 0o755);
        await Deno.chmod(what === "file" ? path : `${directory}/bus`, 0o555);
        const outcome = await openElsewhere(Deno.execPath(), ["run", "-A", SCRIPT.href, path], {
          env: { DENO_DIR: `${directory}/cache` },
          // Nothing is read-only for root.
          ...(isRoot && { uid: 65_534, gid: 65_534 }),
        });
        await Deno.chmod(`${directory}/bus`, 0o755);
        assertEquals([outcome.code, outcome.sent], ["denied", 0]);
        assertStringIncludes(outcome.message!, path);
      }),
  });
}

Deno.test("sqlite errors: opening is denied with the missing flags without Deno's permission", () =>
  inDirectory(async (directory) => {
    const args = ["run", "--no-prompt", SCRIPT.href, `${directory}/bus.db`];
    const outcome = await openElsewhere(Deno.execPath(), args);
    assertEquals(outcome.code, "denied");
    assertStringIncludes(outcome.message!, `--allow-read="${directory}" --allow-write="${directory}"`);
  }));

const canMount = Deno.build.os === "linux" &&
  await new Deno.Command("unshare", { args: ["-Urm", "true"], stderr: "null" }).output()
    .then(({ success }) => success, () => false);

Deno.test({
  name: `sqlite errors: a full disk is queue_full${
    canMount ? "" : " (skipped: no file system can be mounted here)"
  }`,
  ignore: !canMount,
  fn: () =>
    inDirectory(async (directory) => {
      const script = 'mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"';
      const open = [Deno.execPath(), "run", "-A", SCRIPT.href, `${directory}/bus.db`, "1000", "20000"];
      const outcome = await openElsewhere("unshare", ["-Urm", "sh", "-c", script, directory, ...open]);
      assertEquals(outcome.code, "queue_full");
      assertStringIncludes(outcome.message!, "disk is full");
      assert(outcome.sent > 10 && outcome.sent < 1_000, `${outcome.sent}`);
    }),
});

Deno.test("sqlite errors: an invalid option is refused with its name", () =>
  inDirectory(async (directory) => {
    const wrong: SqliteTransportOptions[] = [
      { synchronous: "off" as "full" },
      { retentionMs: -1 },
      { retentionMs: NaN },
      { maxQueueBytes: 0 },
      { sessionTimeoutMs: 99 },
      { heartbeatMs: 2_501 },
      { heartbeatMs: 9 },
      { busyTimeoutMs: Infinity },
    ];
    for (const options of wrong) {
      const error = await assertRejects(() => openSqliteTransport(`${directory}/bus.db`, options), BusError);
      assertEquals(error.code, "invalid");
      assertMatch(error.message, new RegExp(`^${Object.keys(options)[0]} is .*: expected `));
    }
    assertEquals([...Deno.readDirSync(directory)], []);
  }));

Deno.test("sqlite errors: a URL without a file, or with parameters, is refused", async () => {
  await assertRejects(() => connect("sqlite:"), BusError, "names no file: expected sqlite:PATH");
  const query = "sqlite:bus.db?synchronous=normal";
  await assertRejects(() => connect(query), BusError, `Invalid bus URL "${query}": expected sqlite:PATH`);
});
