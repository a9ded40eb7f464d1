import { SinkError } from "../../../actors/sinks/errors.ts";
import { postgresSink } from "../../../actors/sinks/postgres.ts";
import { parseAddress } from "../../../actors/sinks/postgres/address.ts";
import { connectTo, targetOf } from "../../../actors/sinks/postgres/connection.ts";
import { temporaryDirectory } from "../../../lib/temporary_directory.ts";
import type { PostgresServer } from "../../../testing/brokers/postgres.ts";
import { createDatabase, NO_POSTGRES, query, serverOfTests } from "../../../testing/brokers/test_postgres.ts";
import { classified } from "../../../testing/settled.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../../testing/assert.ts";

const running = await serverOfTests();

function testPostgres(name: string, fn: (server: PostgresServer) => Promise<void>): void {
  const skipped = NO_POSTGRES === undefined ? "" : ` (skipped: ${NO_POSTGRES})`;
  Deno.test({ name: `sink postgres: ${name}${skipped}`, ignore: skipped !== "", fn: () => fn(running!) });
}

Deno.test("sink postgres: a password with special characters never shows up in a message", () => {
  const passwords = [
    "hush#1",
    "hush/1",
    "hush?1",
    "1#hush",
    "1/hush",
    "1?hush",
    "hush@hush",
    "hush%zz",
    "hu:sh",
  ];
  for (const password of passwords) {
    for (const url of [`postgres://me:${password}@host/db`, `postgres://me:${password}@host/db?sslmode=x`]) {
      try {
        const { url: kept } = parseAddress(url);
        assertEquals(decodeURIComponent(new URL(kept).password), password, "only a harmless one is accepted");
      } catch (error) {
        assert(error instanceof SinkError, String(error));
        assert(!/hush/.test(error.message), error.message);
      }
    }
  }
});

Deno.test("sink postgres: the URL has sockets, schemas and certificates as libpq takes them", () => {
  const local = parseAddress("postgres://me@/db?host=/run/postgresql&port=5433&search_path=a,b");
  assertEquals([local.options.host, local.options.port], ["/run/postgresql", 5433]);
  assertEquals([local.url, local.schemas], ["postgres://me@localhost/db", ["a", "b"]]);
  const { host, port } = parseAddress("postgres://me@%2Frun%2Fpg:5433/db").options;
  assertEquals([host, port], ["/run/pg", 5433]);
  assertEquals(parseAddress("postgres://h/db?sslmode=require").options.ssl, "require");
  const mistakes = [
    ["sslmode=fully", 'sslmode of PostgreSQL is "fully": expected disable, '],
    ["sslrootcert=/nowhere/ca.pem", "Cannot read the sslrootcert /nowhere/ca.pem"],
  ] as const;
  for (const [parameter, message] of mistakes) {
    assertThrows(() => parseAddress(`postgres://h/db?${parameter}`), SinkError, message);
  }
});

Deno.test("sink postgres: the URL has several servers, IPv6 addresses and escaped names as libpq takes them", () => {
  const cases: [string, string][] = [
    ["postgres://me@a:1,b:2/db", "a:1,b:2 me db"],
    ["postgres://me@[::1]:5433,b/db", "[::1]:5433,b:5432 me db"],
    ["postgres://me%40corp:x@h/my%20db", "h:5432 me@corp my db"],
    ["postgres://me@/db", "localhost:5432 me db"],
    ["postgres://me@/db?host=one,::1&port=1", "one:1,[::1]:1 me db"],
  ];
  for (const [url, expected] of cases) {
    const { server, user, database } = targetOf(connectTo(parseAddress(url)));
    assertEquals(`${server} ${user} ${database}`, expected);
  }
  for (const place of ["h%zz/db", "h/d%zz", "[::1/db", "[h]/db", "h:65536/db", "a,[::1]b/db"]) {
    const error = assertThrows(() => parseAddress(`postgres://me:hush@${place}`), SinkError, "Invalid URL");
    assert(!/hush/.test(error.message), error.message);
  }
});

