import {
  checkMaxAttempts,
  type DeadLetter,
  encodeReplay,
  refusalOf,
  type ReplayOptions,
} from "./dead_letter.ts";
import { type DeadLettersOptions, readDeadLetters } from "./dead_letters.ts";
import { encodeRequest, type Request } from "./envelope.ts";
import { BusError } from "./errors.ts";
import { type ImageSource, mediaType, readImage } from "./image_source.ts";
import type { Result } from "./result.ts";
import { type ResultsOptions, ResultStream } from "./result_stream.ts";
import { DEFAULT_MODEL, isModelName, requestTopic } from "./topics.ts";
import type { Text, Transport } from "./transport.ts";

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

const MAX_WAITING = 100_000;

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
   * import { createMemoryBroker } from "./memory.ts";
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
   * Sends an image and waits for its result. A failed classification is a result as well; see its `status`.
   *
   * @param image The encoded image (PNG, JPEG).
   * @param options The model, how long to wait, and what else to say.
   * @returns What was found.
   * @throws {BusError} As {@linkcode Bus.send}; `timeout` when no result came in time: the image stays on the bus, and is
   * classified when a worker gets to it.
   */
  async classify(image: ImageSource, options: ClassifyOptions = {}): Promise<Result> {
    const timeoutMs = checkTimeout(options.timeoutMs ?? 30_000);
    const request = await this.#request(image, options);
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const reply = this.#expect(request.id);
    const abort = () =>
      reply.reject(deadline.aborted ? noResult(request, timeoutMs, this.transport) : signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.#listen(), reply.promise]);
      await Promise.race([this.#store(request, signal), reply.promise]);
      return await reply.promise;
    } catch (error) {
      throw deadline.aborted && error === deadline.reason
        ? noResult(request, timeoutMs, this.transport)
        : error;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#waiting.delete(request.id);
    }
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
   * import { createMemoryBroker } from "./memory.ts";
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

function checkTimeout(timeoutMs: number): number {
  if (timeoutMs >= 1 && timeoutMs <= 2_147_483_647) return timeoutMs;
  throw new BusError("invalid", `timeoutMs is ${timeoutMs}: expected 1 to 2147483647 milliseconds`);
}

function noResult(request: Request, timeoutMs: number, transport: Transport): BusError {
  return new BusError(
    "timeout",
    `No result for ${request.id} within ${timeoutMs} ms: is a worker serving ${request.model} on ${transport.url}? ` +
      "The image stays on the bus.",
  );
}
