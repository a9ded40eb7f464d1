import { refuse } from "./guard.ts";
import type { Routes } from "./server.ts";
import type { WorkerState } from "./worker_state.ts";

const MAX_WAITING = 8;
const TIMEOUT_MS = 30_000;

/**
 * `POST /api/classify?model=NAME`: sends the image of the body over the bus, and waits for its result.
 *
 * @param state Whose bus.
 * @param timeoutMs How long to wait for the result, and at most twice that with the image: a client may stop sending it.
 */
export function classifyRoute(state: WorkerState, timeoutMs: number = TIMEOUT_MS): Routes {
  let waiting = 0;
  return {
    "POST /api/classify": async ({ body }, { searchParams }) => {
      if (body === null) return refuse(400, "The body is empty: expected an image");
      if (waiting >= MAX_WAITING) return refuse(429, `${MAX_WAITING} images wait for their results already`);
      waiting++;
      try {
        const model = searchParams.get("model");
        const signal = AbortSignal.timeout(2 * timeoutMs);
        return Response.json(
          await state.bus.classify(body, { ...model && { model }, timeoutMs, signal }),
        );
      } finally {
        waiting--;
      }
    },
  };
}
