import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { getDataSet, type GetOptions } from "../../training/datasets/get_data_set.ts";
import {
  OFFICIAL_DATA_SETS,
  type OfficialDataSet,
  type OfficialFile,
} from "../../training/datasets/official.ts";
import { PartFile } from "../../training/datasets/part_file.ts";
import { readOfficial } from "../../training/datasets/read_official.ts";
import { ModelError } from "../../models/errors.ts";
import { directoryUrl } from "../../models/read_url.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";

/** Noise does not compress, so a file is long enough to be cut. */
const SIDE = 200;
const COUNTS = { train: 6, test: 3 };

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = (state * 48_271) % 2_147_483_647) >> 8);
}

function idx(extents: readonly number[], content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * extents.length + content.length);
  const view = new DataView(bytes.buffer);
  [0x800 + extents.length, ...extents].forEach((value, i) => view.setUint32(4 * i, value));
  bytes.set(content, 4 + 4 * extents.length);
  return new Uint8Array(gzipSync(bytes));
}

const images = (count: number) => idx([count, SIDE, SIDE], noise(count * SIDE * SIDE));
const labels = (count: number) => idx([count], Uint8Array.from({ length: count }, (_, i) => i));

/** Files of a server, by name. */
type Content = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

const CONTENT = {
  "train-images.gz": images(COUNTS.train),
  "train-labels.gz": labels(COUNTS.train),
  "test-images.gz": images(COUNTS.test),
  "test-labels.gz": labels(COUNTS.test),
} as const satisfies Content;

const LARGEST = CONTENT["train-images.gz"];

function describe(name: string, content: Uint8Array): OfficialFile {
  return { name, bytes: content.length, md5: createHash("md5").update(content).digest("hex") };
}

function official(mirrors: readonly string[]): OfficialDataSet {
  const [trainImages, trainLabels, testImages, testLabels] = Object.entries(CONTENT).map(([name, content]) =>
    describe(name, content)
  ) as [OfficialFile, OfficialFile, OfficialFile, OfficialFile];
  return {
    name: "mnist",
    title: "Noise",
    folder: "noise",
    classes: ["0", "1", "2", "3", "4", "5"],
    side: SIDE,
    channels: 1,
    counts: COUNTS,
    format: "idx",
    files: { train: [trainImages, trainLabels], test: [testImages, testLabels] },
    mirrors,
  };
}

/** A local server with the requests that it received. */
interface Host extends AsyncDisposable {
  readonly url: string;
  /** Name and requested range: `test-images.gz bytes=10-`. */
  readonly asked: string[];
}

type Answer = (name: string, range: number | undefined) => Response | Promise<Response>;

