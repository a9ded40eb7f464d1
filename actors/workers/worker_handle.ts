import type { ModelFiles, Outcome } from "../../models/classifier.ts";
import { type DecodeLimits, type DecodeSettings, decodeSettings } from "../../models/image/limits.ts";
import { ServiceError } from "../errors.ts";
import { Decoding } from "./decoding.ts";
import { HangWatch } from "./hang_watch.ts";
import { unpackOutcomes } from "./outcomes.ts";
import { type Done, type FromWorker, pack, type ToWorker } from "./protocol.ts";

/** Outcome of a batch. */
export interface BatchOutcome extends Pick<Done, "tones" | "tookMs"> {
  /** One per image, in order. */
  readonly outcomes: readonly Outcome[];
}

/** A Worker that has loaded its model. */
export interface WorkerHandle {
  /**
   * Classifies a batch. It may be called while batches are computed: they are computed, and resolve, in the order of the
   * calls.
   *
   * @param images Encoded images; they are copied, not transferred.
   * @returns Their outcomes.
   * @throws {ServiceError} `worker_failed`: it threw, and goes on; `worker_died`, `worker_silent`,
   * `decode_timeout`: it is gone, with all batches it had.
   */
  run(images: readonly Uint8Array[]): Promise<BatchOutcome>;
  /** Its memory at its last reply, WASM and JavaScript, in bytes; absent where it does not report it. */
  readonly memoryBytes?: number | undefined;
  /**
   * Index of the image in the first of its batches that it decodes, or decoded when it ended; `null` when it did something else;
   * absent where that is not known.
   */
  readonly decoding?: number | null | undefined;
  /** Resolves with the reason when the Worker is gone, whoever ended it. Never rejects. */
  readonly gone: Promise<ServiceError>;
  /** Ends it at once. Running batches reject with `worker_died`. */
  terminate(): void;
}

/** How a Worker is started. */
export interface WorkerOptions {
  /** The compiled kernels of TensorFlow.js. */
  readonly wasm: WebAssembly.Module;
  /** Limits on what is decoded. */
  readonly limits: DecodeLimits;
  /** A Worker that takes longer to start, for one image, or for an inference, counts as hung; in milliseconds. */
  readonly deadlineMs: number;
  /** A Worker with more memory, WASM and JavaScript, in bytes, is replaced between batches. */
  readonly maxMemoryBytes: number;
  /** Whether the Worker loses all permissions. Needs `--unstable-worker-options`. */
  readonly isolated: boolean;
}

/** Starts the Worker of a model, and resolves when it is ready. Tests start Workers that fail on purpose. */
export type StartWorker = (files: ModelFiles, options: WorkerOptions) => Promise<WorkerHandle>;

/**
 * Starts Workers that run a program.
 *
 * @param program As `model_worker.ts`; tests have others that fail on purpose.
 */
export function startWorkerOf(program: URL): StartWorker {
  return async (files, options) => {
    const handle = new DenoWorker(files.manifest, options, program);
    await handle.start(files);
    return handle;
  };
}

/**
 * Starts a real Worker.
 *
 * @param files The model.
 * @param options How to start it.
 * @returns The Worker, its model loaded.
 * @throws {ServiceError} `worker_failed` when the model cannot be loaded, `worker_died`, `worker_silent`;
 * `invalid` when it exceeds its memory limit at the start.
 */
export const startWorker: StartWorker = startWorkerOf(new URL("./model_worker.ts", import.meta.url));

class DenoWorker implements WorkerHandle {
  readonly gone: Promise<ServiceError>;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #options: WorkerOptions;
  readonly #limits: DecodeSettings;
  readonly #worker: Worker;
  readonly #end = Promise.withResolvers<ServiceError>();
  readonly #decoding = new Decoding();
  #dead: ServiceError | undefined;
  #batch = 0;
  #memoryBytes: number | undefined;
  /** Requests without a reply, in order; the Worker works on the first, which is watched. */
  readonly #requests: PromiseWithResolvers<FromWorker>[] = [];
  #watch: HangWatch | undefined;

