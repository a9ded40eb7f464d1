import type { ServiceEvent } from "../../../actors/events.ts";
import { printable } from "../../../lib/printable.ts";
import type { TransportEvent } from "../../../bus/transport/transport.ts";

/**
 * Creates the log of a worker process.
 *
 * @param write Receives each line.
 * @returns Receives the events; some have no line.
 */
export function createLog(write: (line: string) => void): (event: ServiceEvent) => void {
  let isDisconnected = false;
  return (event) => {
    const line = event.type === "bus" ? busLine(event.event, isDisconnected) : lineOf(event);
    if (event.type === "bus" && /connected$/.test(event.event.type)) {
      isDisconnected = event.event.type === "disconnected";
    }
    if (line !== null) write(printable(line));
  };
}

function lineOf(event: Exclude<ServiceEvent, { readonly type: "bus" }>): string | null {
  switch (event.type) {
    case "model":
      return event.reason === "ready" || event.state === "stopped"
        ? null
        : `${event.model} is ${event.state}: ${event.reason}`;
    case "version":
      return event.change === "serving"
        ? `Serving ${event.model} ${event.version} ${event.reason}; it was started in ${
          Math.round(event.tookMs)
        } ms`
        : `Cannot serve ${event.model} ${event.version}, the former version stays: ${event.reason}`;
    case "serving_unknown":
      return `Cannot read which version of ${event.model} is to be served: ${event.reason}`;
    case "worker_replaced":
      return `Replacing a Worker of ${event.model}: ${event.reason}`;
    case "workers_scaled":
      return `${event.model} now has ${event.workers} Worker${event.workers === 1 ? "" : "s"}`;
    case "worker_missing":
      return `Could not scale up ${event.model}: ${event.reason}`;
    case "sink_failing":
      return `${event.sink} fails, retrying in ${event.retryInMs} ms: ${event.reason}`;
    case "sink_recovered":
      return `${event.sink} has recovered`;
    case "commit_failing":
      return `Cannot commit offsets, retrying: ${event.reason}`;
    case "unknown_models_failing":
      return `Cannot look for requests to unknown models, retrying: ${event.reason}`;
    case "dead_letter":
      return `Dead letter ${event.id}: ${event.code}: ${event.reason}`;
  }
}

/** The first connection is no news; `imagebus worker` prints the bus itself. */
function busLine(event: TransportEvent, isDisconnected: boolean): string | null {
  switch (event.type) {
    case "disconnected":
      return `The bus is unavailable, reconnecting: ${event.reason}`;
    case "connected":
      return isDisconnected ? "The bus has recovered" : null;
    case "delayed":
      return `Retrying: ${event.reason}`;
    case "recovered":
      return `${event.what} has recovered`;
    case "undecodable":
      return `Cannot read a part of ${event.topic}, partition ${event.partition}: ${event.reason}`;
    default:
      return event.type === "claimed" || event.reason === undefined
        ? null
        : `Restarting partition ${event.partition} of ${event.topic}: ${event.reason}`;
  }
}