function host(answer: Answer): Host {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const name = new URL(request.url).pathname.slice(1);
    const range = request.headers.get("range");
    asked.push(range === null ? name : `${name} ${range}`);
    return answer(name, range === null ? undefined : Number(/^bytes=(\d+)-$/.exec(range)?.[1]));
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Answers as a correct server does, ranges included. */
function serve(content: Content): Answer {
  return (name, from) => {
    const bytes = content[name];
    if (bytes === undefined) return new Response("no such file", { status: 404 });
    if (from === undefined) return new Response(bytes);
    const headers = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    return new Response(bytes.slice(from), { status: 206, headers });
  };
}

/** A server that answers once and closes the connection within the body. */
function hangUpAfter(bytes: number): { url: string; done: Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async () => {
    using connection = await listener.accept();
    listener.close();
    await connection.read(new Uint8Array(4096));
    const head = new TextEncoder().encode(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGEST.length}\r\n\r\n`);
    for (const part of [head, LARGEST.subarray(0, bytes)]) {
      for (let at = 0; at < part.length;) at += await connection.write(part.subarray(at));
    }
  };
  return { url: `http://127.0.0.1:${listener.addr.port}/`, done: answer() };
}

async function withDirectory(run: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** All files below a directory, sorted. */
function filesIn(path: string): string[] {
  const files: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (!isDirectory) files.push(name);
    else files.push(`${name}/`, ...filesIn(`${path}/${name}`).map((inner) => `${name}/${inner}`));
  }
  return files.sort();
}

const ALL = ["noise/", ...Object.keys(CONTENT).map((name) => `noise/${name}`)].sort();

function get(set: OfficialDataSet, to: string, options: GetOptions = {}) {
  return getDataSet(set, { to, pauseMs: 1, ...options });
}

Deno.test("data get: downloads all files into a new directory, once", () =>
  withDirectory(async (path) => {
    await using server = host(serve(CONTENT));
    const bytes: Record<string, number> = {};
    const set = official([server.url]);
    const got = await get(set, `${path}/data`, { onProgress: ({ name }, done) => bytes[name] = done });
    assertEquals(filesIn(`${path}/data`), ALL);
    assertEquals(
      got.files.map(({ came, official }) => `${came} ${official}`),
      new Array(4).fill("downloaded true"),
    );
    assertEquals(server.asked, Object.keys(CONTENT));
    assertEquals(bytes["train-images.gz"], LARGEST.length);
    const data = await readOfficial(set, "train", directoryUrl(`${path}/data`));
    assertEquals([data.count, [...data.labels]], [6, [0, 1, 2, 3, 4, 5]]);
    assertEquals(
      (await get(set, `${path}/data`)).files.map(({ came }) => came),
      new Array(4).fill("present"),
    );
    assertEquals(server.asked.length, 4);
  }));

Deno.test("data get: requests only the rest after a connection was cut", () =>
  withDirectory(async (path) => {
    const cut = hangUpAfter(50_000);
    await using server = host(serve(CONTENT));
    const notices: string[] = [];
    const onNotice = (text: string) => void notices.push(text);
    const set = official([cut.url, server.url]);
    await get(set, path, { attempts: 1, onNotice });
    await cut.done;
    assertEquals(filesIn(path), ALL);
    assertEquals(server.asked[0], "train-images.gz bytes=50000-");
    assertEquals(notices.length, 1 + 3); // The first server is gone for the other three files.
  }));

Deno.test("data get: an interrupted run leaves only a .part, which the next run resumes", () =>
  withDirectory(async (path) => {
    const controller = new AbortController();
    const half = LARGEST.slice(0, 100_000);
    await using slow = host(() =>
      new Response(
        new ReadableStream({ start: (stream) => stream.enqueue(half) }),
        { headers: { "content-length": String(LARGEST.length) } },
      )
    );
    const onProgress = (_: OfficialFile, bytes: number) => {
      if (bytes === half.length) controller.abort(new Error("enough"));
    };
    const run = () => get(official([slow.url]), path, { signal: controller.signal, onProgress });
    await assertRejects(run, Error, "enough");
    assertEquals(filesIn(path), ["noise/", "noise/train-images.gz.part"]);
    await using server = host(serve(CONTENT));
    await get(official([server.url]), path);
    assertEquals([server.asked[0], filesIn(path)], ["train-images.gz bytes=100000-", ALL]);
  }));

Deno.test("data get: the complete file is downloaded again from a server without range requests", () =>
  withDirectory(async (path) => {
    await Deno.mkdir(`${path}/noise`);
    await Deno.writeFile(`${path}/noise/train-images.gz.part`, LARGEST.subarray(0, 1000));
    await using server = host((name) => serve(CONTENT)(name, undefined));
    await get(official([server.url]), path);
    assertEquals(await Deno.readFile(`${path}/noise/train-images.gz`), LARGEST);
  }));

for (
  const [what, left] of [
    ["other content", new Uint8Array(1000)],
    ["more bytes than the file", new Uint8Array(999_999)],
  ] as const
) {
  Deno.test(`data get: a .part with ${what} is replaced`, () =>
    withDirectory(async (path) => {
      await Deno.mkdir(`${path}/noise`);
      await Deno.writeFile(`${path}/noise/train-images.gz.part`, left);
      await using server = host(serve(CONTENT));
      await get(official([server.url]), path);
      assertEquals([filesIn(path), await Deno.readFile(`${path}/noise/train-images.gz`)], [ALL, LARGEST]);
    }));
}

const other = { ...CONTENT, "train-images.gz": LARGEST.map((byte) => byte ^ 1) };
const shorter = { ...CONTENT, "train-images.gz": LARGEST.slice(1) };
const endless = () =>
  new Response(new ReadableStream({ pull: (stream) => stream.enqueue(new Uint8Array(LARGEST)) }));

const FAULTS: readonly (readonly [what: string, answer: Answer, text: string])[] = [
  ["without the file", () => new Response(null, { status: 404 }), "train-images.gz answers 404"],
  ["with another file of the same size", serve(other), "has the MD5 "],
  [
    "with a file of another size",
    serve(shorter),
    `has ${LARGEST.length - 1} bytes; the official file has ${LARGEST.length}`,
  ],
  ["that never stops sending", endless, `has more than the ${LARGEST.length} bytes of the official file`],
  ["that answers 503", () => new Response(null, { status: 503 }), "train-images.gz answers 503"],
];

for (const [what, answer, text] of FAULTS) {
  Deno.test(`data get: a server ${what} is skipped for the next; after the last one nothing is left behind`, () =>
    withDirectory(async (path) => {
      await using bad = host(answer);
      await using good = host(serve(CONTENT));
      const notices: string[] = [];
      await get(official([bad.url, good.url]), path, { onNotice: (line) => void notices.push(line) });
      assertEquals(filesIn(path), ALL);
      assert(
        notices.some((line) => line.includes(text) && line.endsWith("trying the next server")),
        notices.join("\n"),
      );
      await Deno.remove(`${path}/noise`, { recursive: true });
      const error = await assertRejects(() => get(official([bad.url, bad.url]), path), ModelError);
      assertEquals([error.code, error.message.split(text).length], ["unavailable", 3]);
      assertEquals(filesIn(path), []);
    }));
}

Deno.test("data get: a wrong checksum is reported with the expected one", () =>
  withDirectory(async (path) => {
    await using server = host(serve(other));
    const error = await assertRejects(() => get(official([server.url]), path), ModelError);
    for (const bytes of [other["train-images.gz"], LARGEST]) {
      assertStringIncludes(error.message, describe("", bytes).md5);
    }
  }));

Deno.test("data get: a retriable fault is retried a bounded number of times", () =>
  withDirectory(async (path) => {
    let failures = 3;
    await using server = host((name, from) =>
      failures-- > 0 ? new Response(null, { status: 503 }) : serve(CONTENT)(name, from)
    );
    const set = official([server.url]);
    await get(set, path);
    assertEquals(server.asked.length, 3 + 4);
    failures = Infinity;
    await assertRejects(() => get(set, `${path}/again`, { attempts: 2 }), ModelError, "answers 503");
    assertEquals([server.asked.length, filesIn(path)], [3 + 4 + 2, ALL]);
  }));

Deno.test("data get: a stalled server is given up after the timeout", () =>
  withDirectory(async (path) => {
    await using server = host(() =>
      new Response(new ReadableStream({ start: (s) => s.enqueue(new Uint8Array(9)) }))
    );
    const run = () => get(official([server.url]), path, { attempts: 1, stallMs: 50 });
    await assertRejects(run, ModelError, "sent nothing for 0.05 s");
    assertEquals(filesIn(path), ["noise/", "noise/train-images.gz.part"]);
  }));

/**
 * Runs with a disk of 64 kB: a real one where this process may mount it, else writing fails as on a full
 * disk.
 */
async function onFullDisk(path: string, run: () => Promise<void>): Promise<void> {
  if (Deno.build.os === "linux" && Deno.uid() === 0) {
    const mount = await new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path] })
      .output();
    if (mount.success) {
      await run().finally(() => new Deno.Command("umount", { args: [path] }).output());
      return;
    }
  }
  const { write } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.write = () => Promise.reject(new Error("No space left on device (os error 28)"));
  await run().finally(() => Deno.FsFile.prototype.write = write);
}

