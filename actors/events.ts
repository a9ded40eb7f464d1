import type { TransportEvent } from "../bus/transport/transport.ts";
import type { Drift } from "./drift/model_drift.ts";
import type { ModelState } from "./workers/status.ts";

/**
 * What happens in a service, for logs and health.
 *
 * | event | when | fields |
 * |---|---|---|
 * | `model` | the state of a model changes | `model`, its new `state`, the `reason` |
 * | `version` | another version of a model is served (`serving`) or cannot be (`refused`), or gets a share of the images (`canary`) or no more of them (`canary_stopped`), or copies of them (`shadow`) | `model`, `version`, the `change`, the `reason`, and how long reading and starting it took (`tookMs`) |
 * | `serving_unknown` | `serving.json` of a model cannot be read; the model is served as before | `model`, the `reason` |
 * | `drift` | the images of a model, or what it predicts, begin or cease to differ from its test images | `model`, the `state`, and the stability index of `label`, `confidence` and `image` |
 * | `comparisons_dropped` | comparisons of a shadow could not be stored | their `count`, the `reason` |
 * | `worker_replaced` | a Worker that exceeds its memory limit, or the time for one image, is replaced | `model`, the `reason` |
 * | `workers_scaled` | a model has one Worker more, or one less, by its load | `model`, number of `workers` now |
 * | `worker_missing` | a model could not be scaled up; retried while its load lasts | `model`, the `reason` |
 * | `sink_failing` | a sink rejects a batch, each time | `sink` (its name), the `reason`, `retryInMs` |
 * | `sink_recovered` | that sink has stored the batch | `sink` |
 * | `reply_refused` | the bus refuses a reply topic that a request names: who waits there gets nothing, the results are on `imagebus.results` | `topic`, the `reason` |
 * | `commit_failing` | offsets could not be committed; retried | the `reason` |
 * | `commit_recovered` | offsets were committed again | |
 * | `unknown_models_failing` | requests for unknown models could not be looked for; retried | the `reason` |
 * | `unknown_models_recovered` | they could be looked for again | |
 * | `dead_letter` | a request fails, but does not expire | `id` of the request, `code` and `reason` of its failure |
 * | `bus` | the connection changes, where the owner of the bus passes that on | `event` of the transport |
 */
export type ServiceEvent =
  | { readonly type: "model"; readonly model: string; readonly state: ModelState; readonly reason: string }
  | {
    readonly type: "version";
    readonly model: string;
    readonly version: string;
    readonly change: "serving" | "refused" | "canary" | "canary_stopped" | "shadow";
    readonly reason: string;
    readonly tookMs: number;
  }
  | { readonly type: "serving_unknown"; readonly model: string; readonly reason: string }
  | { readonly type: "drift"; readonly model: string } & Drift
  | { readonly type: "comparisons_dropped"; readonly count: number; readonly reason: string }
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
  | { readonly type: "reply_refused"; readonly topic: string; readonly reason: string }
  | { readonly type: "commit_failing"; readonly reason: string }
  | { readonly type: "commit_recovered" }
  | { readonly type: "unknown_models_failing"; readonly reason: string }
  | { readonly type: "unknown_models_recovered" }
  | { readonly type: "dead_letter"; readonly id: string; readonly code: string; readonly reason: string }
  | { readonly type: "bus"; readonly event: TransportEvent };

/** Called with each event. Must not throw. */
export type Listener = (event: ServiceEvent) => void;
