import {
  checkMaxAttempts,
  type DeadLetter,
  encodeReplay,
  refusalOf,
  type ReplayOptions,
} from "./dead_letter.ts";
import { type DeadLettersOptions, readDeadLetters } from "./dead_letters.ts";
import { decodeResult, encodeRequest, type Request } from "./envelope.ts";
import { BusError } from "./transport/errors.ts";
import { type ImageSource, mediaType, readImage } from "./image_source.ts";
import type { Result } from "./result.ts";
import { type ResultsOptions, ResultStream } from "./result_stream.ts";
import { DEFAULT_MODEL, isModelName, requestTopic, RESULTS_TOPIC } from "./topics.ts";
import type { Text, Transport } from "./transport/transport.ts";

/** What to say with an image. */
export interface SendOptions {
  /** The model that shall classify it. @default {"fashion-mnist"} */
  readonly model?: string;
  /** The id of the request and its result: 1 to 256 characters, unique. @default {a random UUID} */
  readonly id?: string;
  /** Images with equal keys are classified, and their results come, in the order they were sent. @default {the id} */
  readonly key?: Text;
  /** One more topic that gets the result, besides `imagebus.results`. */
  readonly replyTo?: string;
  /** Handed on to the result's headers. */
  readonly correlationId?: string;
  /** W3C trace context, handed on to the result's headers. */
  readonly traceparent?: string;
  /** The true label, where it is known; handed on to the result. */
  readonly actual?: string;
  /** Not to be classified any more after this time: the result is then a failure with the code `expired`. */
  readonly expiresAfterMs?: number;
  /** Ends the attempt: rejects with the signal's reason. The image may have been stored all the same. */
  readonly signal?: AbortSignal;
}

/** What to say with an image whose result is awaited. */
export interface ClassifyOptions extends SendOptions {
  /** How long to wait for the result, in milliseconds (1 to 2,147,483,647). @default {30_000} */
  readonly timeoutMs?: number;
}

/** Which result to await. */
export interface ResultOptions {
  /**
   * When the image was sent, by the clock of this machine: results from before it are not looked at, so that it is found
   * sooner. The clock of the bus may differ by a minute.
   *
   * @default {all results that the bus keeps are looked at}
   */
  readonly since?: Date;
  /** How long to wait for the result, in milliseconds (1 to 2,147,483,647). @default {30_000} */
  readonly timeoutMs?: number;
  /** Ends the attempt: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Whose result is awaited, and for how long. */
interface Asked {
  readonly id: string;
  /** Whom to look for when it does not come. */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const MAX_WAITING = 100_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/** How far the clocks of the bus and of an asker may be apart. */
const MAX_CLOCK_SKEW_MS = 60_000;

/**
 * Sends images to be classified, and receives what was found.
 *
 * Any number of programs may do so on one bus. It holds its transport: closing the bus closes it.
 */
export class Bus implements AsyncDisposable {
  /** Where messages go and come from. */
  readonly transport: Transport;
  readonly #waiting = new Map<string, PromiseWithResolvers<Result>>();
  readonly #streams = new Set<ResultStream>();
  #replies: Promise<ResultStream> | undefined;
  #closed = false;

  /**
   * Makes a bus of a transport.
   *
   * @param transport An open transport; {@linkcode connect} opens one from a URL.
   */
  constructor(transport: Transport) {
    this.transport = transport;
  }

  /**
   * Stores an image for its model; does not wait for the result. Call it concurrently for throughput: what is sent at the
   * same time travels together.
   *
   * @param image The encoded image (PNG, JPEG), at most `transport.maxMessageBytes` bytes.
   * @param options The model, and what else to say.
   * @returns The id of the request, which is the id of its result.
   * @throws {BusError} `invalid`, `too_large`, `queue_full`, `unavailable`, `denied`, `closed`.
   *
   * @example
   * ```ts
   * import { Bus } from "./bus.ts";
   * import { createMemoryBroker } from "./transport/memory.ts";
   * await using bus = new Bus(createMemoryBroker().connect());
   * const id = await bus.send(new Uint8Array([1, 2, 3]), { model: "mnist" });
   * if (id.length !== 36) throw new Error("unexpected");
   * ```
   */
  async send(image: ImageSource, options: SendOptions = {}): Promise<string> {
    const request = await this.#request(image, options);
    await this.#store(request, options.signal);
    return request.id;
  }

  /**
   * Sends an image and waits for its result. A failed classification is a result as well; see its `status`. Once the image is
   * stored, the wait goes on while the bus is away; after the end of this program {@linkcode Bus.result} takes it up again.
   *
   * @param image The encoded image (PNG, JPEG).
   * @param options The model, how long to wait, and what else to say.
   * @returns What was found.
   * @throws {BusError} As {@linkcode Bus.send}; `timeout` when no result came in time: the image stays on the bus, and is
   * classified when a worker gets to it.
   */
  async classify(image: ImageSource, options: ClassifyOptions = {}): Promise<Result> {
    checkTimeout(options.timeoutMs);
    const request = await this.#request(image, options);
    const { id, model } = request;
    return await this.#await({ id, what: model, ...options }, (signal) => this.#store(request, signal));
  }

