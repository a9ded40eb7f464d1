/**
 * A server in a process of its own that never outlives the program that started it.
 *
 * @module
 */
import { sleep } from "../../lib/sleep.ts";
import { ServerError } from "./server_error.ts";

/** How a server is started. */
export interface ServerProcessOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Its standard output and standard error are appended to this file. */
  readonly logFile: string;
  /** The signal, without `SIG`, that shuts it down gracefully. @default {"TERM"} */
  readonly stopSignal?: string;
}

const STOP_TIMEOUT_MS = 15_000;

/**
 * Starts the server, forwards the signals that it reads as lines, and ends the server when its input ends:
 * the parent may be killed at any time without leaving a server behind. Ctrl-C reaches every process of a
 * terminal; it is ignored here, so that the parent decides. Background jobs of `sh` read from /dev/null
 * unless they are given a descriptor.
 */
const SUPERVISOR = `
trap '' INT
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{
  while read -r signal <&3; do kill -s "$signal" "$server"; done
  kill -s TERM "$server"; sleep ${STOP_TIMEOUT_MS / 1000}; kill -s KILL "$server"
} 2>/dev/null &
supervisor=$!
wait "$server"
status=$?
kill "$supervisor" 2>/dev/null
exit "$status"
`;

/** A server process, running or ended. */
export class ServerProcess {
  /** Resolves with the exit code when it has ended: 128 plus the signal if it was killed. */
  readonly ended: Promise<number>;
  readonly #logFile: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stopSignal: string;
  #running = true;

  /** Starts it, without waiting until it is ready. */
  constructor({ command, logFile, stopSignal = "TERM" }: ServerProcessOptions) {
    this.#logFile = logFile;
    this.#stopSignal = stopSignal;
    const child = new Deno.Command("sh", {
      args: ["-c", `exec >>"$0" 2>&1\n${SUPERVISOR}`, logFile, ...command],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#input = child.stdin.getWriter();
    this.ended = child.status.then(({ code }) => {
      this.#running = false;
      return code;
    });
  }

  /**
   * Waits until the server accepts connections.
   *
   * @param server What it is, for the message.
   * @param accepts Whether it accepts connections now.
   * @param timeoutMs How long to wait.
   * @throws {ServerError} `not_started`, with the last lines of its log.
   */
  async ready(server: string, accepts: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (this.#running && Date.now() < deadline) {
      if (await accepts()) return;
      await sleep(50);
    }
    await this.kill();
    throw new ServerError("not_started", `${server} did not start:\n${await lastLines(this.#logFile)}`);
  }

  /** Shuts it down gracefully; kills it after 15 seconds. */
  async stop(): Promise<void> {
    await this.#signal(this.#stopSignal);
    const timer = setTimeout(() => this.#signal("KILL"), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
    await this.#input.close().catch(() => {});
  }

  /**
   * Ends it immediately.
   *
   * @param signal Without `SIG`.
   */
  async kill(signal = "KILL"): Promise<void> {
    await this.#signal(signal);
    await this.ended;
    await this.#input.close().catch(() => {});
  }

  async #signal(name: string): Promise<void> {
    if (!this.#running) return;
    // The process can end between the check and the write.
    await this.#input.write(new TextEncoder().encode(`${name}\n`)).catch(() => {});
  }
}

/**
 * The end of a log.
 *
 * @param file A text file; one that does not exist counts as empty.
 */
export async function lastLines(file: string): Promise<string> {
  const text = await Deno.readTextFile(file).catch(() => "");
  return text.trim().split("\n").slice(-8).join("\n");
}

/** A free port of 127.0.0.1. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
