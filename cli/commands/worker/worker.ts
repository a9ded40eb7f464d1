import { serve, type Service } from "../../../actors/serve.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import type { Delivery } from "../../../bus/transport/transport.ts";
import { type Arguments, type Command, UsageError } from "../../command.ts";
import {
  BUS_OPTIONS,
  JSON_OPTION,
  MODELS_DIR_OPTION,
  openBus,
  RESULTS_OPTION,
  SINK_OPTION,
} from "../../options.ts";
import { openSinks } from "./sinks.ts";
import { say } from "../../ui/terminal.ts";
import { parseWorkersPerModel } from "./workers_per_model.ts";
import { logLine } from "./log.ts";
import { absoluteBus } from "../../worker_report.ts";
import { WorkerReportFile } from "../../worker_report_file.ts";

/** Serves models until it is told to stop. */
export const worker: Command = {
  name: "worker",
  summary: "Classify what is sent: run the actors of the models",
  operands: "",
  options: {
    ...BUS_OPTIONS,
    models: {
      type: "string",
      value: "A,B",
      description: "which models to serve; default: all that are found",
    },
    ...MODELS_DIR_OPTION,
    group: {
      type: "string",
      value: "NAME",
      description: "workers of one group share the work; default imagebus",
    },
    delivery: {
      type: "string",
      value: "HOW",
      description:
        "at-least-once, or exactly-once on the topics; all of a group alike; default at-least-once",
    },
    "workers-per-model": {
      type: "string",
      value: "N",
      description: "threads for each model, or for some: mnist=2,cifar-10=4; default: by cores and load",
    },
    "max-batch": {
      type: "number",
      value: "N",
      description: "most images in a batch; default 64",
      range: [1, 1_024],
    },
    "max-in-flight": {
      type: "number",
      value: "N",
      description: "most images read and not yet stored; default 4096",
      range: [1, 1_000_000],
    },
    "max-pixels": {
      type: "number",
      value: "N",
      description: "largest image, in pixels; default 50000000",
      range: [1, 2 ** 28],
    },
    "max-worker-memory-mb": {
      type: "number",
      value: "N",
      description: "a Worker that grows past it is replaced between batches; default 1024",
      range: [16, 4_096],
    },
    "drain-ms": {
      type: "number",
      value: "MS",
      description: "how long to finish when stopped; default 30000",
      range: [0, 3_600_000],
    },
    ...SINK_OPTION,
    ...RESULTS_OPTION,
    ...JSON_OPTION,
    quiet: { type: "boolean", description: "do not print results: no sink console" },
  },
  examples: [
    ["imagebus worker", "serve all models on the embedded bus"],
    ["imagebus worker --bus kafka://localhost:9092", "the same on Kafka"],
    ["imagebus worker --models mnist --models-dir ./mine", "one model; look for it in ./mine too"],
    ["imagebus worker --json > results.jsonl", "results as JSON, one a line"],
    [
      "imagebus worker --sink postgres://me@localhost/images",
      "into PostgreSQL; the password is in PGPASSWORD",
    ],
    ["imagebus worker --sink console --sink jsonl:results.jsonl", "printed, and appended to a file"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const sinks = await openSinks(args);
  await using bus = await openBus(args, { onEvent: (event) => log({ type: "bus", event }) });
  const service = await serve(bus, {
    ...serveOptions(args),
    sinks,
    onEvent: log,
  });
  await using _report = await WorkerReportFile.start(
    () => ({
      bus: absoluteBus(bus.transport.url),
      group: args.text("group") ?? "imagebus",
      memoryBytes: Deno.memoryUsage().rss,
      health: service.health(),
      models: service.status(),
    }),
    (reason) => say(`imagebus status can't show this worker: ${reason}`),
  );
  const models = service.status().map(({ model, version }) => `${model} ${version}`).join(", ");
  // Whoever reads that it serves may stop it at once.
  const stopped = untilStopped(service);
  const results = sinks.map(({ name }) => name).join(", ");
  say(`Serving ${models}\nbus      ${bus.transport.url}\nresults  ${results}\nCtrl-C stops it.`);
  return await stopped;
}

function serveOptions(args: Arguments) {
  const models = args.text("models")?.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const modelsDir = args.text("models-dir");
  const group = args.text("group");
  const delivery = args.text("delivery");
  const workers = args.text("workers-per-model");
  return {
    ...(models && { models }),
    ...(modelsDir !== undefined && { modelsDirs: [modelsDir] }),
    ...(group !== undefined && { group }),
    ...(delivery !== undefined && { delivery: parseDelivery(delivery) }),
    ...(workers !== undefined && { workersPerModel: parseWorkersPerModel(workers) }),
    ...numbers(args, {
      maxBatch: "max-batch",
      maxInFlight: "max-in-flight",
      maxPixels: "max-pixels",
      maxWorkerMemoryMb: "max-worker-memory-mb",
      drainMs: "drain-ms",
    }),
  };
}

function parseDelivery(text: string): Delivery {
  if (text === "at-least-once" || text === "exactly-once") return text;
  throw new UsageError(`--delivery is "${text}": expected at-least-once or exactly-once`);
}

function numbers<K extends string>(
  args: Arguments,
  names: Readonly<Record<K, string>>,
): Partial<Record<K, number>> {
  const found: Partial<Record<K, number>> = {};
  for (const [key, name] of Object.entries(names) as [K, string][]) {
    const value = args.number(name);
    if (value !== undefined) found[key] = value;
  }
  return found;
}

/** The first signal drains, the second one ends at once. */
async function untilStopped(service: Service): Promise<number> {
  const stopped = Promise.withResolvers<null>();
  const stop = () => {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
    say("Stopping: finishing what is in flight. Once more ends at once.");
    stopped.resolve(null);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  const error = await Promise.race([service.closed, stopped.promise]);
  const left = await service.close();
  if (error) throw error;
  say(
    left === 0
      ? "Stopped: nothing was left unfinished."
      : `Stopped: ${left} images come again at the next start.`,
  );
  return 0;
}

function log(event: ServiceEvent): void {
  const line = logLine(event);
  if (line) say(line);
}
