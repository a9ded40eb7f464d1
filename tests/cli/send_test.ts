import { sqliteSink } from "../../actors/sinks/sqlite.ts";
import { Bus } from "../../bus/bus.ts";
import { openTransport } from "../../bus/connect.ts";
import { decodeRequest, encodeResult, type Request } from "../../bus/envelope.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { linesOf } from "../../testing/harness/lines.ts";
import { SEVEN } from "../../testing/images.ts";
import { classified, failed } from "../../testing/settled.ts";
import { type Ended, ended, imagebus, imagebusCommand, objectsIn } from "../fixtures/imagebus.ts";

/** A directory with an embedded bus, where `send` runs. */
class SendStage implements AsyncDisposable {
  readonly path: string;
  readonly #directory: AsyncDisposable;

  private constructor(directory: AsyncDisposable & { readonly path: string }) {
    this.#directory = directory;
    this.path = directory.path;
  }

  static async set(): Promise<SendStage> {
    return new SendStage(await temporaryDirectory("send-test"));
  }

  get env(): Record<string, string> {
    return { IMAGEBUS_STATE_DIR: this.path, IMAGEBUS_URL: "", IMAGEBUS_MODEL: "mnist" };
  }

  send(...args: string[]): Promise<Ended> {
    return imagebus(["send", ...args], this.env);
  }

