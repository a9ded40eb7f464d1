/**
 * A server in a process of its own that never outlives whoever started it.
 *
 * @module
 */

/** How a server is started. */
export interface ServerProcessOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** What it prints is appended here. */
  readonly logFile: string;
  /** The signal, without `SIG`, that shuts it down in order. @default {"TERM"} */
  readonly stopSignal?: string;
}

const STOP_TIMEOUT_MS = 15_000;

/**
 * Starts the server, passes on the signals it reads as lines, and ends the server when its input ends: whoever started it
 * may be killed at any time without leaving a server behind. A Ctrl-C reaches every process of the terminal; here it is
 * ignored, so that whoever started the server decides. Background jobs of `sh` read nothing unless they are given a
 * descriptor.
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

/** A server that runs, or has run. */
export class ServerProcess {
  /** Resolves when it has ended, for whatever reason, with its exit code: 128 and the signal if it was killed. */
  readonly ended: Promise<number>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #stopSignal: string;
  #running = true;

  /**
   * Starts it; it need not be ready yet.
   *
   * @param options What to run.
   */
  constructor({ command, logFile, stopSignal = "TERM" }: ServerProcessOptions) {
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

  /** Whether it has not ended yet. */
  get running(): boolean {
    return this.#running;
  }

  /** Shuts it down in order; kills it when that takes too long. */
  async stop(): Promise<void> {
    await this.#signal(this.#stopSignal);
    const timer = setTimeout(() => this.#signal("KILL"), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
    await this.#input.close().catch(() => {});
  }

  /**
   * Ends it at once.
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

/** A port of 127.0.0.1 that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
