import { summarise } from "../../cli/commands/status/bus.ts";
import { parseReport, type WorkerReport } from "../../cli/worker_report.ts";
import { type OwnReport, writeReports } from "../../cli/worker_report_file.ts";
import { openTransport } from "../../bus/connect.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { linesOf } from "../../testing/harness/lines.ts";
import { imagebus, imagebusCommand, objectsIn } from "../fixtures/imagebus.ts";

const OWN: OwnReport = {
  bus: "kafka://127.0.0.1:9092",
  group: "imagebus",
  memoryBytes: 200 * 2 ** 20,
  health: { state: "degraded", reasons: ["mnist is down: its Worker died"], deadLetters: { damaged: 7 } },
  models: [{
    model: "mnist",
    version: "2.0.0",
    state: "down",
    since: "2026-01-01T00:00:00.000Z",
    reason: "its Worker died\u001b[2J",
    nextTryAt: "2026-01-01T00:00:10.000Z",
    candidates: [],
    refused: [],
    drift: { state: "unknown", label: null, confidence: null, image: null },
    inFlight: 12,
    inFlightBytes: 9_000,
    oldestAt: "2026-01-01T00:00:00.000Z",
    workers: [
      {
        state: "idle",
        restarts: 3,
        replacements: 2,
        images: 1_500,
        failures: 7,
        inFlight: 0,
        memoryBytes: 2 ** 24,
      },
      {
        state: "restarting",
        restarts: 4,
        replacements: 0,
        images: 0,
        failures: 0,
        inFlight: 0,
        memoryBytes: null,
      },
    ],
  }],
};

function report(changes: Partial<WorkerReport> = {}, ageMs = 0): WorkerReport {
  const startedAt = "2026-01-01T00:00:00.000Z";
  const updatedAt = new Date(Date.now() - ageMs).toISOString();
  return { format: 1, host: "here", pid: 42, startedAt, updatedAt, ...OWN, ...changes };
}

