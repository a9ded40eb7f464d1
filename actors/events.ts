import type { TransportEvent } from "../bus/transport/transport.ts";
import type { ModelState } from "./workers/status.ts";

/** What happens in the service, for logs and health. */
export type ServiceEvent =
  | { readonly type: "model"; readonly model: string; readonly state: ModelState; readonly reason: string }
  | { readonly type: "worker_replaced"; readonly model: string; readonly reason: string }
  | { readonly type: "workers_scaled"; readonly model: string; readonly workers: number }
  | { readonly type: "worker_missing"; readonly model: string; readonly reason: string }
  | {
    readonly type: "sink_failing";
    readonly sink: string;
    readonly reason: string;
    readonly retryInMs: number;
  }
  | { readonly type: "sink_recovered"; readonly sink: string }
  | { readonly type: "commit_failing"; readonly reason: string }
  | { readonly type: "unknown_models_failing"; readonly reason: string }
  | { readonly type: "dead_letter"; readonly id: string; readonly code: string; readonly reason: string }
  | { readonly type: "bus"; readonly event: TransportEvent };

/** Gets the events. Must not throw. */
export type Listener = (event: ServiceEvent) => void;
