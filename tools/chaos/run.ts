import { optionsFor } from "../../testing/options_for.ts";
import type { Bus } from "../../bus/bus.ts";
import { connect } from "../../bus/connect.ts";
import { abortable } from "../../lib/abortable.ts";
import { median } from "../../lib/median.ts";
import { sleep } from "../../lib/sleep.ts";
import { startPostgres } from "../../testing/brokers/postgres.ts";
import { type ChaosBus, startBus } from "./bus.ts";
import { FAULTS, type Stage } from "./faults.ts";
import { Observer } from "./observer.ts";
import { Assignment, loadImages } from "./images.ts";
import type { ChaosSettings } from "./options.ts";
import { readBack } from "./read_back.ts";
import { type ChaosReport, type FaultReport, wentWell } from "./report.ts";
import { type Fault, planFaults } from "./schedule.ts";
import { Sender } from "./sender.ts";
import { ChosenVersions, MODEL } from "./versions.ts";
import { Workers } from "./workers.ts";

/** Where a run keeps its data, and who watches it. */
export interface ChaosOptions {
  /** An empty directory for the bus, the results database and the logs. */
  readonly directory: string;
  /** Directory of the data sets. */
  readonly data?: string;
  readonly onProgress?: (progress: ChaosProgress) => void;
  /** Ends it: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The progress of a run. */
export interface ChaosProgress {
  /** Images with a result. */
  readonly answered: number;
  /** Faults that have begun. */
  readonly faults: number;
  /** The fault that has just begun or ended; missing in periodic reports. */
  readonly fault?: FaultReport | Fault;
}

/**
 * A Worker has this long to load the model, on a machine that is busy with everything that is started here.
 */
const DEADLINE_MS = 6_000;
const SERVING_MS = 250;
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
 * @param settings What to run.
 * @param options Where, and who watches.
 * @throws {UsageError} For faults that the bus does not have.
 * @throws {ServerError} `unavailable` without Java or Maven, or without PostgreSQL, where they are needed.
 * @throws {Error} If the run itself cannot continue.
 */
export async function runChaos(settings: ChaosSettings, options: ChaosOptions): Promise<ChaosReport> {
  const { directory } = options;
  const { secured, postgres, seed, commitBeforeSink, exactlyOnce, http } = settings;
  const assignment = new Assignment(
    await loadImages(options.data),
    settings.messages,
    seed,
    settings.badPercent / 100,
  );
  await using own = await startBus(settings, directory);
  await using server = postgres ? await startPostgres() : null;
  await using bus = await connect(
    own.url,
    optionsFor(own.url, { ...own.options, kafka: { ...own.options.kafka, sendTimeoutMs: 10_000 } }),
  );
  const databases = { results: `${directory}/results.db`, postgres: server?.url ?? null };
  const modelsDir = `${directory}/models`;
  const versions = await ChosenVersions.write(modelsDir);
  await using workers = new Workers(directory, { ...workerSettings(settings, own, modelsDir), ...databases });
  await Promise.all(Array.from({ length: settings.workers }, () => workers.add()));
  const observer = await Observer.start(bus.transport, assignment);
  const sender = new Sender(bus, assignment, settings.rate, (number) => observer.sent(number));
  const run = new Run(settings, options, bus, observer, sender);
  const begun = performance.now();
  const faults = await run.perform({ settings, workers, versions, bus: own, postgres: server });
  const { longestStallMs, longestWaitMs, lastAt } = observer;
  await workers.stop();
  await observer.stop();
  const verdict = await readBack(bus, databases, assignment, exactlyOnce);
  const { crashes, replaced, counted, exchanges, refused } = workers;
  return {
    ...{
      bus: settings.bus,
      secured,
      postgres,
      seed,
      workers: settings.workers,
      commitBeforeSink,
      exactlyOnce,
      http,
    },
    brokers: own.brokers ? Number(settings.brokers) : 0,
    verdict,
    kept: wentWell(verdict, crashes),
    faults,
    resent: sender.resent,
    ...{ crashes, replaced, counted, refused, exchanges: exchanges.length },
    exchangeMs: exchanges.length > 0 ? median(exchanges) : null,
    ...{ longestStallMs, longestWaitMs },
    tookMs: lastAt - begun,
  };
}

function workerSettings(
  { sessionMs, workersPerModel, maxWorkerMemoryMb, commitBeforeSink, exactlyOnce, http }: ChaosSettings,
  { url, options }: ChaosBus,
  modelsDir: string,
) {
  const session = { sessionTimeoutMs: sessionMs, heartbeatMs: Math.floor(sessionMs / 5) };
  return {
    bus: url,
    connect: optionsFor(url, {
      kafka: { ...options.kafka, ...session, connectTimeoutMs: 60_000 },
      sqlite: { ...options.sqlite, ...session },
    }),
    serve: {
      ...{
        models: [MODEL],
        modelsDirs: [modelsDir],
        servingIntervalMs: SERVING_MS,
        workersPerModel,
        maxWorkerMemoryMb,
        deadlineMs: DEADLINE_MS,
      },
      delivery: exactlyOnce ? "exactly-once" : "at-least-once",
    },
    commitBeforeSink,
    http,
  } as const;
}

/** The sender, the faults and the observer at work together. */
class Run {
  readonly #stop = new AbortController();
  readonly #recovering: Promise<FaultReport>[] = [];

