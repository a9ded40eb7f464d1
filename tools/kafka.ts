/**
 * `deno task kafka`: a local Kafka for development. It keeps its topics between starts.
 *
 * @module
 */
import { UsageError } from "../cli/command.ts";
import { interruption, runTask } from "../cli/task.ts";
import { logError, print } from "../cli/ui/terminal.ts";
import { abortable } from "../lib/abortable.ts";
import { count } from "../lib/options.ts";
import { startKafkaCluster } from "../testing/brokers/kafka_cluster.ts";
import { kafkaHome } from "../testing/brokers/kafka_install.ts";

await runTask({
  name: "kafka",
  summary: "Start a local Kafka broker on this machine's Java; it is downloaded once (43 MB)",
  options: {
    port: {
      ...count(65_535),
      default: 9092,
      text: "port on 127.0.0.1; three brokers also take the next two",
    },
    brokers: {
      type: "choice",
      values: ["1", "3"],
      default: "1",
      text: "number of brokers; three form a cluster with three replicas of every partition",
    },
  },
  examples: [
    ["deno task kafka", "on port 9092; Ctrl-C stops it"],
    ["deno task kafka --port 29092 --brokers 3", "a cluster on ports 29092 to 29094"],
  ],
  async run({ values }) {
    const stop = interruption();
    const ports = Array.from({ length: Number(values.brokers) }, (_, i) => values.port + i);
    if (ports.at(-1)! > 65_535) {
      throw new UsageError(`--port is ${values.port}: three brokers need two more ports`);
    }
    const addresses = ports.map((port) => `127.0.0.1:${port}`).join();
    // A folder per port and kind: two brokers in one folder would destroy it.
    const dataDir = `${kafkaHome()}/${ports.length > 1 ? "cluster" : "data"}-${values.port}`;
    logError(`Starting Kafka on ${addresses} …`);
    await using cluster = await startKafkaCluster({ ports, dataDir });
    print(`Kafka is ready: IMAGEBUS_URL=kafka://${addresses} (Ctrl-C stops it)`);
    const ends = cluster.brokers.map(({ ended, logFile }) => ended.then((code) => ({ code, logFile })));
    const end = await abortable(Promise.race(ends), stop);
    if (end === null) return 0;
    logError(`Kafka exited with code ${end.code}: see ${end.logFile}`);
    return 1;
  },
});