/** A state directory with these reports, and the URL of an embedded bus in it. */
async function withReports(
  files: Readonly<Record<string, WorkerReport | string>>,
  run: (dir: string, url: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "imagebus-status-" });
  try {
    await Deno.mkdir(`${dir}/workers`);
    for (const [name, content] of Object.entries(files)) {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(`${dir}/workers/${name}`, text);
    }
    await run(dir, `sqlite:${dir}/bus.db`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function environment(stateDir: string): Record<string, string> {
  return { IMAGEBUS_STATE_DIR: stateDir, IMAGEBUS_URL: "" };
}

/** Runs `imagebus status`. */
function status(stateDir: string, ...args: string[]) {
  return imagebus(["status", ...args], environment(stateDir));
}

/** Runs something with another state directory. */
async function inStateDir<T>(dir: string, run: () => Promise<T>): Promise<T> {
  const before = Deno.env.get("IMAGEBUS_STATE_DIR");
  Deno.env.set("IMAGEBUS_STATE_DIR", dir);
  try {
    return await run();
  } finally {
    if (before === undefined) Deno.env.delete("IMAGEBUS_STATE_DIR");
    else Deno.env.set("IMAGEBUS_STATE_DIR", before);
  }
}

Deno.test("status command: shows the bus and exits with 1 when no worker process runs", () =>
  withReports({}, async (dir, url) => {
    const { code, out, err } = await status(dir);
    assertEquals(code, 1);
    assertMatch(err, /^No worker process runs on this machine/);
    assertEquals(out, `${url}\n    group imagebus: 0 waiting, 0 dead letters\n`);
  }));

Deno.test("status command: one line per worker process and model, the reason why one is down, no control characters", () =>
  withReports({}, async (dir, url) => {
    await Deno.writeTextFile(`${dir}/workers/a.json`, JSON.stringify(report({ bus: url, group: "g" })));
    const { code, out } = await status(dir);
    const lines = out.trimEnd().split("\n");
    assertEquals(code, 0);
    assertMatch(lines[0]!, /^host +pid +state +since +MB +in flight +group$/);
    assertMatch(lines[1]!, /^ {4}bus$/);
    assertMatch(lines[2]!, /^here +42 +degraded +[-\d]+ [:\d]+ +200 +12 +g$/);
    assertEquals(lines[3], `    ${url}`);
    assertMatch(lines[7]!, /^mnist +2\.0\.0 +42 +down +1 idle, 1 restarting +7 +2 +1,500$/);
    assertMatch(lines[8]!, /^ {4} +7 +12 +16$/);
    assertMatch(
      lines.slice(9, 11).join(" "),
      /^mnist is down since [-\d]+ [:\d]+, next start at [-\d]+ [:\d]+: its Worker died\\u001b\[2J$/,
    );
    assertEquals(lines.slice(-2), [url, "    group g: 0 waiting, 0 dead letters"]);
  }));

Deno.test("status command: shows the reason and exits with 1 when a worker process is not ready", () =>
  withReports({}, async (dir, url) => {
    const health = {
      state: "not ready",
      reasons: ["sqlite:x fails: away\u001b[2J"],
      deadLetters: {},
    } as const;
    await Deno.writeTextFile(`${dir}/workers/a.json`, JSON.stringify(report({ bus: url, health })));
    const { code, out } = await status(dir);
    assertEquals(code, 1);
    assertMatch(out, /^here +42 +not ready +/m);
    assertMatch(out, /^42 is not ready: sqlite:x fails: away\\u001b\[2J$/m);
  }));

Deno.test("status command: a worker process without a report for 10 s is silent, and does not count as running", () =>
  withReports(
    { "a.json": report({}, 60_000), "b.json": "{ not JSON", "c.json": '{"format":2}' },
    async (dir) => {
      const { code, out } = await status(dir);
      assertEquals(code, 1);
      assertMatch(out, /^here +42 +silent for 6\d s /m);
      assert(!out.includes("mnist"), out);
      const [worker, bus, ...others] = objectsIn((await status(dir, "--json")).out);
      assertEquals([worker!["silent"], bus!["type"], others], [true, "bus", []]);
    },
  ));

Deno.test("status command: a report from the future is silent: its process may have been killed before the clock was set back", () =>
  withReports({ "a.json": report({}, -3_600_000) }, async (dir) => {
    const { code, out } = await status(dir);
    assertEquals(code, 1);
    assertMatch(out, /^here +42 +silent: its report is 3600 s ahead of the clock /m);
  }));

Deno.test("status command: reports that are damaged, of another version or unreadable do not hide the others", () => {
  const [model] = OWN.models;
  const { inFlight: _, ...older } = model!;
  const damaged: Record<string, unknown> = {
    "time.json": { ...report(), updatedAt: "2026-99-99T00:00:00Z" },
    "older.json": { ...report(), models: [older] },
    "worker.json": { ...report(), models: [{ ...model, workers: [{}] }] },
    "refused.json": { ...report(), models: [{ ...model, refused: [null] }] },
    "since.json": { ...report(), models: [{ ...model, since: null }] },
  };
  const files = Object.entries(damaged).map(([name, content]) => [name, JSON.stringify(content)]);
  return withReports(Object.fromEntries(files), async (dir, url) => {
    await Deno.mkdir(`${dir}/workers/directory.json`);
    const none = await status(dir, "--json");
    assertEquals([none.code, objectsIn(none.out).map(({ type }) => type)], [1, ["bus"]]);
    await Deno.writeTextFile(`${dir}/workers/whole.json`, JSON.stringify(report({ bus: url })));
    const { code, out, err } = await status(dir);
    assertEquals(code, 0, err);
    assertEquals(out.match(/^here +42 +degraded /gm)?.length, 1);
    assertMatch(err, /^Cannot read \S+directory\.json: /m);
  });
});

Deno.test("status command: shows the buses and groups of all worker processes; exits with 1 when one is unavailable", () =>
  withReports({}, async (dir) => {
    const urls = [`sqlite:${dir}/one.db`, `sqlite:${dir}/two.db`];
    const reports = [...urls, "kafka://127.0.0.1:1"].map((bus, i) => report({ bus, group: `g${i}`, pid: i }));
    for (const [i, one] of reports.entries()) {
      await Deno.writeTextFile(`${dir}/workers/${i}.json`, JSON.stringify(one));
    }
    {
      await using transport = await openTransport(urls[1]!, { partitions: 2 });
      const value = new Uint8Array(1);
      await transport.send("imagebus.mnist", [{ value, key: "a" }, { value, key: "a" }, { value, key: "a" }]);
      await transport.send("imagebus.dead-letters", [{ value }]);
    }
    const { code, out, err } = await status(dir);
    assertEquals(code, 1);
    assertStringIncludes(out, `${urls[0]}\n    group g0: 0 waiting, 0 dead letters\n`);
    assertMatch(
      out,
      /two\.db\n {4}group g1: 3 waiting, 1 dead letter\ntopic .*\nimagebus\.mnist +3 +(3 0|0 3)\n$/,
    );
    assertMatch(err, /^Cannot read the lag on kafka:\/\/127\.0\.0\.1:1: /);
    const named = await status(dir, "--bus", urls[1]!, "--group", "other", "--json");
    assertEquals(named.code, 0);
    const buses = objectsIn(named.out).filter(({ type }) => type === "bus");
    assertEquals(buses.map(({ url, group, lag }) => [url, group, lag]), [[urls[1], "other", 3]]);
  }));

Deno.test("status command: exits with 2 for an invalid bus", () =>
  withReports({}, async (dir) => {
    const { code, err } = await status(dir, "--bus", "kafak:x");
    assertEquals([code, err.split("\n").length], [2, 2]);
    assertStringIncludes(err, "kafak:x");
  }));

Deno.test("status command: --watch refreshes until Ctrl-C", () =>
  withReports({ "a.json": report() }, async (dir, url) => {
    await (await openTransport(url)).close();
    const process = imagebusCommand(["status", "--watch", "--json", "--bus", url], environment(dir)).spawn();
    let rounds = 0;
    for await (const line of linesOf(process.stdout)) {
      if (JSON.parse(line).type === "worker" && ++rounds === 3) process.kill("SIGINT");
    }
    await process.stderr.cancel();
    assertEquals((await process.status).code, 0);
  }));

Deno.test("status: lag counts from the committed offset, else from the oldest message", () => {
  const partition = { partition: 0, start: 5, end: 20 };
  const { lag, topics, deadLetters } = summarise([
    {
      name: "imagebus.mnist",
      partitions: [{ ...partition, committed: 12 }, { ...partition, partition: 1, committed: null }],
    },
    { name: "topic_mnist", partitions: [{ ...partition, committed: 2 }] },
    { name: "imagebus.results", partitions: [{ ...partition, committed: null }] },
    { name: "imagebus.dead-letters", partitions: [{ ...partition, committed: null }] },
    { name: "other", partitions: [{ ...partition, committed: null }] },
  ]);
  assertEquals(topics.map(({ topic, partitions }) => [topic, partitions.map(({ lag }) => lag)]), [
    ["imagebus.mnist", [8, 15]],
    ["topic_mnist", [15]],
  ]);
  assertEquals([lag, deadLetters], [38, 15]);
});

Deno.test("worker report: always complete, removed with its process; those of killed processes are removed after an hour", () =>
  withReports({ "old.json": report(), "new.json": report(), "old.json.tmp": "" }, async (dir) => {
    const hours = new Date(Date.now() - 2 * 3_600_000);
    for (const name of ["old.json", "old.json.tmp"]) await Deno.utime(`${dir}/workers/${name}`, hours, hours);
    await inStateDir(dir, async () => {
      const names = () => [...Deno.readDirSync(`${dir}/workers`)].map(({ name }) => name).sort();
      const thrice = Promise.withResolvers<void>();
      let writes = 0;
      const own = () => {
        if (++writes === 3) thrice.resolve();
        return OWN;
      };
      const reasons: string[] = [];
      const file = await writeReports(own, (reason) => reasons.push(reason));
      const [name, ...others] = names().filter((name) => name !== "new.json");
      assertEquals(others, []);
      assertMatch(name!, new RegExp(`^[A-Za-z0-9.-]+-${Deno.pid}-[0-9a-f]{8}\\.json$`));
      const read = () => parseReport(Deno.readTextFileSync(`${dir}/workers/${name}`));
      const first = read();
      assertEquals([first?.pid, first?.models], [Deno.pid, OWN.models]);
      await thrice.promise;
      assert(read()!.updatedAt > first!.updatedAt);
      await file[Symbol.asyncDispose]();
      assertEquals([names(), reasons], [["new.json"], []]);
    });
  }));

Deno.test("worker report: the first error is reported, none is thrown", () =>
  withReports({}, async (dir) => {
    await inStateDir(dir, async () => {
      const thrice = Promise.withResolvers<void>();
      const reasons: string[] = [];
      let calls = 0;
      await using _file = await writeReports(() => {
        if (++calls === 3) thrice.resolve();
        throw new Error("no report");
      }, (reason) => reasons.push(reason));
      await thrice.promise;
      assertEquals(reasons, ["no report"]);
    });
    await inStateDir(`${dir}/bus.db/no`, async () => {
      await Deno.writeTextFile(`${dir}/bus.db`, "");
      const reasons: string[] = [];
      await using _file = await writeReports(() => OWN, (reason) => reasons.push(reason));
      assertEquals(reasons.length, 1);
    });
  }));