Deno.test("sink postgres: a pooler gets no parameter at the start that it would refuse", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const opening = postgresSink(`postgres://me@127.0.0.1:${listener.addr.port}/db?search_path=mine`);
  const connection = await listener.accept();
  const bytes = new Uint8Array(1_024);
  const startup = new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0));
  connection.close();
  listener.close();
  await assertRejects(() => opening, SinkError);
  assert(startup.includes("application_name") && !startup.includes("search_path"), startup);
});

/** A certificate of 127.0.0.1 that only who is given it trusts, and its key, in one file. */
async function certificate(directory: string, name: string): Promise<string> {
  const file = `${directory}/${name}.pem`;
  const { success } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", `${file}.key`, "-out", `${file}.crt`],
    ],
    stderr: "null",
  }).output();
  assert(success, "openssl makes a certificate");
  const parts = [".crt", ".key"].map((ending) => Deno.readTextFileSync(file + ending));
  await Deno.writeTextFile(file, parts.join(""));
  return file;
}

testPostgres("a server is reached by its socket", async (server) => {
  const url = new URL(await createDatabase(server));
  const login = `${url.username}:${url.password}`;
  await using sink = await postgresSink(
    `postgres://${login}@${url.pathname}?host=${server.directory}&port=${server.port}`,
  );
  await sink.write([classified("a")]);
  assertEquals((await query(url.href, "SELECT id FROM imagebus_results")).length, 1);
  assert(sink.name.includes(`@${server.directory}/`), sink.name);
});

testPostgres("a server is reached by TLS with its certificate", async (server) => {
  await using directory = await temporaryDirectory("postgres-tls");
  const [own, other] = await Promise.all(["own", "other"].map((name) => certificate(directory.path, name)));
  const data = `${server.directory}/data`;
  for (const name of ["server.crt", "server.key"]) {
    await Deno.copyFile(own!, `${data}/${name}`);
    const { uid, gid } = await Deno.stat(data);
    await Deno.chown(`${data}/${name}`, uid, gid);
    await Deno.chmod(`${data}/${name}`, 0o600);
  }
  const url = await createDatabase(server);
  const database = url.split("/").at(-1);
  const open = async (parameters: string) => {
    await using sink = await postgresSink(url + parameters);
    await sink.write([classified(parameters)]);
  };
  const refused = async (parameters: string, message: string) => {
    const error = await assertRejects(() => open(parameters), SinkError, message);
    assertEquals(error.code, "invalid", error.message);
  };
  await refused("?sslmode=require", "does not accept TLS");
  for (const mode of ["allow", "prefer"]) await open(`?sslmode=${mode}`);
  const rules = await Deno.readTextFile(`${data}/pg_hba.conf`);
  await Deno.writeTextFile(`${data}/pg_hba.conf`, `hostnossl ${database} all 127.0.0.1/32 reject\n${rules}`);
  await query(server.url, "ALTER SYSTEM SET ssl = on");
  await query(server.url, "SELECT pg_reload_conf()");
  await refused("", "refuses connections without TLS");
  for (const mode of ["allow", "prefer", "require"]) await open(`?sslmode=${mode}`);
  await open(`?sslmode=verify-full&sslrootcert=${own}`);
  await refused(`?sslmode=verify-full&sslrootcert=${other}`, "Cannot trust PostgreSQL at 127.0.0.1");
  await refused("?sslmode=verify-full", "Cannot trust PostgreSQL at 127.0.0.1");
  const [{ count } = {}] = await query(
    `${url}?sslmode=require`,
    "SELECT count(*)::integer FROM imagebus_results",
  );
  assertEquals(count, 4);
});

testPostgres(
  "the queries on views in docs/results.md work as they are written, with the prefix",
  async (server) => {
    const text = await Deno.readTextFile(new URL("../../../docs/results.md", import.meta.url));
    const queries = [
      ...text.matchAll(/```sql\n(SELECT [^`]*?\sFROM (?:accuracy|throughput|failures)_by_[^`]*?)```/g),
    ];
    assertEquals(queries.length, 3);
    const url = await createDatabase(server);
    await using sink = await postgresSink(url);
    await sink.write([classified("a")]);
    for (const [, sql] of queries) {
      await query(url, sql!.replace(/(accuracy|throughput|failures)_by_/g, "imagebus_$&"));
    }
  },
);