  /**
   * Waits for the result of an image that was sent before: by this program, by one that has ended since, or by any other. It
   * may have come already: the bus is looked through for it. When there are several, because it was replayed, it is the last.
   *
   * Whoever wants to ask again after its own end chooses the id, or writes down the one that `send` returned.
   *
   * @param id The id of the request.
   * @param options When it was sent, and how long to wait.
   * @returns What was found. Looking through takes about a second for 100,000 results.
   * @throws {BusError} `timeout` when no result came in time: it may still come, or the bus may not keep it any more;
   * `invalid`, `unavailable`, `denied`, `closed`.
   *
   * @example The asker ends before the answer comes, and comes back
   * ```ts
   * import { Bus } from "./bus.ts";
   * import { encodeResult } from "./envelope.ts";
   * import { createMemoryBroker } from "./transport/memory.ts";
   * const broker = createMemoryBroker();
   * const sentAt = new Date();
   * const id = "order-17";
   * {
   *   await using asker = new Bus(broker.connect());
   *   await asker.send(new Uint8Array([1, 2, 3]), { id, model: "mnist" });
   * }
   * await using worker = broker.connect();
   * const error = { code: "not_an_image", message: "Neither PNG nor JPEG" };
   * const times = { at: new Date().toISOString(), waitedMs: 0, tookMs: 0 };
   * const answer = { status: "failed", id, model: "mnist", ...times, error } as const;
   * await worker.send("imagebus.results", [encodeResult(answer, { id, key: id })]);
   *
   * await using asker = new Bus(broker.connect());
   * const result = await asker.result(id, { since: sentAt });
   * if (result.status !== "failed" || result.error.code !== "not_an_image") throw new Error("unexpected");
   * ```
   */
  async result(id: string, options: ResultOptions = {}): Promise<Result> {
    this.#refuseClosed();
    checkId(id);
    checkSince(options.since);
    return await this.#await(
      { id, what: "its model", ...options },
      (signal) => this.#find(id, options, signal),
    );
  }

  /**
   * Everyone's results, as they come. Reading starts with the call, not with the loop.
   *
   * @param options Which results.
   */
  results(options: ResultsOptions = {}): ResultStream {
    this.#refuseClosed();
    const stream = new ResultStream(this.transport, options);
    this.#streams.add(stream);
    void stream.closed.then(() => this.#streams.delete(stream));
    return stream;
  }

  /**
   * What could not be classified: each id once, with its last failure. Ends with what was stored when the loop began.
   *
   * @param options Which dead letters.
   * @returns The dead letters with their bytes, in the order of each partition. No more than a batch is in memory.
   * @throws {BusError} When the bus can't be read; `closed`.
   *
   * @example Try again what failed because its model was missing
   * ```ts
   * import { Bus } from "./bus.ts";
   * import { createMemoryBroker } from "./transport/memory.ts";
   * await using bus = new Bus(createMemoryBroker().connect());
   * for await (const letter of bus.deadLetters({ reason: "unknown_model" })) {
   *   if (letter.attempts < 5) await bus.replay(letter);
   * }
   * ```
   */
  deadLetters(options: DeadLettersOptions = {}): AsyncGenerator<DeadLetter, void, void> {
    return readDeadLetters(this.transport, options);
  }

  /**
   * Sends the request of a dead letter to its topic again: key, bytes and headers as they were, the same id, and the count of
   * attempts one higher. Its result comes as that of every request; the dead letter stays. Replaying twice is harmless where
   * results are kept by id.
   *
   * @param letter One of {@linkcode Bus.deadLetters}.
   * @param options The limit on attempts.
   * @returns How often it was tried, this time included.
   * @throws {BusError} `invalid` when it was tried `maxAttempts` times, is too late, or was not kept whole; as {@linkcode Bus.send}.
   */
  async replay(letter: DeadLetter, options: ReplayOptions = {}): Promise<number> {
    this.#refuseClosed();
    const refusal = refusalOf(letter, checkMaxAttempts(options.maxAttempts));
    if (refusal) throw new BusError("invalid", `${letter.id} can't be replayed: ${refusal}`);
    const { signal } = options;
    await this.transport.send(letter.topic, [encodeReplay(letter)], signal ? { signal } : {});
    return letter.attempts + 1;
  }

  /** Waits for the sends under way, ends all streams, and closes the transport. May be called more than once. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new BusError("closed", "The bus was closed"));
    await Promise.all([...this.#streams].map((stream) => stream.close()));
    await this.transport.close();
  }

  /** The same as {@linkcode Bus.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #request(image: ImageSource, options: SendOptions): Promise<Request> {
    this.#refuseClosed();
    const { model = DEFAULT_MODEL, id = crypto.randomUUID(), expiresAfterMs } = options;
    checkModel(model);
    checkId(id);
    return {
      id,
      model,
      key: options.key ?? id,
      image: await readImage(image, this.transport.maxMessageBytes, options.signal),
      ...(options.replyTo !== undefined && { replyTo: options.replyTo }),
      ...(options.correlationId !== undefined && { correlationId: options.correlationId }),
      ...(options.traceparent !== undefined && { traceparent: options.traceparent }),
      ...(options.actual !== undefined && { actual: options.actual }),
      ...(expiresAfterMs !== undefined && { expiresAt: Date.now() + expiresAfterMs }),
    };
  }

  /** Listens first and then asks, so that no result falls in between. */
  async #await(asked: Asked, ask: (signal: AbortSignal) => Promise<Result | void>): Promise<Result> {
    const { id, timeoutMs = DEFAULT_TIMEOUT_MS } = asked;
    checkTimeout(timeoutMs);
    const reply = this.#expect(id);
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, ...asked.signal ? [asked.signal] : []]);
    const timer = setTimeout(() => end.abort(noResult(asked, timeoutMs, this.transport)), timeoutMs);
    const abort = () => reply.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await Promise.race([this.#listen(), reply.promise]);
      return await Promise.race([ask(signal), reply.promise]) ?? await reply.promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
      signal.removeEventListener("abort", abort);
      // A search may still be under way.
      end.abort(null);
    }
  }

