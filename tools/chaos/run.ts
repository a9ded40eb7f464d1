import { optionsFor } from "../../testing/options_for.ts";
import type { Bus } from "../../bus/bus.ts";
import { connect } from "../../bus/connect.ts";
import { startPostgres } from "../../testing/brokers/postgres.ts";
import { busOptions, maxQueueBytes, startBus } from "./bus.ts";
import { ACTS } from "./faults/faults.ts";
import type { Stage } from "./faults/stage.ts";
import { Observer } from "./observer.ts";
import { Assignment, loadImages, MODEL } from "./images.ts";
import { readBack } from "./read_back.ts";
import { type ChaosReport, type FaultReport, wentWell } from "./report.ts";
import { type BusKind, type Fault, type FaultKind, planFaults } from "./schedule.ts";
import { Sender } from "./sender.ts";
import { Workers } from "./workers.ts";

/** What to run. */
export interface ChaosOptions {
  readonly bus: BusKind;
  /** Number of Kafka brokers: one, or three with a replica of everything on each. */
  readonly brokers: number;
  /** Whether the results are also stored in a PostgreSQL. */
  readonly postgres: boolean;
  /** Number of images. */
  readonly messages: number;
  /** Random seed of the schedule and the images. */
  readonly seed: number;
  /** Kinds of faults. */
  readonly kinds: readonly FaultKind[];
  /** Number of faults. */
  readonly faults: number;
  /** Number of worker processes at the beginning. */
  readonly workers: number;
  /** Workers of the model per process. */
  readonly workersPerModel: number;
  /** Maximum number of images per second. */
  readonly rate: number;
  /** Share of bad images, 0 to 1. */
  readonly badShare: number;
  /** Time without a heartbeat after which a worker process loses its partitions, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** Memory limit of a Worker in MiB, beyond which it is replaced between batches. */
  readonly maxWorkerMemoryMb: number;
  /** Negative control: workers report results as stored before they are. */
  readonly commitBeforeSink: boolean;
  /** Whether the topics must not hold anything twice either. */
  readonly exactlyOnce: boolean;
  /** An empty directory for the bus, the results database and the logs. */
  readonly directory: string;
  /** Directory of the data sets. */
  readonly data?: string;
  readonly onProgress?: (progress: Progress) => void;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The progress of a run. */
export interface Progress {
  /** Images with a result. */
  readonly answered: number;
  /** All images of the run. */
  readonly messages: number;
  /** Faults that have begun. */
  readonly faults: number;
  /** The fault that has just begun or ended; missing in periodic reports. */
  readonly fault?: FaultReport | Fault;
}

/**
 * A Worker has this long to load the model, on a machine that is busy with everything that is started here.
 */
const DEADLINE_MS = 6_000;
const RECOVERY_MS = 120_000;
const SHARE_DURING_FAULT = 1 / 4;
const PROGRESS_MS = 500;
/**
 * After everything is committed, results on their way from a worker to the topic have this long to arrive.
 */
const SETTLED_MS = 5_000;

/**
 * Sends images while it causes faults, then reads back everything and checks it.
 *
 * @param options The run.
 * @throws {KafkaUnavailable} If Kafka is needed, without Java or Maven.
 * @throws {PostgresUnavailable} If PostgreSQL is needed and not installed.
 * @throws {Error} If the run itself cannot continue.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { directory, messages, seed, badShare } = options;
  const assignment = new Assignment(await loadImages(options.data), messages, seed, badShare);
  await using own = await startBus(options.bus, directory, options.brokers);
  await using server = options.postgres ? await startPostgres() : null;
  await using bus = await connect(
    own.url,
    optionsFor(own.url, { ...busOptions(maxQueueBytes(messages)), kafka: { sendTimeoutMs: 10_000 } }),
  );
  const databases = { results: `${directory}/results.db`, postgres: server?.url ?? null };
  const { sessionTimeoutMs, commitBeforeSink, exactlyOnce, workersPerModel, maxWorkerMemoryMb } = options;
  const limits = { maxQueueBytes: maxQueueBytes(messages), sessionTimeoutMs, deadlineMs: DEADLINE_MS };
  await using workers = new Workers(directory, {
    bus: own.url,
    ...databases,
    ...limits,
    workersPerModel,
    maxWorkerMemoryMb,
    commitBeforeSink,
    delivery: exactlyOnce ? "exactly-once" : "at-least-once",
  });
  await Promise.all(Array.from({ length: options.workers }, () => workers.add()));
  const run = new Run(options, bus, await Observer.start(bus.transport, assignment), assignment);
  const begun = performance.now();
  const { url, brokers } = own;
  const stage: Stage = {
    workers,
    usual: options.workers,
    sessionTimeoutMs,
    url,
    busOptions: busOptions(limits.maxQueueBytes),
    brokers,
    postgres: server,
  };
  const faults = await run.perform(stage);
  const tookMs = run.observer.lastAt - begun;
  await workers.stop();
  await run.observer.stop();
  const verdict = await readBack(bus, databases, assignment, exactlyOnce);
  const { longestStallMs, longestWaitMs } = run.observer;
  return {
    bus: options.bus,
    brokers: options.bus === "kafka" ? options.brokers : 0,
    postgres: options.postgres,
    seed,
    workers: options.workers,
    commitBeforeSink,
    exactlyOnce,
    verdict,
    kept: wentWell(verdict, workers.crashes),
    faults,
    resent: run.sender.resent,
    crashes: workers.crashes,
    replaced: workers.replaced,
    longestStallMs,
    longestWaitMs,
    tookMs,
  };
}

/** The sender, the faults and the observer at work together. */
class Run {
  readonly observer: Observer;
  readonly sender: Sender;
  readonly #options: ChaosOptions;
  readonly #bus: Bus;
  readonly #stop = new AbortController();
  readonly #recovering: Promise<FaultReport>[] = [];

