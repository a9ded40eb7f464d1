import { abortable } from "../lib/abortable.ts";
import { decodeResult } from "./envelope.ts";
import type { Result } from "./result.ts";
import type { ResultStream } from "./result_stream.ts";
import { RESULTS_TOPIC } from "./topics.ts";
import { BusError } from "./transport/errors.ts";
import type { Transport } from "./transport/transport.ts";

/** A result that a caller waits for. */
export interface WantedResult {
  /** The id of the request. */
  readonly id: string;
  /** Which model to look for when no result comes; for the message. */
  readonly model: string;
  /** Time limit in milliseconds. @default {30_000} */
  readonly timeoutMs?: number;
  /** Ends the wait: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const MAX_WAITING = 100_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** The range of timers. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_CLOCK_SKEW_MS = 60_000;

/** The results that callers of one bus wait for. All share one stream, opened by the first of them. */
export class Replies {
  readonly #transport: Transport;
  readonly #openStream: () => ResultStream;
  readonly #waiting = new Map<string, PromiseWithResolvers<Result>>();
  #listening: Promise<void> | undefined;

  /**
   * @param transport The bus, for messages.
   * @param openStream Opens a stream of all results from now on.
   */
  constructor(transport: Transport, openStream: () => ResultStream) {
    this.#transport = transport;
    this.#openStream = openStream;
  }

  /**
   * Waits for a result.
   *
   * @param wanted Which one, and for how long.
   * @param ask Sends the request, or looks for a stored result. Called after listening has started, so that
   * no result is missed in between.
   * @param until `also asked`: as long as there is time the end of `ask` is waited for too, since a result can come before the disk
   * has its request. It counts, even if that fails.
   * @returns What `ask` found, or what came first.
   * @throws {BusError} `timeout`; `queue_full` with 100,000 waits; `invalid`: the id is waited for already;
   * `closed`.
   */
  async wait(
    wanted: WantedResult,
    ask: (signal: AbortSignal) => Promise<Result | void>,
    until: "answered" | "also asked" = "answered",
  ): Promise<Result> {
    const { id, timeoutMs = DEFAULT_TIMEOUT_MS } = wanted;
    if (!(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) throw invalidTimeout(timeoutMs);
    const reply = this.#expect(id);
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, ...wanted.signal ? [wanted.signal] : []]);
    const timer = setTimeout(() => end.abort(noResult(wanted, timeoutMs, this.#transport)), timeoutMs);
    const abort = () => reply.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await Promise.race([this.#listen(), reply.promise]);
      const asked = ask(signal);
      const result = await Promise.race([asked, reply.promise]) ?? await reply.promise;
      if (until === "also asked") await abortable(asked.catch(() => {}), signal);
      return result;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
      signal.removeEventListener("abort", abort);
      // A search may still be running.
      end.abort(null);
    }
  }

  /** Rejects everyone who waits as `closed`. */
  close(): void {
    this.#rejectAll(new BusError("closed", "The bus is closed"));
  }

  #expect(id: string): PromiseWithResolvers<Result> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new BusError(
        "queue_full",
        `Cannot wait for ${id}: ${MAX_WAITING} results are waited for already`,
      );
    }
    if (this.#waiting.has(id)) {
      throw new BusError("invalid", `Cannot wait for ${id}: this bus waits for its result already`);
    }
    const reply = Promise.withResolvers<Result>();
    // It can be rejected while the request is still being sent.
    reply.promise.catch(() => {});
    this.#waiting.set(id, reply);
    return reply;
  }

  #listen(): Promise<void> {
    return this.#listening ??= this.#start();
  }

  async #start(): Promise<void> {
    const stream = this.#openStream();
    try {
      await stream.ready;
    } catch (error) {
      this.#listening = undefined;
      throw error;
    }
    void this.#resolveFrom(stream);
  }

  async #resolveFrom(stream: ResultStream): Promise<void> {
    let reason: unknown = new BusError("closed", "The bus is closed");
    try {
      for await (const result of stream) this.#waiting.get(result.id)?.resolve(result);
    } catch (error) {
      reason = error;
    }
    this.#listening = undefined;
    this.#rejectAll(reason);
  }

  #rejectAll(reason: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(reason);
  }
}

/**
 * Searches the results that are stored by now.
 *
 * @param transport The bus.
 * @param id The id of the request.
 * @param since When it was sent, by this machine's clock; without it everything that the bus keeps is
 * searched.
 * @param signal Ends the search: it rejects with the signal's reason.
 * @returns The last result of this id, if there is one.
 */
export async function findResult(
  transport: Transport,
  id: string,
  since: Date | undefined,
  signal: AbortSignal,
): Promise<Result | undefined> {
  const from = since ? new Date(since.getTime() - MAX_CLOCK_SKEW_MS) : "start";
  await using stored = await transport.subscribe([RESULTS_TOPIC], { from, until: "end", signal });
  let found: Result | undefined;
  for await (const { messages } of stored) {
    signal.throwIfAborted();
    for (const message of messages) {
      if (message.headers["ce_id"] === id) found = decodeResult(message) ?? found;
    }
  }
  return found;
}

function invalidTimeout(timeoutMs: number): BusError {
  return new BusError("invalid", `timeoutMs is ${timeoutMs}: expected 1 to ${MAX_TIMEOUT_MS} milliseconds`);
}

function noResult({ id, model }: WantedResult, timeoutMs: number, { url }: Transport): BusError {
  return new BusError(
    "timeout",
    `No result for ${id} within ${timeoutMs} ms: check that a worker serves ${model} on ${url}. ` +
      "An image that was sent stays on the bus.",
  );
}
