/**
 * A local Kafka for development: `deno task kafka`.
 *
 * It listens on 127.0.0.1:9092 (`--port N` for another) and keeps its topics between starts. With `--brokers 3` it is a
 * cluster of three, on that port and the next two, each with a replica of everything. Ctrl-C stops it.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startKafkaCluster } from "../testing/brokers/kafka_cluster.ts";
import { kafkaHome, KafkaUnavailable } from "../testing/brokers/kafka_install.ts";

interface Arguments {
  readonly port: number;
  /** One or three. */
  readonly brokers: number;
}

const DEFAULT_PORT = 9092;

function readArguments(args: string[]): Arguments {
  const options = {
    port: { type: "string", default: `${DEFAULT_PORT}` },
    brokers: { type: "string", default: "1" },
  } as const;
  const { values } = parseArgs({ args, options });
  const [port, brokers] = [Number(values.port), Number(values.brokers)];
  if (brokers !== 1 && brokers !== 3) {
    throw new RangeError(`--brokers must be 1 or 3: it is '${values.brokers}'`);
  }
  const last = 65_536 - brokers;
  if (Number.isInteger(port) && port >= 1 && port <= last) return { port, brokers };
  throw new RangeError(`--port must be 1 to ${last}: it is '${values.port}'`);
}

/** A folder of its own for each port and kind: two brokers on one folder would destroy it. */
function dataDirOf({ port, brokers }: Arguments): string {
  return `${kafkaHome()}/${brokers > 1 ? "cluster" : "data"}-${port}`;
}

async function run(args: Arguments): Promise<number> {
  const interrupted = Promise.withResolvers<"interrupted">();
  const interrupt = () => interrupted.resolve("interrupted");
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  const ports = Array.from({ length: args.brokers }, (_, i) => args.port + i);
  const addresses = ports.map((port) => `127.0.0.1:${port}`).join();
  console.error(`Starting Kafka on ${addresses} (the first time it is downloaded: 43 MB) …`);
  await using kafka = await startKafkaCluster({ ports, dataDir: dataDirOf(args) });
  console.log(`Kafka is ready: IMAGEBUS_URL=kafka://${addresses} (Ctrl-C stops it)`);
  const ends = kafka.brokers.map(({ ended, logFile }) => ended.then((code) => ({ code, logFile })));
  const end = await Promise.race([interrupted.promise, ...ends]);
  if (end === "interrupted") return 0;
  console.error(`Kafka ended by itself, with exit code ${end.code}: see ${end.logFile}`);
  return 1;
}

/** The sentence for a user's mistake or a missing program; `undefined` when it is a fault of ours. */
function explain(error: unknown, { port, brokers }: Arguments): string | undefined {
  if (error instanceof KafkaUnavailable || error instanceof RangeError) return error.message;
  if (error instanceof TypeError && "code" in error) {
    return `${error.message}. Only --port N and --brokers 3 are known`;
  }
  if (error instanceof Error && error.message.startsWith("Kafka did not start")) return error.message;
  if (!(error instanceof Deno.errors.AddrInUse)) return undefined;
  const ports = brokers > 1 ? `One of the ports ${port} to ${port + brokers - 1}` : `Port ${port}`;
  return `${ports} is in use: stop what listens there, or take another with --port N`;
}

if (import.meta.main) {
  let args: Arguments = { port: DEFAULT_PORT, brokers: 1 };
  try {
    args = readArguments(Deno.args);
    Deno.exit(await run(args));
  } catch (error) {
    const sentence = explain(error, args);
    if (sentence === undefined) throw error;
    console.error(sentence);
    Deno.exit(1);
  }
}
