import { crc32 } from "node:zlib";
import type { ServeOptions } from "../../actors/options.ts";
import { connect, type ConnectOptions } from "../../bus/connect.ts";
import type { Result } from "../../bus/result.ts";
import { abortable } from "../../lib/abortable.ts";
import { messageOf } from "../../lib/coded_error.ts";
import { Requester } from "../soak/requester.ts";
import { WorkerProcess } from "../worker_process.ts";
import { type Corpus, inputOf } from "./inputs.ts";
import type { ServiceMessage, ServiceSettings } from "./service.ts";

/** What to run. */
export interface FuzzOptions {
  /** Files that inputs are made of. */
  readonly corpus: Corpus;
  /** Number of inputs. */
  readonly inputs: number;
  /** Random seed. */
  readonly seed: number;
  /** Models that inputs are sent to, in turn. */
  readonly models: readonly string[];
  /** An empty directory for the bus. */
  readonly directory: string;
  /** More options of the service, which JSON can hold. */
  readonly service?: ServeOptions;
  /** Program of the Workers. @default that of the product */
  readonly worker?: URL;
  /** Called after each result. */
  readonly onProgress?: (answered: number) => void;
  /** Ends the run early; the report is of the inputs that had an outcome by then. */
  readonly signal?: AbortSignal;
}

/** An input that can have ended or replaced a Worker, or made a model throw. */
export interface Suspect {
  /** Number of the input. */
  readonly number: number;
  readonly reason: string;
}

/** The report of a run. */
export interface FuzzReport {
  readonly inputs: number;
  readonly seed: number;
  /** Number of files that inputs were made of. */
  readonly files: number;
  readonly models: readonly string[];
  readonly tookMs: number;
  /** Inputs that were classified. */
  readonly classified: number;
  /** Inputs that became dead letters, by code. */
  readonly deadLetters: Readonly<Record<string, number>>;
  /** Workers that died or hung. */
  readonly restarts: number;
  /** Workers that were replaced for their memory, or for the time of an image. */
  readonly replacements: number;
  readonly suspects: readonly Suspect[];
  /** What failed besides: in the coordinator, its sinks, its bus, or the whole process. */
  readonly coordinatorErrors: readonly string[];
  /** Inputs that were sent and have no outcome, by number. */
  readonly lost: readonly number[];
  /** Largest resident memory of the service, in bytes. */
  readonly peakRssBytes: number;
  /** Whether nothing was lost, and nothing failed besides. */
  readonly passed: boolean;
}

const SERVICE = new URL("./service.ts", import.meta.url);
const MODEL_WORKER = new URL("../../actors/workers/model_worker.ts", import.meta.url);

/** Dead letters stay on the bus. */
const BUS_OPTIONS: ConnectOptions = { sqlite: { maxQueueBytes: 2 ** 40, synchronous: "normal" } };

/**
 * Sends damaged images to a service, and counts what becomes of them.
 *
 * @param options The run.
 */
export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { directory, inputs, models, onProgress = () => {}, signal = new AbortController().signal } = options;
  const url = `sqlite:${directory}/bus.db`;
  await using bus = await connect(url, BUS_OPTIONS);
  const tally = new Tally(options);
  const requester = await Requester.start(bus, {
    count: inputs,
    image: (number) => ({ image: tally.input(number), model: models[number % models.length]! }),
    onResult(_, result) {
      tally.count(result);
      onProgress(requester.answered + 1);
    },
  });
  const { service, worker = MODEL_WORKER } = options;
  const settings: ServiceSettings = {
    bus: url,
    worker: worker.href,
    options: { ...service, models, workersPerModel: 1 },
  };
  const begun = performance.now();
  {
    await using process = new WorkerProcess<ServiceMessage>(
      SERVICE,
      settings,
      (message) => tally.note(message),
    );
    await process.serving;
    const ended = Promise.race([requester.run(), process.failed]);
    await abortable(ended.catch((error) => tally.fail(messageOf(error))), signal);
    // What ends the service is no fault, so it is not in the report.
    if (signal.aborted) return tally.report(performance.now() - begun, requester.answered, []);
  }
  return tally.report(performance.now() - begun, inputs, requester.unanswered);
}

/** Counts. */
class Tally {
  readonly #options: FuzzOptions;
  /** Numbers of the inputs by their CRC-32. */
  readonly #numbers = new Map<number, number>();
  readonly #deadLetters = new Map<string, number>();
  readonly #suspects = new Map<number, string>();
  readonly #errors: string[] = [];
  #classified = 0;
  #state = { peakRssBytes: 0, restarts: 0, replacements: 0 };

  constructor(options: FuzzOptions) {
    this.#options = options;
  }

  input(number: number): Uint8Array<ArrayBuffer> {
    const input = inputOf(this.#options.corpus, this.#options.seed, number);
    this.#numbers.set(crc32(input), number);
    return input;
  }

  count(result: Result): void {
    if (result.status === "classified") this.#classified++;
    else {
      const { code } = result.error;
      this.#deadLetters.set(code, (this.#deadLetters.get(code) ?? 0) + 1);
    }
  }

  note(message: ServiceMessage): void {
    if (message.type === "state") this.#state = message;
    else if (message.type === "error") this.fail(message.reason);
    else {
      for (const checksum of message.checksums) {
        const number = this.#numbers.get(checksum);
        if (number !== undefined) this.#suspects.set(number, message.reason);
      }
    }
  }

  fail(reason: string): void {
    this.#errors.push(reason);
  }

  report(tookMs: number, inputs: number, lost: readonly number[]): FuzzReport {
    const { corpus, seed, models } = this.#options;
    const { peakRssBytes, restarts, replacements } = this.#state;
    const counts = [...this.#deadLetters].toSorted(([, a], [, b]) => b - a);
    return {
      ...{ inputs, seed, files: corpus.flat().length, models, tookMs, classified: this.#classified },
      deadLetters: Object.fromEntries(counts),
      restarts,
      replacements,
      suspects: [...this.#suspects].map(([number, reason]) => ({ number, reason })),
      coordinatorErrors: [...this.#errors],
      lost,
      peakRssBytes,
      passed: this.#errors.length === 0 && lost.length === 0,
    };
  }
}
