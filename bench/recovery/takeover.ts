import { sleep } from "../../lib/sleep.ts";
import type { Bus } from "../../bus/bus.ts";
import { connect } from "../../bus/connect.ts";
import { imagesOf } from "../../testing/images.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";

/** How long the partitions of killed worker processes had no owner. */
export interface Takeovers {
  /** Scheme of the bus. */
  readonly bus: string;
  /** Time without a heartbeat after which a worker process loses its partitions, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** From each kill until every image sent right after it had a result, in milliseconds. */
  readonly takenOverMs: readonly number[];
}

const MODEL = "mnist";

/** One key per image: the probability that a partition gets none is about one in a million. */
const IMAGES = 64;

/** The defaults of the buses. */
const SESSION_TIMEOUT_MS: Readonly<Record<string, number>> = { sqlite: 5_000, kafka: 10_000 };

/**
 * Lets two worker processes share a bus, and repeatedly kills and replaces one of them.
 *
 * @param url The bus.
 * @param kills How often.
 * @param directory Directory of the databases of results.
 */
export async function killProcesses(url: string, kills: number, directory: string): Promise<Takeovers> {
  const bus = url.split(":")[0]!;
  const takenOverMs: number[] = [];
  await using connection = await connect(url);
  const start = () => WorkerProcess.start({ bus: url, directory, args: ["--quiet", "--models", MODEL] });
  const workers = [await start(), await start()];
  try {
    for (let kill = 0; kill < kills; kill++) {
      await sharing(connection);
      await workers.shift()!.kill();
      takenOverMs.push(await answered(connection));
      workers.push(await start());
    }
  } finally {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
  return { bus, sessionTimeoutMs: SESSION_TIMEOUT_MS[bus]!, takenOverMs };
}

/** Resolves when both processes own partitions: the rebalance is over and every partition is served. */
async function sharing(bus: Bus): Promise<void> {
  await sleep(6_000 + 1_000 * Math.random());
  await answered(bus);
}

async function answered(bus: Bus): Promise<number> {
  const begun = performance.now();
  const images = imagesOf(MODEL);
  await Promise.all(
    Array.from(
      { length: IMAGES },
      (_, i) => bus.classify(images[i % images.length]!.png, { model: MODEL, timeoutMs: 120_000 }),
    ),
  );
  return performance.now() - begun;
}
