import {
  checkMaxAttempts,
  type DeadLetter,
  type DeadLetterInfo,
  encodeAcknowledgement,
  encodeReplay,
  refusalOf,
  type ReplayOptions,
} from "./dead_letter.ts";
import { type DeadLettersOptions, readDeadLetters } from "./dead_letters.ts";
import { encodeRequest, isId, MAX_ID_LENGTH, type Request } from "./envelope.ts";
import { BusError } from "./transport/errors.ts";
import { type ImageSource, mediaType, readImage } from "./image_source.ts";
import { findResult, Replies } from "./replies.ts";
import type { Result } from "./result.ts";
import { type ResultsOptions, ResultStream } from "./result_stream.ts";
import { checkSendOptions } from "./send_options.ts";
import { ACKNOWLEDGEMENTS_TOPIC, DEFAULT_MODEL, isModelName, requestTopic } from "./topics.ts";
import { sendTraced } from "./tracing.ts";
import type { Text, Transport } from "./transport/transport.ts";
import { checkText, checkTime } from "./transport/validate.ts";

/** How to send an image. */
export interface SendOptions {
  /** The model that classifies it. @default {"fashion-mnist"} */
  readonly model?: string;
  /** The version of the model; it must be loaded. @default {the one that is served} */
  readonly modelVersion?: string;
  /** The id of the request and of its result: 1 to 256 characters, unique. @default {a random UUID} */
  readonly id?: string;
  /**
   * Images with equal keys are classified in the order of sending, and so are their results.
   *
   * @default {the id}
   */
  readonly key?: Text;
  /** A topic that gets the result too, besides `imagebus.results`; not one of requests or dead letters. */
  readonly replyTo?: string;
  /** Copied into the headers of the result. */
  readonly correlationId?: string;
  /**
   * W3C trace context, copied into the headers of the result.
   *
   * @default {that of the span of sending, where traces are exported}
   */
  readonly traceparent?: string;
  /** The true label, if it is known; copied into the result. */
  readonly actual?: string;
  /** The name of the image's file; copied into the result. */
  readonly fileName?: string;
  /** Milliseconds after which it is no longer classified, but fails with the code `expired` (1 to 36,500 days). */
  readonly expiresAfterMs?: number;
  /** Ends the attempt: rejects with the signal's reason. The image may have been stored all the same. */
  readonly signal?: AbortSignal;
}

/** How to send an image and wait for its result. */
export interface ClassifyOptions extends SendOptions {
  /** How long to wait for the result, in milliseconds (1 to 2,147,483,647). @default {30_000} */
  readonly timeoutMs?: number;
}

/** How to wait for the result of an image that was sent earlier. */
export interface ResultOptions {
  /**
   * When the image was sent, by the clock of this machine: older results are not searched, which is faster.
   * The clock of the bus may differ by a minute.
   *
   * @default {everything that the bus keeps is searched}
   */
  readonly since?: Date;
  /** How long to wait for the result, in milliseconds (1 to 2,147,483,647). @default {30_000} */
  readonly timeoutMs?: number;
  /** Ends the wait: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Sends images to be classified, and receives the results. Any number of programs can use one bus at the same
 * time.
 *
 * It owns its transport: closing the bus closes it.
 */
export class Bus implements AsyncDisposable {
  /** The connection to the message log. */
  readonly transport: Transport;
  readonly #streams = new Set<ResultStream>();
  readonly #replies: Replies;
  #closed = false;

  /**
   * Wraps a transport.
   *
   * @param transport An open transport; {@linkcode connect} opens one from a URL.
   */
  constructor(transport: Transport) {
    this.transport = transport;
    this.#replies = new Replies(transport, () => this.results());
  }

  /**
   * Stores an image for its model; does not wait for the result. Call it concurrently for throughput: images
   * that are sent at the same time share requests and transactions.
   *
   * @param image The encoded image (PNG, JPEG, WebP, …), at most `transport.maxMessageBytes` bytes.
   * @param options The model and other attributes of the request.
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
   * Sends an image and waits for its result. A failed classification is a result too; see its `status`. Once
   * the image is stored, the wait continues while the bus is unavailable. If this program ends first,
   * {@linkcode Bus.result} resumes it.
   *
   * @param image The encoded image (PNG, JPEG, WebP, …).
   * @param options The model, how long to wait, and other attributes of the request.
   * @returns The result.
   * @throws {BusError} As {@linkcode Bus.send}; `timeout` if no result came in time: the image stays on the
   * bus, and is classified when a worker gets to it.
   */
  async classify(image: ImageSource, options: ClassifyOptions = {}): Promise<Result> {
    const request = await this.#request(image, options);
    const wanted = { ...options, id: request.id, model: request.model };
    return await this.#replies.wait(wanted, (signal) => this.#store(request, signal), "also asked");
  }

