import type { ServiceEvent } from "../../../actors/events.ts";
import type { TransportEvent } from "../../../bus/transport/transport.ts";
import { plural } from "../../../lib/plural.ts";
import type { Level, Log } from "../../log.ts";

/** A line of the log. */
type Line = readonly [level: Level, message: string];

type DriftEvent = Extract<ServiceEvent, { readonly type: "drift" }>;
type VersionEvent = Extract<ServiceEvent, { readonly type: "version" }>;

/**
 * Logs the events of a service.
 *
 * @param log Receives each line, and its event for JSON.
 * @returns Receives the events; some have no line.
 */
export function logEvents(log: Log): (event: ServiceEvent) => void {
  let isDisconnected = false;
  return (event) => {
    const line = event.type === "bus" ? busLine(event.event, isDisconnected) : lineOf(event);
    if (event.type === "bus" && /connected$/.test(event.event.type)) {
      isDisconnected = event.event.type === "disconnected";
    }
    if (line !== null) log(...line, { event });
  };
}

function lineOf(event: Exclude<ServiceEvent, { readonly type: "bus" }>): Line | null {
  switch (event.type) {
    case "model": {
      if (event.state === "stopped") return null;
      const level = event.state === "up" ? "info" : event.state === "down" ? "error" : "warn";
      return event.reason === "ready" ? null : [level, `${event.model} is ${event.state}: ${event.reason}`];
    }
    case "version":
      return versionLine(event);
    case "serving_unknown":
      return ["error", `Cannot read which version of ${event.model} is to be served: ${event.reason}`];
    case "drift":
      return [event.state === "none" ? "info" : "warn", driftLine(event)];
    case "comparisons_dropped":
      return ["warn", `Dropped ${plural(event.count, "comparison")} of a shadow: ${event.reason}`];
    case "worker_replaced":
      return ["warn", `Replacing a Worker of ${event.model}: ${event.reason}`];
    case "workers_scaled":
      return ["info", `${event.model} now has ${plural(event.workers, "Worker")}`];
    case "worker_missing":
      return ["warn", `Could not scale up ${event.model}: ${event.reason}`];
    case "sink_failing":
      return ["error", `${event.sink} fails, retrying in ${event.retryInMs} ms: ${event.reason}`];
    case "sink_recovered":
      return ["info", `${event.sink} has recovered`];
    case "reply_refused":
      return ["warn", `Cannot reply on ${event.topic}: ${event.reason}`];
    case "commit_failing":
      return ["error", `Cannot commit offsets, retrying: ${event.reason}`];
    case "commit_recovered":
      return ["info", "The commit of offsets has recovered"];
    case "unknown_models_failing":
      return ["error", `Cannot look for requests to unknown models, retrying: ${event.reason}`];
    case "unknown_models_recovered":
      return ["info", "The look for requests to unknown models has recovered"];
    case "dead_letter":
      return ["warn", `Dead letter ${event.id}: ${event.code}: ${event.reason}`];
  }
}

function versionLine({ model, version, change, reason, tookMs }: VersionEvent): Line {
  switch (change) {
    case "serving":
      return ["info", `Serving ${model} ${version} ${reason}; it was started in ${Math.round(tookMs)} ms`];
    case "refused":
      return ["error", `Cannot serve ${model} ${version}, the former version stays: ${reason}`];
    case "canary":
    case "shadow":
      return ["info", `${model} ${version} ${reason}`];
    case "canary_stopped":
      return ["error", `${model} ${version} gets no more images: ${reason}`];
  }
}

function driftLine({ model, state, label, confidence, image }: DriftEvent): string {
  const [classes, confidences, images] = [label, confidence, image].map((index) => index?.toFixed(2) ?? "–");
  return `Drift of ${model}: ${state}; the stability index of its classes is ${classes}, of its confidences ${confidences}, of its images ${images}`;
}

/** The first connection is no news; `imagebus worker` prints the bus itself. */
function busLine(event: TransportEvent, isDisconnected: boolean): Line | null {
  switch (event.type) {
    case "disconnected":
      return ["error", `The bus is unavailable, reconnecting: ${event.reason}`];
    case "connected":
      return isDisconnected ? ["info", "The bus has recovered"] : null;
    case "delayed":
      return ["warn", `Retrying: ${event.reason}`];
    case "recovered":
      return ["info", `${event.what} has recovered`];
    case "undecodable":
      return [
        "error",
        `Cannot read a part of ${event.topic}, partition ${event.partition}: ${event.reason}`,
      ];
    default:
      return event.type === "claimed" || event.reason === undefined
        ? null
        : ["warn", `Restarting partition ${event.partition} of ${event.topic}: ${event.reason}`];
  }
}
