import type { ModelFiles, Outcome } from "../../models/classifier.ts";
import type { DecodeLimits } from "../../models/image/decode.ts";
import { ServiceError } from "../errors.ts";
import { type FromWorker, pack, type ToWorker } from "./protocol.ts";

/** What became of a batch. */
export interface BatchOutcome {
  /** One for each image, in order. */
  readonly outcomes: readonly Outcome[];
  /** Decoding and inference, in milliseconds. */
  readonly tookMs: number;
}

/** A Worker that has loaded its model. One batch at a time. */
export interface WorkerHandle {
  /**
   * Classifies a batch.
   *
   * @param images Encoded images; their memory is copied, not taken.
   * @throws {ServiceError} `worker_failed`: it threw, and can go on; `worker_died`, `worker_silent`: it is gone.
   */
  run(images: readonly Uint8Array[]): Promise<BatchOutcome>;
  /** Its memory, WASM and JavaScript, in bytes, as it said with its last answer; absent where it says nothing. */
  readonly memoryBytes?: number | undefined;
  /** Resolves with the reason when the Worker is gone, whoever ended it. Never rejects. */
  readonly gone: Promise<ServiceError>;
  /** Ends it at once. What it was working on rejects with `worker_died`. */
  terminate(): void;
}

/** How a Worker is started. */
export interface WorkerOptions {
  /** The compiled kernels of TensorFlow.js. */
  readonly wasm: WebAssembly.Module;
  /** Bounds on what is decoded. */
  readonly limits: DecodeLimits;
  /** A Worker that takes longer to start, or for a batch, is taken for hung; in milliseconds. */
  readonly deadlineMs: number;
  /** A Worker that has more memory than this, WASM and JavaScript, in bytes, is replaced between batches. */
  readonly maxMemoryBytes: number;
  /** Whether the Worker loses all permissions. Needs `--unstable-worker-options`. */
  readonly isolated: boolean;
}

/** Starts the Worker of a model, and resolves when it is ready. Replaced in tests by Workers that fail on purpose. */
export type StartWorker = (files: ModelFiles, options: WorkerOptions) => Promise<WorkerHandle>;

/**
 * Starts a real Worker.
 *
 * @param files The model.
 * @param options How to start it.
 * @throws {ServiceError} `worker_failed` when the model can't be loaded, `worker_died`, `worker_silent`; `invalid` when it needs
 * more memory than it may have before it has done anything.
 */
export const startWorker: StartWorker = async (files, options) => {
  const handle = new DenoWorker(files.manifest.name, options);
  await handle.start(files);
  return handle;
};

/**
 * Starts Workers that run another program than the shipped one; for tests of the isolation.
 *
 * @param program Where the program is.
 */
export function startWorkerOf(program: URL): StartWorker {
  return async (files, options) => {
    const handle = new DenoWorker(files.manifest.name, options, program);
    await handle.start(files);
    return handle;
  };
}

const MODEL_WORKER = new URL("./model_worker.ts", import.meta.url);

class DenoWorker implements WorkerHandle {
  readonly gone: Promise<ServiceError>;
  readonly #name: string;
  readonly #options: WorkerOptions;
  readonly #worker: Worker;
  readonly #end = Promise.withResolvers<ServiceError>();
  #dead: ServiceError | undefined;
  #batch = 0;
  #memoryBytes: number | undefined;
  #answer: PromiseWithResolvers<FromWorker> | undefined;

  constructor(name: string, options: WorkerOptions, program: URL = MODEL_WORKER) {
    this.#name = name;
    this.#options = options;
    this.gone = this.#end.promise;
    this.#worker = new Worker(program, {
      type: "module",
      name: `imagebus ${name}`,
      ...(options.isolated && { deno: { permissions: "none" as const } }),
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#answer?.resolve(data);
    this.#worker.onmessageerror = () => this.#die("worker_died", "sent what can't be read");
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#die("worker_died", `ended: ${event.message}`);
    };
  }

  async start(files: ModelFiles): Promise<void> {
    const { wasm, limits } = this.#options;
    const answer = await this.#ask({ type: "start", files, wasm, limits }, []);
    if (answer.type === "ready") return this.#checkMemory();
    const reason = answer.type === "failed" ? answer.reason : `answered ${answer.type}`;
    throw this.#die("worker_failed", `could not load its model: ${reason}`);
  }

  get memoryBytes(): number | undefined {
    return this.#memoryBytes;
  }

  async run(images: readonly Uint8Array[]): Promise<BatchOutcome> {
    const batch = ++this.#batch;
    const packed = pack(images);
    const answer = await this.#ask({ type: "run", batch, ...packed }, [packed.bytes]);
    if (answer.type === "done" && answer.batch === batch) return answer;
    if (answer.type !== "failed") throw this.#die("worker_died", `answered ${answer.type} out of turn`);
    throw this.#error("worker_failed", `threw on a batch of ${images.length}: ${answer.reason}`);
  }

  /** It would be replaced after each batch. */
  #checkMemory(): void {
    const { maxMemoryBytes } = this.#options;
    const bytes = this.#memoryBytes ?? 0;
    if (bytes <= maxMemoryBytes) return;
    const bound = `${megabytes(maxMemoryBytes)} MB may be used: allow it more than ${megabytes(bytes)} MB`;
    throw this.#die("invalid", `has ${megabytes(bytes)} MB of memory when it starts, but only ${bound}`);
  }

  terminate(): void {
    this.#die("worker_died", "was terminated");
  }

  async #ask(message: ToWorker, transfer: Transferable[]): Promise<FromWorker> {
    if (this.#dead) throw this.#dead;
    const answer = this.#answer = Promise.withResolvers<FromWorker>();
    const { deadlineMs } = this.#options;
    const timer = setTimeout(
      () => this.#die("worker_silent", `did not answer within ${deadlineMs} ms`),
      deadlineMs,
    );
    this.#worker.postMessage(message, transfer);
    try {
      const said = await answer.promise;
      this.#memoryBytes = said.memoryBytes ?? this.#memoryBytes;
      return said;
    } finally {
      clearTimeout(timer);
      this.#answer = undefined;
    }
  }

  #die(code: ServiceError["code"], what: string): ServiceError {
    const error = this.#error(code, what);
    this.#worker.terminate();
    this.#dead ??= error;
    this.#end.resolve(this.#dead);
    this.#answer?.reject(this.#dead);
    return error;
  }

  #error(code: ServiceError["code"], what: string): ServiceError {
    return new ServiceError(code, `The Worker of ${this.#name} ${what}`);
  }
}

/** Rounded up, so that what is over a bound is seen to be. */
function megabytes(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}