  /**
   * Waits for the result of an image that was sent earlier, by this program or any other. Results that are
   * stored already are searched; of several, because the request was replayed, the last is returned.
   *
   * To wait again after a restart, choose the id yourself, or store the one that `send` returned.
   *
   * @param id The id of the request.
   * @param options When it was sent, and how long to wait.
   * @returns The result. Searching takes about a second per 100,000 stored results.
   * @throws {BusError} `timeout` if no result came in time: it may still come, or the bus may no longer keep
   * it; `invalid`, `unavailable`, `denied`, `closed`.
   *
   * @example The sender restarts before the result comes
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
    checkTime("since", options.since);
    const wanted = { ...options, id, model: "its model" };
    return await this.#replies.wait(
      wanted,
      (signal) => findResult(this.transport, id, options.since, signal),
    );
  }

  /**
   * The results of all senders, as they come. Reading starts with this call, not with the loop.
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
   * The requests that could not be classified: each id once, with its last failure. Ends with what was stored
   * when the loop began.
   *
   * @param options Which dead letters.
   * @returns The dead letters with their bytes, in the order of each partition. At most one batch is in
   * memory.
   * @throws {BusError} `unavailable`, `denied`, `corrupt`, `closed`; `invalid` for `since`.
   *
   * @example Replay what failed because its model was missing
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
   * Sends the request of a dead letter to its topic again: key, bytes, headers and id are unchanged, the
   * number of attempts is one higher. Its result comes like that of any request; the dead letter stays.
   * Replaying twice is harmless for sinks that keep results by id.
   *
   * @param letter One of {@linkcode Bus.deadLetters}.
   * @param options The limit on attempts.
   * @returns The number of attempts, including this one.
   * @throws {BusError} `invalid` after `maxAttempts` attempts, if it has expired, or if its bytes were not
   * kept; otherwise as {@linkcode Bus.send}.
   */
  async replay(letter: DeadLetter, options: ReplayOptions = {}): Promise<number> {
    this.#refuseClosed();
    const refusal = refusalOf(letter, checkMaxAttempts(options.maxAttempts));
    if (refusal) throw new BusError("invalid", `Cannot replay ${letter.id}: ${refusal}`);
    const { signal } = options;
    await this.transport.send(letter.topic, [encodeReplay(letter)], signal ? { signal } : {});
    return letter.attempts + 1;
  }

  /**
   * Records that the failure of a dead letter needs nothing more: {@linkcode Bus.deadLetters} leaves it out from then on,
   * unless the request is replayed and fails again. Acknowledging twice is harmless.
   *
   * @param letter One of {@linkcode Bus.deadLetters}.
   * @param options `signal` ends the attempt.
   * @throws {BusError} As {@linkcode Bus.send}.
   */
  async acknowledge(
    letter: DeadLetterInfo,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#refuseClosed();
    await this.transport.send(ACKNOWLEDGEMENTS_TOPIC, [encodeAcknowledgement(letter)], options);
  }

  /** Waits for pending sends, ends all streams, and closes the transport. May be called more than once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#replies.close();
    await Promise.all([...this.#streams].map((stream) => stream.close()));
    await this.transport.close();
  }

  /** As {@linkcode Bus.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #request(image: ImageSource, options: SendOptions): Promise<Request> {
    this.#refuseClosed();
    checkSendOptions(options);
    const { model = DEFAULT_MODEL, id = crypto.randomUUID(), key = id, expiresAfterMs, signal, ...rest } =
      options;
    checkModel(model);
    checkId(id);
    return {
      ...rest,
      id,
      model,
      key,
      image: await readImage(image, this.transport.maxMessageBytes, signal),
      ...(expiresAfterMs !== undefined && { expiresAt: Date.now() + expiresAfterMs }),
    };
  }

  #store(request: Request, signal?: AbortSignal): Promise<void> {
    const topic = requestTopic(request.model);
    return sendTraced(request, topic, this.transport.url, (request) => {
      const message = encodeRequest(request, mediaType(request.image));
      return this.transport.send(topic, [message], signal ? { signal } : {});
    });
  }

  #refuseClosed(): void {
    if (this.#closed) throw new BusError("closed", "The bus is closed");
  }
}

function checkModel(model: string): void {
  if (isModelName(model)) return;
  throw new BusError(
    "invalid",
    `Invalid model name ${JSON.stringify(model)}: expected lower-case letters, digits and dashes`,
  );
}

function checkId(id: string): void {
  checkText("id", id);
  if (isId(id)) return;
  throw new BusError("invalid", `The id has ${id.length} characters: expected 1 to ${MAX_ID_LENGTH}`);
}
