import { SERVE_OPTIONS } from "../../../actors/options.ts";
import type { ServiceEvent } from "../../../actors/events.ts";
import { serve, type ServeOptions, type Service } from "../../../actors/serve.ts";
import { RESULTS_TOPIC } from "../../../bus/topics.ts";
import { plural } from "../../../lib/plural.ts";
import { type Arguments, BUS_PERMISSIONS, type Command, defineCommand, NO_OPERANDS } from "../../command.ts";
import { exitFor } from "../../exit.ts";
import { HTTP_OPTIONS, type HttpSettings, httpSettings } from "../../http/options.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus, RESULTS_OPTION } from "../../options.ts";
import { modelSearch } from "../../models_directory.ts";
import { absoluteBus } from "../../worker_report.ts";
import { writeReports } from "../../worker_report_file.ts";
import { type Log, LOG_OPTIONS, openLog } from "../../log.ts";
import { logEvents } from "./log.ts";
import { openSinks, SINK_OPTIONS } from "./sinks.ts";

/** Serves models until stopped. */
export const worker = defineCommand({
  name: "worker",
  summary: "Serve models: classify the images that are sent",
  operands: NO_OPERANDS,
  options: {
    ...BUS_OPTIONS,
    ...SERVE_OPTIONS,
    ...SINK_OPTIONS,
    ...HTTP_OPTIONS,
    ...RESULTS_OPTION,
    ...LOG_OPTIONS,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus worker", "serve all models on the embedded bus"],
    ["imagebus worker --bus kafka://localhost:9092", "the same on Kafka"],
    ["imagebus worker --models mnist", "one model, yours or shipped"],
    ["imagebus worker --http", "metrics, health and a live page on http://127.0.0.1:9464"],
    ["imagebus worker --json > results.jsonl", "results as JSON, one per line"],
    [
      "imagebus worker --sink postgres://me@localhost/images",
      "results into PostgreSQL; the password is in PGPASSWORD",
    ],
    ["imagebus worker --sink console --sink jsonl:results.jsonl", "print results, and append them to a file"],
  ],
  permissions: BUS_PERMISSIONS,
  async run(args): Promise<number> {
    const log = openLog(args.values);
    try {
      return await serveUntilStopped(args, log);
    } catch (error) {
      if (args.values.logFormat !== "json") throw error;
      const { code, message } = await exitFor(error, worker as Command);
      if (message) log("error", message);
      return code;
    }
  },
});

type WorkerArguments = Parameters<typeof worker.run>[0];

async function serveUntilStopped(args: WorkerArguments, log: Log): Promise<number> {
  const settings = httpSettings(args);
  await using http = settings && await openHttp(settings, log);
  const unread = Promise.withResolvers<void>();
  const sinks = await openSinks(args, unread.resolve);
  const logEvent = logEvents(log);
  const onEvent = (event: ServiceEvent) => {
    http?.note(event);
    logEvent(event);
  };
  await using bus = await openBus(args, { onEvent: (event) => onEvent({ type: "bus", event }) });
  const observed = http ? { observer: http.observer } : {};
  const { dirs: modelsDirs } = await modelSearch(args);
  const service = await serve(bus, { ...serveOptions(args), ...observed, modelsDirs, sinks, onEvent });
  http?.serving({ bus, service, group: args.values.group });
  await using report = await writeReports(
    () => ({
      bus: absoluteBus(bus.transport.url),
      group: args.values.group,
      memoryBytes: Deno.memoryUsage().rss,
      health: service.health(),
      models: service.status(),
    }),
    (reason) => log("warn", `Cannot report to imagebus status: ${reason}`),
    () => log("info", "The report to imagebus status has recovered"),
  );
  // Race: the first image can be finished before there is a report.
  void unread.promise.then(() => {
    log("error", "Nobody reads the standard output any more. What is in flight will be redelivered.");
    report.removeNow();
    Deno.exit(1);
  });
  const models = service.status().map(({ model, version }) => `${model} ${version}`).join(", ");
  // Before the log line: the reader may send a signal at once.
  const stopped = untilStopped(service, log, () => http?.draining(), () => report.removeNow());
  const results = sinks.map(({ name }) => name).join(", ") || `only the topic ${RESULTS_TOPIC}`;
  const places = [
    `bus      ${bus.transport.url}`,
    `results  ${results}`,
    ...http ? [`http     ${http.url}`] : [],
  ];
  for (const line of [`Serving ${models}`, ...places, "Press Ctrl-C to stop."]) log("info", line);
  return await stopped;
}

/** Loaded only where it is used: the page has libraries. */
async function openHttp(settings: HttpSettings, log: Log) {
  const { WorkerHttp } = await import("../../http/worker_http.ts");
  return new WorkerHttp(settings, log);
}

function serveOptions({ values, sources }: Arguments<typeof SERVE_OPTIONS>): ServeOptions {
  const names = Object.keys(SERVE_OPTIONS) as (keyof typeof SERVE_OPTIONS)[];
  return Object.fromEntries(names.filter((name) => sources.has(name)).map((name) => [name, values[name]]));
}

/** The first signal drains; the second one exits immediately. */
async function untilStopped(
  service: Service,
  log: Log,
  onDrain: () => void,
  onExit: () => void,
): Promise<number> {
  const stopped = Promise.withResolvers<null>();
  let isDraining = false;
  // One listener for both signals: one that is added while a signal is handled is called for that signal, too.
  const stop = () => {
    if (isDraining) {
      onExit();
      Deno.exit(130);
    }
    isDraining = true;
    log("info", "Draining the images in flight. Press Ctrl-C again to exit immediately.");
    onDrain();
    stopped.resolve(null);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  const error = await Promise.race([service.closed, stopped.promise]);
  const left = await service.close();
  if (error) throw error;
  log(
    left === 0 ? "info" : "warn",
    left === 0
      ? "Stopped: all images in flight were finished."
      : `Stopped: ${plural(left, "unfinished image")} will be redelivered at the next start.`,
  );
  return 0;
}
