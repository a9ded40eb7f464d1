import { SERVE_OPTIONS } from "../../../actors/options.ts";
import { serve, type ServeOptions, type Service } from "../../../actors/serve.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import { type Arguments, defineCommand, NO_OPERANDS } from "../../command.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus, RESULTS_OPTION } from "../../options.ts";
import { logError } from "../../ui/terminal.ts";
import { absoluteBus } from "../../worker_report.ts";
import { WorkerReportFile } from "../../worker_report_file.ts";
import { logLine } from "./log.ts";
import { openSinks, SINK_OPTIONS } from "./sinks.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  ...SERVE_OPTIONS,
  ...SINK_OPTIONS,
  ...RESULTS_OPTION,
  ...JSON_OPTION,
} as const;

/** Serves models until it is stopped. */
export const worker = defineCommand({
  name: "worker",
  summary: "Classify what is sent: run the actors of the models",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["imagebus worker", "serve all models on the embedded bus"],
    ["imagebus worker --bus kafka://localhost:9092", "the same on Kafka"],
    ["imagebus worker --models mnist --models-dir ./mine", "one model; look for it in ./mine too"],
    ["imagebus worker --json > results.jsonl", "results as JSON, one per line"],
    [
      "imagebus worker --sink postgres://me@localhost/images",
      "into PostgreSQL; the password is in PGPASSWORD",
    ],
    ["imagebus worker --sink console --sink jsonl:results.jsonl", "printed, and appended to a file"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
});

async function run(args: Arguments<typeof OPTIONS>): Promise<number> {
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
      group: args.values.group,
      memoryBytes: Deno.memoryUsage().rss,
      health: service.health(),
      models: service.status(),
    }),
    (reason) => logError(`imagebus status can't show this worker: ${reason}`),
  );
  const models = service.status().map(({ model, version }) => `${model} ${version}`).join(", ");
  // Whoever reads that it serves may stop it at once.
  const stopped = untilStopped(service);
  const results = sinks.map(({ name }) => name).join(", ");
  logError(`Serving ${models}\nbus      ${bus.transport.url}\nresults  ${results}\nCtrl-C stops it.`);
  return await stopped;
}

function serveOptions({ values, sources }: Arguments<typeof OPTIONS>): ServeOptions {
  const names = Object.keys(SERVE_OPTIONS) as (keyof typeof SERVE_OPTIONS)[];
  return Object.fromEntries(names.filter((name) => sources.has(name)).map((name) => [name, values[name]]));
}

/** The first signal drains, the second one ends at once. */
async function untilStopped(service: Service): Promise<number> {
  const stopped = Promise.withResolvers<null>();
  const stop = () => {
    Deno.removeSignalListener("SIGINT", stop);
    Deno.removeSignalListener("SIGTERM", stop);
    logError("Draining the images in flight. Press Ctrl-C again to exit immediately.");
    stopped.resolve(null);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  const error = await Promise.race([service.closed, stopped.promise]);
  const left = await service.close();
  if (error) throw error;
  logError(
    left === 0
      ? "Stopped: nothing was left unfinished."
      : `Stopped: ${left} images come again at the next start.`,
  );
  return 0;
}

function log(event: ServiceEvent): void {
  const line = logLine(event);
  if (line) logError(line);
}