  /** Looks through what is stored by now. */
  async #find(id: string, { since }: ResultOptions, signal: AbortSignal): Promise<Result | undefined> {
    const from = since ? new Date(since.getTime() - MAX_CLOCK_SKEW_MS) : "start";
    await using stored = await this.transport.subscribe([RESULTS_TOPIC], { from, until: "end", signal });
    let found: Result | undefined;
    for await (const { messages } of stored) {
      signal.throwIfAborted();
      for (const message of messages) {
        if (message.headers["ce_id"] === id) found = decodeResult(message) ?? found;
      }
    }
    return found;
  }

  #store(request: Request, signal?: AbortSignal): Promise<void> {
    const message = encodeRequest(request, mediaType(request.image));
    return this.transport.send(requestTopic(request.model), [message], signal ? { signal } : {});
  }

  #expect(id: string): PromiseWithResolvers<Result> {
    if (this.#waiting.size >= MAX_WAITING) {
      throw new BusError(
        "queue_full",
        `${MAX_WAITING} results are being waited for: wait for some of them first`,
      );
    }
    if (this.#waiting.has(id)) {
      throw new BusError("invalid", `The result of id "${id}" is being waited for already`);
    }
    const reply = Promise.withResolvers<Result>();
    // It can be rejected while the sending is still awaited.
    reply.promise.catch(() => {});
    this.#waiting.set(id, reply);
    return reply;
  }

  /** One stream of replies serves all askers of this bus; it is opened by the first. */
  async #listen(): Promise<void> {
    this.#replies ??= this.#openReplies();
    await this.#replies;
  }

  async #openReplies(): Promise<ResultStream> {
    const stream = this.results();
    try {
      await stream.ready;
    } catch (error) {
      this.#replies = undefined;
      throw error;
    }
    void this.#answer(stream);
    return stream;
  }

  async #answer(stream: ResultStream): Promise<void> {
    let reason: unknown = new BusError("closed", "The bus was closed");
    try {
      for await (const result of stream) this.#waiting.get(result.id)?.resolve(result);
    } catch (error) {
      reason = error;
    }
    this.#replies = undefined;
    for (const { reject } of this.#waiting.values()) reject(reason);
  }

  #refuseClosed(): void {
    if (this.#closed) throw new BusError("closed", "The bus was closed");
  }
}

function checkModel(model: string): void {
  if (isModelName(model)) return;
  throw new BusError(
    "invalid",
    `${JSON.stringify(model)} can't be a model's name: expected lower-case letters, digits and dashes`,
  );
}

function checkId(id: string): void {
  if (id.length >= 1 && id.length <= 256) return;
  throw new BusError("invalid", `The id has ${id.length} characters: expected 1 to 256`);
}

function checkSince(since: Date | undefined): void {
  if (since === undefined || (since instanceof Date && !Number.isNaN(since.getTime()))) return;
  throw new BusError("invalid", `since is ${JSON.stringify(since)}: expected a valid Date`);
}

function checkTimeout(timeoutMs = DEFAULT_TIMEOUT_MS): void {
  if (timeoutMs >= 1 && timeoutMs <= 2_147_483_647) return;
  throw new BusError("invalid", `timeoutMs is ${timeoutMs}: expected 1 to 2147483647 milliseconds`);
}

function noResult({ id, what }: Asked, timeoutMs: number, transport: Transport): BusError {
  return new BusError(
    "timeout",
    `No result for ${id} within ${timeoutMs} ms: is a worker serving ${what} on ${transport.url}? ` +
      "The image stays on the bus.",
  );
}
