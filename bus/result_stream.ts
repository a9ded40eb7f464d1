import { decodeResult } from "./envelope.ts";
import type { Result } from "./result.ts";
import { RESULTS_TOPIC } from "./topics.ts";
import type { Message, Subscription, Transport } from "./transport/transport.ts";

/** Which results to read. */
export interface ResultsOptions {
  /**
   * `"end"`: results from now on; `"start"`: also all that the bus still keeps; a time: also those that were
   * stored since.
   *
   * @default {"end"}
   */
  readonly from?: "start" | "end" | Date;
  /** Only the results of this model. */
  readonly model?: string;
  /** The topic to read: `imagebus.results`, or the `replyTo` of requests. @default {"imagebus.results"} */
  readonly topic?: string;
  /** Ends the stream, without an error. */
  readonly signal?: AbortSignal;
}

/**
 * Results as they come. Iterate it once. It ends when the signal is aborted, or the stream or its bus is
 * closed.
 *
 * A result can come twice, with the same `id`, if a worker was killed between storing it and committing.
 */
export class ResultStream implements AsyncIterable<Result>, AsyncDisposable {
  /** Resolves once no later result can be missed. */
  readonly ready: Promise<void>;
  /** Resolves when the stream is closed. Never rejects. */
  readonly closed: Promise<void>;
  readonly #end = Promise.withResolvers<void>();
  readonly #subscription: Promise<Subscription>;
  readonly #model: string | undefined;

  /**
   * Starts to read.
   *
   * @param transport Where the results are.
   * @param options Which ones.
   */
  constructor(transport: Transport, options: ResultsOptions = {}) {
    this.#model = options.model;
    this.closed = this.#end.promise;
    this.#subscription = transport.subscribe([options.topic ?? RESULTS_TOPIC], {
      from: options.from ?? "end",
    });
    this.ready = this.#subscription.then(() => {});
    // An error is thrown to whoever iterates or awaits `ready`; without either it is not unhandled.
    this.ready.catch(() => {});
    const { signal } = options;
    const abort = () => void this.close();
    signal?.addEventListener("abort", abort, { once: true });
    // The signal may live longer than many streams.
    void this.closed.then(() => signal?.removeEventListener("abort", abort));
    if (signal?.aborted) abort();
  }

  /** Yields one result at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Result, void, void> {
    try {
      for await (const batch of await this.#subscription) yield* this.#decode(batch.messages);
    } finally {
      await this.close();
    }
  }

  /** Ends the stream. May be called more than once; never rejects. */
  async close(): Promise<void> {
    const subscription = await this.#subscription.catch(() => null);
    await subscription?.close();
    this.#end.resolve();
  }

  /** As {@linkcode ResultStream.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  *#decode(messages: readonly Message[]): Generator<Result> {
    for (const message of messages) {
      const result = decodeResult(message);
      if (result && (this.#model === undefined || result.model === this.#model)) yield result;
    }
  }
}