  /** Runs it with a standard input. */
  async sendWith(input: string, ...args: string[]): Promise<Ended> {
    const file = `${this.path}/input`;
    await Deno.writeTextFile(file, input);
    const child = new Deno.Command("sh", {
      args: ["-c", 'input=$1; shift; exec "$@" < "$input"', "sh", file, Deno.execPath(), ...ARGS, ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", ...this.env },
      stdout: "piped",
      stderr: "piped",
    });
    return await ended(child);
  }

  /** Creates files, each an image of its own unless its content is given. */
  async write(names: readonly string[], content?: Uint8Array): Promise<string[]> {
    const paths = names.map((name) => `${this.path}/${name}`);
    for (const [i, path] of paths.entries()) {
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(path, content ?? new Uint8Array([...SEVEN.png, i]));
    }
    return paths;
  }

  /** What is on the bus. */
  async requests(): Promise<Request[]> {
    await using transport = await openTransport(`sqlite:${this.path}/bus.db`);
    const topics = (await transport.topics()).map(({ name }) => name).filter((name) =>
      name.endsWith(".mnist")
    );
    if (topics.length === 0) return [];
    await using stored = await transport.subscribe(topics, { from: "start", until: "end" });
    const requests: Request[] = [];
    for await (const { messages } of stored) {
      for (const message of messages) {
        const decoded = decodeRequest(message);
        if (decoded.ok) requests.push(decoded.request);
      }
    }
    return requests;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

const ROOT = new URL("../../", import.meta.url);
const FLAGS = ["--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys=hostname"];
const ARGS = ["run", "--quiet", ...FLAGS, "cli.ts", "send"];

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${String(i).padStart(3, "0")}.png`);
}

Deno.test("send: bad files in the middle stop none of the others, each is named, and every stored image has its id", async () => {
  await using stage = await SendStage.set();
  const good = await stage.write(names(70));
  const [large] = await stage.write(["large.png"], new Uint8Array(20_000));
  const [missing, folder] = [`${stage.path}/missing.png`, `${stage.path}/folder`];
  await Deno.mkdir(folder);
  const files = [...good.slice(0, 30), large!, missing, folder, ...good.slice(30)];
  const { code, out, err } = await stage.send("--max-message-bytes", "10000", ...files);
  assertEquals(code, 1, err);
  const lines = out.trimEnd().split("\n").map((line) => line.split("  "));
  assertEquals(lines.map(([, file]) => file).sort(), good);
  const sent = await stage.requests();
  assertEquals(sent.map(({ id, fileName }) => `${id}  ${fileName}`).sort(), out.trimEnd().split("\n").sort());
  assertStringIncludes(err, `imagebus: ${large}: Cannot send the image: it has 20,000 bytes`);
  assertStringIncludes(err, `imagebus: Cannot read ${missing}: there is no such file`);
  assertStringIncludes(err, `imagebus: Cannot send ${folder}: it is a folder; --recursive sends`);
  assertMatch(err, /^70 sent, 3 failed$/m);
});

Deno.test("send: prints one object per file with --json, also for those that failed", async () => {
  await using stage = await SendStage.set();
  const [good] = await stage.write(["a.png"]);
  const { code, out } = await stage.send("--json", good!, `${stage.path}/missing.png`);
  const objects = objectsIn(out);
  assertEquals(code, 1);
  assertEquals(objects.find(({ file }) => file === good)?.["id"], (await stage.requests())[0]!.id);
  const { error } = objects.find(({ file }) => file !== good) as { error: { code: string } };
  assertEquals(error.code, "not_found");
});

Deno.test("send: exits with 2 if nothing could be sent because of what was typed, and prints the id alone for one file", async () => {
  await using stage = await SendStage.set();
  const [good] = await stage.write(["a.png"]);
  const missing = await stage.send(`${stage.path}/missing.png`);
  assertEquals([missing.code, missing.out], [2, ""]);
  assertMatch(missing.err, /^imagebus: Cannot read .*missing\.png: there is no such file or directory\n$/);
  const { code, out, err } = await stage.send(good!);
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^[0-9a-f-]{36}\n$/);
  const mistakes: [string[], string][] = [
    [[], "send needs FILE…"],
    [["-", "-"], "Standard input is given twice"],
    [["--files-from=-", "-"], "Standard input is given twice"],
    [["--id=1", good!, good!], "--id belongs to one image"],
    [["-r", "--file-name=x", good!], "--file-name belongs to one image"],
    [["--id=1", "--id-from=hash", good!], "--id-from has no effect with --id"],
    [["--id-from=path", "-"], "--id-from path needs files"],
    [["--skip-classified", good!], "--skip-classified needs --id-from or --id"],
    [["--actual=1", "--actual-from-folder", good!], "--actual-from-folder has no effect with --actual"],
    [["--files-from", `${stage.path}/nolist`], "there is no such file or directory"],
  ];
  for (const [args, message] of mistakes) {
    const { code, out, err } = await stage.send(...args);
    assertEquals([code, out], [2, ""], message);
    assertStringIncludes(err, message);
  }
});

Deno.test("send: a bus that fails ends it, what was stored has its id, and the rest is counted", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(names(300), new Uint8Array(10_000));
  const { code, out, err } = await stage.send("--sqlite-max-queue-bytes", "1000000", ...files);
  assertEquals(code, 1, err);
  const stored = await stage.requests();
  assertEquals(
    out.trimEnd().split("\n").map((line) => line.slice(0, 36)).sort(),
    stored.map(({ id }) => id).sort(),
  );
  const [, sent, failed, untried] = /^(\d+) sent, (\d+) failed, (\d+) not tried$/m.exec(err) ?? [];
  assertEquals(Number(sent), stored.length);
  assertEquals(Number(sent) + Number(failed) + Number(untried), 300);
  assert(stored.length > 0 && Number(untried) > 0, err);
});

Deno.test("send: a full bus takes as many files as fit, and each other one is refused with its own size", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(names(64), new Uint8Array(500));
  const { code, err } = await stage.send("--sqlite-max-queue-bytes", "20000", ...files);
  assertEquals(code, 1, err);
  const sizes = new Set([...err.matchAll(/Cannot store (\d+) bytes/g)].map(([, bytes]) => Number(bytes)));
  assertEquals(sizes.size, 1, err);
  const [size = 0] = sizes;
  assert(size > 500 && size < 1_500, err);
  assertEquals((await stage.requests()).length, Math.floor(20_000 / size));
});

Deno.test("send: ids from the path or the content are the same when it is sent again, and differ between models", async () => {
  await using stage = await SendStage.set();
  const [a, b] = await stage.write(["a.png", "b.png"]);
  const [copy] = await stage.write(["copy.png"], await Deno.readFile(a!));
  const idsOf = async (...args: string[]) => {
    const { code, out, err } = await stage.send("--json", ...args, a!, b!, copy!);
    assertEquals(code, 0, err);
    const ids = new Map(objectsIn(out).map(({ file, id }) => [file, String(id)]));
    return [a, b, copy].map((file) => ids.get(file)!);
  };
  const [byPath, byHash] = [await idsOf("--id-from", "path"), await idsOf("--id-from", "hash")];
  assertEquals(await idsOf("--id-from", "path"), byPath);
  assertEquals(await idsOf("--id-from", "hash"), byHash);
  assertEquals(new Set(byPath).size, 3);
  assert(byHash[0] === byHash[2] && byHash[0] !== byHash[1]);
  const other = await idsOf("--id-from", "hash", "--model", "fashion-mnist");
  assert(other[0] !== byHash[0]);
  for (const id of [...byPath, ...byHash]) {
    assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  }
});

Deno.test("send: folders are sent with --recursive, and the name of a file's folder is its true label", async () => {
  await using stage = await SendStage.set();
  await stage.write([
    "set/cat/1.png",
    "set/cat/2.JPG",
    "set/dog/deep/3.webp",
    "set/-7-/5.png",
    "set/notes.txt",
    "set/.hidden/4.png",
  ]);
  const { code, err } = await stage.send("-r", "--actual-from-folder", `${stage.path}/set`);
  assertEquals([code, err], [0, "4 sent, 1 other file skipped\n"]);
  const sent = (await stage.requests()).map(({ fileName, actual }) => `${fileName} ${actual}`);
  // A folder that differs from a label of mnist in punctuation only stands for it.
  const expected = ["-7-/5.png 7", "cat/1.png cat", "cat/2.JPG cat", "dog/deep/3.webp deep"];
  assertEquals(sent.sort(), expected.map((line) => `${stage.path}/set/${line}`));
  await Deno.mkdir(`${stage.path}/empty`);
  const empty = await stage.send("-r", `${stage.path}/empty`);
  assertEquals(empty.code, 2);
  assertStringIncludes(empty.err, "there are no images in it");
});

Deno.test("send: with --skip-classified, images that are classified already are not sent again", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(["a.png", "b.png", "c.png"]);
  const first = await stage.send("--id-from=hash", "--skip-classified", ...files.slice(0, 2));
  assertEquals([first.code, first.err], [0, "2 sent\n"]);
  const [a, b] = (await stage.requests()).map(({ id }) => id);
  {
    await using sink = await sqliteSink(`${stage.path}/results.db`);
    await sink.write([classified(a!), failed(b!)]);
  }
  const again = await stage.send("--id-from=hash", "--skip-classified", ...files);
  assertEquals([again.code, again.err], [0, "2 sent, 1 classified before\n"]);
  assertEquals((await stage.requests()).map(({ id }) => id).filter((id) => id === a).length, 1);
});

Deno.test("send: a list of files comes from standard input, also without a line feed at its end", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(["a b.png", "ü.png", "c.png"]);
  const { code, err } = await stage.sendWith(
    `${files[0]}\n\n${files[1]}\r\n${files[2]}`,
    "--files-from",
    "-",
  );
  assertEquals([code, err], [0, "3 sent\n"]);
  assertEquals((await stage.requests()).map(({ fileName }) => fileName!).sort(), [...files].sort());
  const none = await stage.sendWith("", "--files-from", "-");
  assertEquals([none.code, none.out, none.err], [0, "", "0 sent\n"]);
});

/** Starts `send`, whose standard input stays open. */
function spawnWithInput(args: readonly string[], env: Readonly<Record<string, string>>): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...ARGS, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("send: a list is sent as it is written, and Ctrl-C ends it with the id of all that was stored", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(["a.png", "b.png"]);
  const child = spawnWithInput(["--files-from", "-"], stage.env);
  const writer = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  const ids: string[] = [];
  for (const file of files) {
    await writer.write(new TextEncoder().encode(`${file}\n`));
    ids.push((await lines.next()).value!.slice(0, 36));
  }
  child.kill("SIGINT");
  const err = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, err, (await lines.next()).done], [130, "2 sent\n", true]);
  await writer.close().catch(() => {});
  assertEquals((await stage.requests()).map(({ id }) => id).sort(), ids.sort());
});

Deno.test("send: Ctrl-C ends it while an image is awaited on standard input", async () => {
  await using stage = await SendStage.set();
  const child = spawnWithInput(["-", ...await stage.write(["7.png"])], stage.env);
  const lines = linesOf(child.stdout);
  await lines.next();
  child.kill("SIGINT");
  const { code } = await child.status;
  const err = await new Response(child.stderr).text();
  assertEquals([code, err], [130, "imagebus: -: not sent: interrupted\n1 sent, 1 failed\n"]);
  await Array.fromAsync(lines);
  await child.stdin.close();
});

Deno.test("send: ends without a message when nobody reads its output any more", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(names(200));
  const child = imagebusCommand(["send", ...files], stage.env).spawn();
  await child.stdout.cancel();
  assertEquals([(await child.status).code, await new Response(child.stderr).text()], [1, ""]);
});

Deno.test("send --wait: prints each result as it comes; one that does not come costs no other, and can be asked for", async () => {
  await using stage = await SendStage.set();
  const files = await stage.write(["first.png", "silent.png", "last.png"]);
  await using bus = new Bus(await openTransport(`sqlite:${stage.path}/bus.db`));
  await using requests = await bus.transport.subscribe(["imagebus.mnist"], { group: "test", from: "start" });
  const child = imagebusCommand(["send", "--wait", "--json", "--timeout-ms", "20s", ...files], stage.env)
    .spawn();
  const answering = (async () => {
    let answered = 0;
    for await (const { messages } of requests) {
      for (const message of messages) {
        const decoded = decodeRequest(message);
        if (!decoded.ok || decoded.request.fileName!.endsWith("silent.png")) continue;
        await bus.transport.send("imagebus.results", [
          encodeResult(resultOf(decoded.request), decoded.request),
        ]);
        if (++answered === 2) return;
      }
    }
  })();
  const lines = linesOf(child.stdout);
  const first = [(await lines.next()).value!, (await lines.next()).value!];
  await answering;
  child.kill("SIGINT");
  const rest = await Array.fromAsync(lines);
  const err = await new Response(child.stderr).text();
  assertEquals((await child.status).code, 130, err);
  assertEquals(first.map((line) => JSON.parse(line).fileName).sort(), [files[0], files[2]].sort());
  const { id, file, error } = JSON.parse(rest[0]!);
  assertEquals([file, error.code], [files[1], "interrupted"]);
  assertStringIncludes(error.message, `imagebus result ${id}`);
  assertStringIncludes(err, "2 classified, 1 without a result");
});

function resultOf({ id, fileName }: Request) {
  const score = { index: 7, label: "7", confidence: 1 };
  const times = { at: new Date().toISOString(), waitedMs: 0, tookMs: 0 };
  return {
    ...{ status: "classified", id, model: "mnist", modelVersion: "1.0.0", ...score, top: [score] } as const,
    ...{ ...times, fileName: fileName! },
  };
}