  constructor(options: ChaosOptions, bus: Bus, observer: Observer, assignment: Assignment) {
    this.#options = options;
    this.#bus = bus;
    this.observer = observer;
    this.sender = new Sender(bus, assignment, {
      rate: options.rate,
      onSent: (number) => observer.sent(number),
    });
  }

  async perform(stage: Stage): Promise<FaultReport[]> {
    const { signal = new AbortController().signal } = this.#options;
    const interrupted = Promise.withResolvers<never>();
    interrupted.promise.catch(() => {});
    const interrupt = () => interrupted.reject(signal.reason);
    signal.addEventListener("abort", interrupt, { once: true });
    if (signal.aborted) interrupt();
    const ticking = setInterval(() => this.#notify(), PROGRESS_MS);
    try {
      const work = Promise.all([this.sender.run(this.#stop.signal), this.#causeFaults(stage)]);
      await Promise.race([work, interrupted.promise]);
      await Promise.race([this.#settled(), interrupted.promise]);
      return await Promise.all(this.#recovering);
    } finally {
      this.#stop.abort();
      clearInterval(ticking);
      signal.removeEventListener("abort", interrupt);
    }
  }

  /**
   * During a fault the sender continues at a lower rate, so that it has images left when the fault is over.
   * Halfway to the next fault it stops until the run has recovered from the previous one, then catches up: so
   * each fault meets a bus with work on it. When all worker processes have ended unexpectedly there is
   * nothing left to break; the audit finds what they have lost.
   */
  async #causeFaults(stage: Stage): Promise<void> {
    const { messages, kinds, seed, faults: count } = this.#options;
    const faults = planFaults({ seed, messages, kinds, count });
    for (const [i, fault] of faults.entries()) {
      this.sender.allow((fault.at + (faults[i - 1]?.at ?? 0)) >> 1);
      if (fault.waits) await this.#recovering.at(-1);
      const next = faults[i + 1]?.at ?? 2 * messages - fault.at;
      this.sender.allow((fault.at + next) >> 1);
      await this.sender.reached(fault.at);
      this.#stop.signal.throwIfAborted();
      if (stage.workers.count === 0) break;
      this.sender.slowTo(SHARE_DURING_FAULT);
      await this.#cause(stage, fault);
      this.sender.slowTo(1);
    }
    this.sender.allow(messages);
  }

  async #cause(stage: Stage, fault: Fault): Promise<void> {
    const begun = performance.now();
    const recovered = this.#recovery();
    this.#notify(fault);
    const acting = ACTS[fault.kind](stage, fault);
    const tookMs = acting.then(() => performance.now() - begun);
    const report = Promise.all([tookMs, recovered]).then(([tookMs, recoveredMs]) => {
      const report = { ...fault, tookMs, recoveredMs };
      this.#notify(report);
      return report;
    });
    report.catch(() => {});
    this.#recovering.push(report);
    await acting;
  }

  /** Resolves with milliseconds, or with `null` after {@linkcode RECOVERY_MS}. */
  async #recovery(): Promise<number | null> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(() => late.resolve(null), RECOVERY_MS);
    try {
      return await Promise.race([this.observer.recovery(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Resolves when each image has a result, or when no more will arrive: everything is committed, or nothing
   * happens any more. With exactly-once delivery, an image that was sent twice has two results.
   */
  async #settled(): Promise<void> {
    const all = this.observer.reached(this.#options.messages).then(() => true);
    for (;;) {
      const pause = new Promise<false>((resolve) => setTimeout(() => resolve(false), PROGRESS_MS));
      if (await Promise.race([all, pause])) {
        if (!this.#options.exactlyOnce || await this.#isCommitted()) return;
        await pause;
      }
      const quietMs = performance.now() - this.observer.lastAt;
      if (quietMs > RECOVERY_MS || (quietMs > SETTLED_MS && await this.#isCommitted())) return;
    }
  }

  async #isCommitted(): Promise<boolean> {
    const topics = await this.#bus.transport.topics("imagebus");
    const requests = topics.find(({ name }) => name === `imagebus.${MODEL}`);
    return requests?.partitions.every(({ end, committed }) => committed === end) ?? false;
  }

  #notify(fault?: FaultReport | Fault): void {
    this.#options.onProgress?.({
      answered: this.observer.answered,
      messages: this.#options.messages,
      faults: this.#recovering.length,
      ...(fault && { fault }),
    });
  }
}
