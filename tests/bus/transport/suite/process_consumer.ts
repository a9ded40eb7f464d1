import { linesOf } from "../../../../testing/harness/lines.ts";
import { type Consumer, type ConsumerSpec, type Received, within } from "./harness.ts";

type Report = { received: Received[] } | { answer: number | null } | { failed: string };

const SCRIPT = new URL("../../../fixtures/consumer_process.ts", import.meta.url);

/**
 * Starts a consumer in a process of its own.
 *
 * @param url As `openTransport` takes it.
 * @param options As `openTransport` takes them; sent as JSON.
 * @param spec What it subscribes to.
 * @returns Once it has subscribed.
 */
export async function startProcess(
  url: string,
  options: object,
  spec: ConsumerSpec,
): Promise<Consumer> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT.href, JSON.stringify({ url, options, spec })],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  });
  const consumer = new ProcessConsumer(command.spawn());
  await within(consumer.ask(), "a consumer process that has subscribed");
  return consumer;
}

class ProcessConsumer implements Consumer {
  readonly received: Received[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #commands: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #listening: Promise<void>;
  #asked: PromiseWithResolvers<number> | undefined;
  #arrived = Promise.withResolvers<void>();
  #killed = false;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#commands = child.stdin.getWriter();
    this.#listening = this.#listen();
  }

  async #listen(): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      this.#handle(JSON.parse(line));
    }
    if (this.#killed) return;
    const error = new Error("The consumer process ended by itself");
    this.#asked?.reject(error);
    this.#arrived.reject(error);
    this.#arrived.promise.catch(() => {});
  }

  #handle(report: Report): void {
    if ("failed" in report) throw new Error(`The consumer process failed: ${report.failed}`);
    if ("answer" in report) return this.#asked?.resolve(report.answer ?? 0);
    this.received.push(...report.received);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }

  /** Resolves with the next answer. */
  async ask(command?: string): Promise<number> {
    this.#asked = Promise.withResolvers();
    if (command) await this.#commands.write(new TextEncoder().encode(`${command}\n`));
    return await within(this.#asked.promise, `an answer of the consumer process to ${command}`);
  }

  async until(count: number): Promise<void> {
    const wait = async () => {
      while (this.received.length < count) await this.#arrived.promise;
    };
    await within(wait(), `${count} messages in the consumer process; ${this.received.length} came`);
  }

  commit(): Promise<number> {
    return this.ask("commit");
  }

  memory(): Promise<number> {
    return this.ask("memory");
  }

  async resume(): Promise<void> {
    await this.ask("resume");
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    if (this.#killed) return;
    this.#killed = true;
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#commands.abort().catch(() => {});
    await this.#listening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
