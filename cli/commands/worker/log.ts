import type { ServiceEvent } from "../../../actors/events.ts";
import type { TransportEvent } from "../../../bus/transport/transport.ts";

/**
 * What the worker says of an event.
 *
 * @returns One line; `null` where nothing is to be said.
 */
export function logLine(event: ServiceEvent): string | null {
  switch (event.type) {
    case "model":
      return event.reason === "ready" || event.state === "stopped"
        ? null
        : `${event.model} is ${event.state}: ${event.reason}`;
    case "worker_replaced":
      return `A Worker of ${event.model} is replaced: ${event.reason}`;
    case "workers_scaled":
      return `${event.model} has ${event.workers} Worker${event.workers === 1 ? "" : "s"} now`;
    case "worker_missing":
      return `${event.model} gets no further Worker for now: ${event.reason}`;
    case "sink_failing":
      return `${event.sink} fails, again in ${event.retryInMs} ms: ${event.reason}`;
    case "sink_recovered":
      return `${event.sink} works again`;
    case "commit_failing":
      return `Committing fails, it is tried again: ${event.reason}`;
    case "unknown_models_failing":
      return `Looking for requests to unknown models fails, it is tried again: ${event.reason}`;
    case "dead_letter":
      return `Dead letter ${event.id}: ${event.code}: ${event.reason}`;
    case "bus":
      return busLine(event.event);
  }
}

function busLine(event: TransportEvent): string | null {
  if (event.type === "disconnected") return `The bus is away, trying again: ${event.reason}`;
  if (event.type !== "lost" || event.reason === undefined) return null;
  return `Partition ${event.partition} of ${event.topic} is begun anew: ${event.reason}`;
}