  constructor({ name, labels }: ModelFiles["manifest"], options: WorkerOptions, program: URL) {
    this.#name = name;
    this.#labels = labels;
    this.#options = options;
    this.#limits = decodeSettings(options.limits);
    this.#decoding.image = null;
    this.gone = this.#end.promise;
    this.#worker = new Worker(program, {
      type: "module",
      name: `imagebus ${name}`,
      ...(options.isolated && { deno: { permissions: "none" as const } }),
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onmessageerror = () =>
      this.#die("worker_died", "sent a message that cannot be deserialized");
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die("worker_died", `ended: ${event.message}`);
    };
  }

  async start(files: ModelFiles): Promise<void> {
    const { wasm } = this.#options;
    const limits = this.#limits;
    const decoding = this.#decoding.memory;
    const reply = await this.#request({ type: "start", files, wasm, limits, decoding }, []);
    if (reply.type === "ready") return this.#checkMemory();
    const reason = reply.type === "failed" ? reply.reason : `it replied ${reply.type}`;
    throw this.#die("worker_failed", `could not load its model: ${reason}`);
  }

  get decoding(): number | null {
    return this.#decoding.image;
  }

  get memoryBytes(): number | undefined {
    return this.#memoryBytes;
  }

  async run(images: readonly Uint8Array[]): Promise<BatchOutcome> {
    const batch = ++this.#batch;
    const packed = pack(images);
    const reply = await this.#request({ type: "run", batch, ...packed }, [packed.bytes]);
    if (reply.type === "done" && reply.batch === batch) {
      return { ...reply, outcomes: unpackOutcomes(reply.outcomes, this.#labels) };
    }
    if (reply.type !== "failed" || reply.batch !== batch) {
      throw this.#die("worker_died", `replied ${reply.type} out of turn`);
    }
    throw this.#error("worker_failed", `threw on a batch of ${images.length}: ${reply.reason}`);
  }

  /** A Worker that exceeds its limit at the start would be replaced after every batch. */
  #checkMemory(): void {
    const { maxMemoryBytes } = this.#options;
    const bytes = this.#memoryBytes ?? 0;
    if (bytes <= maxMemoryBytes) return;
    const limit = `the limit is ${megabytes(maxMemoryBytes)} MB; set it above ${megabytes(bytes)} MB`;
    throw this.#die("invalid", `has ${megabytes(bytes)} MB of memory when it starts: ${limit}`);
  }

  terminate(): void {
    this.#die("worker_died", "was terminated");
  }

  #request(message: ToWorker, transfer: Transferable[]): Promise<FromWorker> {
    if (this.#dead) return Promise.reject(this.#dead);
    const request = Promise.withResolvers<FromWorker>();
    this.#requests.push(request);
    this.#watch ??= this.#watchFirst();
    this.#worker.postMessage(message, transfer);
    return request.promise;
  }

  #receive(reply: FromWorker): void {
    // Race: a reply can arrive after the deadline or after `terminate`. By then its batch is rejected and taken up
    // again by another Worker, so the reply has no effect.
    if (this.#dead) return;
    this.#memoryBytes = reply.memoryBytes ?? this.#memoryBytes;
    this.#watch?.stop();
    this.#requests.shift()?.resolve(reply);
    this.#watch = this.#requests.length > 0 ? this.#watchFirst() : undefined;
  }

  #watchFirst(): HangWatch {
    const { deadlineMs } = this.#options;
    const { maxDecodeMs } = this.#limits;
    return new HangWatch(this.#decoding, {
      deadlineMs,
      maxDecodeMs,
      onSilent: () => this.#die("worker_silent", `did not answer within ${deadlineMs} ms`),
      onDecodeTimeout: () =>
        this.#die("decode_timeout", `took longer than ${maxDecodeMs} ms to decode an image`),
    });
  }

  #die(code: ServiceError["code"], what: string): ServiceError {
    const error = this.#error(code, what);
    this.#worker.terminate();
    this.#dead ??= error;
    this.#end.resolve(this.#dead);
    this.#watch?.stop();
    for (const request of this.#requests.splice(0)) request.reject(this.#dead);
    return error;
  }

  #error(code: ServiceError["code"], what: string): ServiceError {
    return new ServiceError(code, `The Worker of ${this.#name} ${what}`);
  }
}

/** Rounded up, so that what exceeds a limit looks so. */
function megabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