Deno.test("data get: a full disk is reported, and no partial file stays on it", () =>
  withLocalFiles(CONTENT, async (hand, to) => {
    await Deno.mkdir(to);
    await onFullDisk(to, async () => {
      await using server = host(serve(CONTENT));
      for (const from of [undefined, hand]) {
        const set = official([server.url]);
        const run = () => get(set, to, from === undefined ? {} : { from });
        const error = await assertRejects(run, ModelError);
        assertEquals(error.code, "unavailable");
        assertStringIncludes(error.message, "noise/train-images.gz: the disk is full");
        assertEquals(filesIn(to), []);
      }
    });
  }));

Deno.test("data get: a target without a parent directory and a missing --from directory are reported", () =>
  withDirectory(async (path) => {
    const error = await assertRejects(() => get(official([]), `${path}/no/data`), ModelError);
    assertEquals(error.code, "not_found");
    assertStringIncludes(error.message, `Cannot create ${path}/no/data/: its directory does not exist`);
    const missing = () => get(official([]), `${path}/data`, { from: `${path}/nowhere` });
    await assertRejects(missing, ModelError, `${path}/nowhere/: it is not a directory`);
    assertEquals(filesIn(path), []);
  }));

Deno.test("data get: a file that another process is downloading is refused", () =>
  withDirectory(async (path) => {
    await Deno.mkdir(`${path}/noise`);
    await using _other = await PartFile.open(new URL(`file://${path}/noise/train-images.gz`));
    await using server = host(serve(CONTENT));
    await assertRejects(
      () => get(official([server.url]), path),
      ModelError,
      "another process is writing it",
    );
    assertEquals(server.asked, []);
  }));

