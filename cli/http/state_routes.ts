import { METRICS_TYPE } from "../../lib/metrics_text.ts";
import { TEXT_TYPE } from "./guard.ts";
import type { Routes } from "./server.ts";
import type { WorkerState } from "./worker_state.ts";

/** `/livez`, `/readyz`, `/metrics` and `/status.json`. */
export function stateRoutes(state: WorkerState): Routes {
  return {
    "GET /livez": () => text(state.alive ? 200 : 503, [state.alive ? "alive" : "the service has failed"]),
    "GET /readyz": () => {
      const { ready, state: name, reasons } = state.readiness;
      return text(ready ? 200 : 503, [name, ...reasons]);
    },
    "GET /metrics": () => new Response(state.scrape(), { headers: { "content-type": METRICS_TYPE } }),
    "GET /status.json": () => Response.json(state.status()),
  };
}

function text(status: number, lines: readonly string[]): Response {
  return new Response(`${lines.join("\n")}\n`, { status, headers: { "content-type": TEXT_TYPE } });
}
