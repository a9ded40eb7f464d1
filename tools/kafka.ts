/**
 * A local Kafka for development: `deno task kafka`.
 *
 * It listens on 127.0.0.1:9092 (`--port N` for another) and keeps its topics between starts. Ctrl-C stops it.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startKafka } from "./kafka_broker.ts";
import { kafkaHome, KafkaUnavailable } from "./kafka_install.ts";

export { type KafkaBroker, type KafkaBrokerOptions, startKafka } from "./kafka_broker.ts";
export { KafkaUnavailable } from "./kafka_install.ts";

function readPort(args: string[]): number {
  const { values } = parseArgs({ args, options: { port: { type: "string", default: "9092" } } });
  const port = Number(values.port);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new RangeError(`--port must be 1 to 65535: it is '${values.port}'`);
}

async function run(port: number): Promise<number> {
  const interrupted = Promise.withResolvers<"interrupted">();
  const interrupt = () => interrupted.resolve("interrupted");
  Deno.addSignalListener("SIGINT", interrupt);
  Deno.addSignalListener("SIGTERM", interrupt);
  console.error(`Starting Kafka on 127.0.0.1:${port} (the first time it is downloaded: 43 MB) …`);
  // A folder of its own for each port: two brokers on one folder would destroy it.
  await using kafka = await startKafka({ port, dataDir: `${kafkaHome()}/data-${port}` });
  console.log(`Kafka is ready: IMAGEBUS_URL=kafka://${kafka.brokers} (Ctrl-C stops it)`);
  const end = await Promise.race([interrupted.promise, kafka.ended]);
  if (end === "interrupted") return 0;
  console.error(`Kafka ended by itself, with exit code ${end}: see ${kafka.logFile}`);
  return 1;
}

/** The sentence for a user's mistake or a missing program; `undefined` when it is a fault of ours. */
function explain(error: unknown, port: number): string | undefined {
  if (error instanceof KafkaUnavailable || error instanceof RangeError) return error.message;
  if (error instanceof TypeError && "code" in error) return `${error.message}. Only --port N is known`;
  if (error instanceof Error && error.message.startsWith("Kafka did not start")) return error.message;
  if (!(error instanceof Deno.errors.AddrInUse)) return undefined;
  return `Port ${port} is in use: stop what listens there, or take another with --port N`;
}

if (import.meta.main) {
  let port = 9092;
  try {
    port = readPort(Deno.args);
    Deno.exit(await run(port));
  } catch (error) {
    const sentence = explain(error, port);
    if (sentence === undefined) throw error;
    console.error(sentence);
    Deno.exit(1);
  }
}