/** Local files, and a target for them. */
async function withLocalFiles(
  content: Content,
  run: (hand: string, to: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (path) => {
    await Deno.mkdir(`${path}/hand`);
    for (const [name, bytes] of Object.entries(content)) await Deno.writeFile(`${path}/hand/${name}`, bytes);
    await run(`${path}/hand`, `${path}/data`);
  });
}

Deno.test("data get --from: local files are copied and checked, missing ones are reported", async () => {
  await withLocalFiles(CONTENT, async (hand, to) => {
    const { files } = await get(official([]), to, { from: hand });
    assertEquals([filesIn(to), new Set(files.map(({ came }) => came))], [ALL, new Set(["copied"])]);
  });
  const { "test-images.gz": _, "test-labels.gz": __, ...train } = CONTENT;
  await withLocalFiles(train, async (hand, to) => {
    const run = () => get(official([]), to, { from: hand });
    await assertRejects(
      run,
      ModelError,
      `${hand}/ has no test-images.gz, test-labels.gz (there or in noise/)`,
    );
    await assertRejects(() => Deno.stat(to), Deno.errors.NotFound);
  });
});

Deno.test("data get --from: an unofficial file is accepted only unverified, with a warning", () => {
  const unofficial = images(COUNTS.train).slice();
  const content = { ...CONTENT, "train-images.gz": idx([6, SIDE, SIDE], new Uint8Array(6 * SIDE * SIDE)) };
  return withLocalFiles(content, async (hand, to) => {
    const error = await assertRejects(() => get(official([]), to, { from: hand }), ModelError);
    assertEquals(error.code, "damaged");
    for (const bytes of [content["train-images.gz"], unofficial]) {
      assertStringIncludes(error.message, describe("", bytes).md5);
    }
    await assertRejects(() => Deno.stat(to), Deno.errors.NotFound);
    const notices: string[] = [];
    const options = { from: hand, unverified: true, onNotice: (text: string) => void notices.push(text) };
    const { files } = await get(official([]), to, options);
    assertEquals(files.map((file) => file.official), [false, true, true, true]);
    assertEquals(notices, [`${hand}/train-images.gz is accepted unverified; it is not the official file`]);
    const again = () => get(official([]), to);
    await assertRejects(again, ModelError, "Remove the file to get the official one");
  });
});

for (
  const [what, file, content, text] of [
    ["a web page", "train-images.gz", new TextEncoder().encode("<html>"), "it must be the official .gz file"],
    [
      "a label that is out of range",
      "train-labels.gz",
      idx([6], new Uint8Array(6).fill(6)),
      "label 0 is 6; it must be from 0 to 5",
    ],
    [
      "far too many bytes",
      "train-images.gz",
      new Uint8Array(2 * LARGEST.length),
      "is much larger than the official file",
    ],
  ] as const
) {
  Deno.test(`data get --from: ${what} is refused, even unverified`, () =>
    withLocalFiles({ ...CONTENT, [file]: content }, async (hand, to) => {
      const run = () => get(official([]), to, { from: hand, unverified: true });
      assertStringIncludes((await assertRejects(run, ModelError)).message, text);
      const left = await Deno.stat(to).then(() => filesIn(to), () => []);
      assertEquals(left.filter((name) => name.endsWith(".part") || name.endsWith(file)), []);
    }));
}

/** A small CIFAR-10: 50 records per file, which is more than one chunk. */
const RECORDS = 50;
const BATCHES: Content = Object.fromEntries(
  ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"].map((name, i) => {
    const batch = noise(RECORDS * 3073 + i).slice(i) as Uint8Array<ArrayBuffer>;
    for (let record = 0; record < RECORDS; record++) batch[record * 3073] = (i + record) % 10;
    return [name, batch];
  }),
);

