import { openSqliteTransport } from "../../../../bus/transport/sqlite/open.ts";
import { assert, assertEquals } from "../../../../testing/assert.ts";
import { linesOf } from "../../../../testing/harness/lines.ts";
import { Reader } from "../suite/reader.ts";

const SCRIPT = new URL("../../../fixtures/sender_process.ts", import.meta.url);

/** A process that sends, with the texts that it reports as stored. */
class Sender {
  readonly stored: string[] = [];
  readonly ended: Promise<void>;
  readonly #child: Deno.ChildProcess;

  constructor(path: string, label: string, count: number, killAfter = Infinity) {
    const args = ["run", "-A", "--no-check", SCRIPT.href, path, "topic", label, `${count}`];
    this.#child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).spawn();
    this.ended = this.#listen(killAfter);
  }

  async #listen(killAfter: number): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      this.stored.push(line);
      if (this.stored.length === killAfter) this.#child.kill("SIGKILL");
    }
    await this.#child.status;
  }
}

Deno.test("sqlite processes: several create the file and send to it at once; what is stored survives a kill", async () => {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-" });
  const path = `${directory}/made/bus.db`;
  const whole = [new Sender(path, "a", 1_000), new Sender(path, "b", 1_000)];
  const killed = new Sender(path, "c", 100_000, 500);
  await Promise.all([...whole, killed].map(({ ended }) => ended));
  assertEquals(whole.map(({ stored }) => stored.length), [1_000, 1_000]);
  assert(killed.stored.length >= 500 && killed.stored.length < 100_000);

  const transport = await openSqliteTransport(path);
  const [topic] = await transport.topics();
  const reader = await Reader.open(transport, ["topic"]);
  await reader.until(topic!.partitions.reduce((sum, { end }) => sum + end, 0));
  const texts = new Set(reader.texts);
  assertEquals(texts.size, reader.texts.length);
  for (const { stored } of [...whole, killed]) assert(new Set(stored).isSubsetOf(texts));
  await transport.close();
  await Deno.remove(directory, { recursive: true });
});
