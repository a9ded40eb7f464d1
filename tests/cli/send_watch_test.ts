import { derivedId } from "../../cli/commands/send/derived_id.ts";
import { sleep } from "../../lib/sleep.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { linesOf } from "../../testing/harness/lines.ts";
import { imagesOf } from "../../testing/images.ts";
import { imagebus, imagebusCommand, objectsIn } from "../fixtures/imagebus.ts";

const [ONE, TWO, THREE] = imagesOf("mnist").map(({ png }) => png) as [Uint8Array, Uint8Array, Uint8Array];

/** A process that watches; disposing of it interrupts it. */
class Watching implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #lines: AsyncGenerator<string>;

  constructor(folder: string, state: string, ...args: string[]) {
    const command = ["send", "--watch", folder, "--model", "mnist", "--json", ...args];
    this.#process = imagebusCommand(command, { IMAGEBUS_STATE_DIR: state, IMAGEBUS_URL: "" }).spawn();
    this.#lines = linesOf(this.#process.stdout);
  }

  /** The next file that is sent, and its id. */
  async next(): Promise<[file: string, id: string]> {
    const { value } = await this.#lines.next();
    const [{ file, id }] = objectsIn(value ?? "{}") as [{ file: string; id: string }];
    return [file, id];
  }

  /** Interrupts it; the exit code, and what it printed last. */
  async end(): Promise<[code: number, log: string]> {
    this.#process.kill("SIGINT");
    const rest = await Array.fromAsync(this.#lines);
    const log = await new Response(this.#process.stderr).text();
    return [(await this.#process.status).code, rest.join() + log.trim()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end().catch(() => {});
  }
}

Deno.test("send --watch: each file of the folder is sent once, across restarts; a changed one again", async () => {
  await using directory = await temporaryDirectory("watch");
  const state = directory.path;
  const inbox = `${state}/inbox`;
  await Deno.mkdir(`${inbox}/below`, { recursive: true });
  await Deno.writeFile(`${inbox}/1.png`, ONE);
  await Deno.writeFile(`${inbox}/below/2.png`, TWO);
  await Deno.writeTextFile(`${inbox}/notes.txt`, "no image");
  {
    await using watching = new Watching(inbox, state);
    assertEquals(await watching.next(), [
      `${inbox}/1.png`,
      derivedId("file", "mnist", `${inbox}/1.png`, ONE),
    ]);
    await Deno.writeFile(`${inbox}/3.png`, THREE);
    assertEquals((await watching.next())[0], `${inbox}/3.png`);
    assertEquals(await watching.end(), [0, "2 sent"]);
  }
  await Deno.writeFile(`${inbox}/4.png`, TWO);
  await using again = new Watching(inbox, state, "--recursive");
  const files = [(await again.next())[0], (await again.next())[0]];
  assertEquals(files.sort(), [`${inbox}/4.png`, `${inbox}/below/2.png`]);
  await Deno.writeFile(`${inbox}/1.png`, THREE.slice());
  await Deno.utime(`${inbox}/1.png`, 1, 1);
  assertEquals(await again.next(), [`${inbox}/1.png`, derivedId("file", "mnist", `${inbox}/1.png`, THREE)]);
  assertEquals(await again.end(), [0, "3 sent"]);
});

Deno.test("send --watch: a file is sent when it is complete", async () => {
  await using directory = await temporaryDirectory("watch");
  const file = `${directory.path}/1.png`;
  await using watching = new Watching(directory.path, directory.path);
  for (let at = 0; at < ONE.length; at += 50) {
    await Deno.writeFile(file, ONE.subarray(at, at + 50), { append: true });
    await sleep(20);
  }
  assertEquals(await watching.next(), [file, derivedId("file", "mnist", file, ONE)]);
});

Deno.test("send --watch: ends when nobody reads its output any more", async () => {
  await using directory = await temporaryDirectory("watch");
  await Deno.writeFile(`${directory.path}/1.png`, ONE);
  const args = ["send", "--watch", directory.path, "--model", "mnist"];
  const process = imagebusCommand(args, { IMAGEBUS_STATE_DIR: directory.path, IMAGEBUS_URL: "" }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  await reader.cancel();
  await Deno.writeFile(`${directory.path}/2.png`, TWO);
  const [{ code }] = await Promise.all([process.status, process.stderr.cancel()]);
  assertEquals(code, 1);
});

Deno.test("send --watch: what is not a folder is one line and exit code 2", async () => {
  const { code, err } = await imagebus(["send", "--watch", "LICENSE"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "imagebus: Cannot watch LICENSE: it is not a folder");
});