/** A .tar.gz by the program that the real one was created with, with a file that is not wanted. */
async function archive(path: string, batches: Content): Promise<Uint8Array<ArrayBuffer>> {
  const folder = `${path}/made/little`;
  await Deno.mkdir(folder, { recursive: true });
  const [first, ...others] = Object.entries(batches);
  const all = [first!, ["batches.meta.txt", new TextEncoder().encode("airplane")] as const, ...others];
  for (const [name, bytes] of all) await Deno.writeFile(`${folder}/${name}`, bytes);
  const names = all.map(([name]) => `little/${name}`);
  const args = ["-czf", `${path}/little.tar.gz`, "-C", `${path}/made`, ...names];
  const { success } = await new Deno.Command("tar", { args }).output();
  assert(success);
  const bytes = await Deno.readFile(`${path}/little.tar.gz`);
  await Deno.remove(`${path}/made`, { recursive: true });
  await Deno.remove(`${path}/little.tar.gz`);
  return bytes;
}

function little(packed: Uint8Array, mirrors: readonly string[]): OfficialDataSet {
  const [one, two, test] = Object.entries(BATCHES).map(([name, bytes]) => describe(name, bytes)) as [
    OfficialFile,
    OfficialFile,
    OfficialFile,
  ];
  return {
    ...OFFICIAL_DATA_SETS.find(({ format }) => format === "cifar")!,
    folder: "little",
    counts: { train: 2 * RECORDS, test: RECORDS },
    files: { train: [one, two], test: [test] },
    archive: describe("little.tar.gz", packed),
    mirrors,
  };
}

const UNPACKED = ["little/", ...Object.keys(BATCHES).map((name) => `little/${name}`)].sort();

Deno.test("data get: an archive is unpacked, each of its files checked, and then removed", () =>
  withDirectory(async (path) => {
    const packed = await archive(path, BATCHES);
    await using server = host(serve({ "little.tar.gz": packed }));
    const set = little(packed, [server.url]);
    const { files } = await get(set, path);
    assertEquals([filesIn(path), files.map(({ came }) => came)], [UNPACKED, new Array(3).fill("downloaded")]);
    const data = await readOfficial(set, "train", directoryUrl(path));
    assertEquals([data.count, data.labels[0], data.labels[50], data.labels[99]], [100, 0, 1, 0]);
    await get(set, path);
    assertEquals(server.asked, ["little.tar.gz"]);
    // Only the missing file is unpacked.
    await Deno.remove(`${path}/little/test_batch.bin`);
    assertEquals((await get(set, path)).files.map(({ came }) => came), ["present", "present", "downloaded"]);
  }));

Deno.test("data get --from: a local archive is unpacked and kept; a wrong one is refused", () =>
  withDirectory(async (path) => {
    const packed = await archive(path, BATCHES);
    await Deno.mkdir(`${path}/hand`);
    const [hand, to] = [`${path}/hand`, `${path}/data`];
    await Deno.writeFile(`${hand}/little.tar.gz`, packed);
    await get(little(packed, []), to, { from: hand });
    assertEquals([filesIn(to), filesIn(hand)], [UNPACKED, ["little.tar.gz"]]);
    await Deno.remove(to, { recursive: true });
    const { "test_batch.bin": _, ...train } = BATCHES;
    const faults = [
      [await archive(path, train), false, "is not the official file: its MD5 is"],
      [await archive(path, train), true, "does not contain little/test_batch.bin"],
      [packed.slice(0, -2000), true, "little.tar.gz: "],
      [new TextEncoder().encode("<html>"), true, "it must be a .tar.gz"],
      [await archive(path, { ...BATCHES, "test_batch.bin": new Uint8Array(9) }), true, "test_batch.bin in "],
    ] as const;
    for (const [bytes, unverified, text] of faults) {
      await Deno.writeFile(`${hand}/little.tar.gz`, bytes);
      await assertRejects(() => get(little(packed, []), to, { from: hand, unverified }), ModelError, text);
      const left = await Deno.stat(to).then(() => filesIn(to), () => []);
      assertEquals(left.filter((name) => name.includes("test_batch") || name.endsWith(".part")), []);
      await Deno.remove(to, { recursive: true }).catch(() => {});
    }
  }));

Deno.test("data get: the task may connect to the mirrors of the table, and to no others", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const allowed = /--allow-net=(\S+)/.exec(tasks.data.command)![1]!.split(",").sort();
  const named = new Set(
    OFFICIAL_DATA_SETS.flatMap(({ mirrors }) => mirrors.map((mirror) => new URL(mirror).host)),
  );
  assertEquals(allowed, [...named].sort());
});