  constructor(
    readonly settings: ChaosSettings,
    readonly options: ChaosOptions,
    readonly bus: Bus,
    readonly observer: Observer,
    readonly sender: Sender,
  ) {}

  async perform(stage: Stage): Promise<FaultReport[]> {
    const { signal = new AbortController().signal } = this.options;
    const ticking = setInterval(() => this.#notify(), PROGRESS_MS);
    try {
      const work = Promise.all([this.sender.run(this.#stop.signal), this.#causeFaults(stage)]);
      await abortable(work.then(() => this.#settled()), signal);
      signal.throwIfAborted();
      return await Promise.all(this.#recovering);
    } finally {
      this.#stop.abort();
      clearInterval(ticking);
    }
  }

  /**
   * During a fault the sender continues at a lower rate, so that it has images left when the fault is over.
   * Halfway to the next fault it stops until the run has recovered from the previous one, then catches up: so
   * each fault meets a bus with work on it. When all worker processes have ended unexpectedly there is
   * nothing left to break; the audit finds what they have lost.
   */
  async #causeFaults(stage: Stage): Promise<void> {
    const { messages } = this.settings;
    const faults = planFaults(this.settings);
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
    const recovered = abortable(this.observer.recovery(), AbortSignal.timeout(RECOVERY_MS));
    this.#notify(fault);
    const acting = FAULTS[fault.kind].act(stage, fault);
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

  /**
   * Resolves when each image has a result, or when no more will arrive: everything is committed, or nothing
   * happens any more. With exactly-once delivery, an image that was sent twice has two results.
   */
  async #settled(): Promise<void> {
    const all = this.observer.reached(this.settings.messages).then(() => true);
    for (;;) {
      const pause = sleep(PROGRESS_MS).then(() => false);
      if (await Promise.race([all, pause])) {
        if (!this.settings.exactlyOnce || await this.#isCommitted()) return;
        await pause;
      }
      const quietMs = performance.now() - this.observer.lastAt;
      if (quietMs > RECOVERY_MS || (quietMs > SETTLED_MS && await this.#isCommitted())) return;
    }
  }

  async #isCommitted(): Promise<boolean> {
    const topics = await this.bus.transport.topics("imagebus");
    const requests = topics.find(({ name }) => name === `imagebus.${MODEL}`);
    return requests?.partitions.every(({ end, committed }) => committed === end) ?? false;
  }

  #notify(fault?: FaultReport | Fault): void {
    this.options.onProgress?.({
      answered: this.observer.answered,
      faults: this.#recovering.length,
      ...(fault && { fault }),
    });
  }
}
