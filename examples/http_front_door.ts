/**
 * HTTP in front of the bus: `POST /mnist` stores the image and answers 202 at once; `GET /results/ID` waits up to
 * 10 s for the result. Run worker processes beside it.
 *
 *     deno run --allow-read --allow-write --allow-net --allow-env --allow-sys=hostname \
 *       examples/http_front_door.ts
 *     curl --data-binary @seven.png http://127.0.0.1:8000/mnist
 */
import { BusError, connect } from "../mod.ts";

await using bus = await connect();

async function answer(request: Request): Promise<Response> {
  const [, first = "", id = ""] = new URL(request.url).pathname.split("/");
  if (request.method === "GET" && first === "results") {
    return Response.json(await bus.result(decodeURIComponent(id), { timeoutMs: 10_000 }));
  }
  if (request.method !== "POST" || request.body === null) return new Response("POST /MODEL", { status: 405 });
  const stored = await bus.send(request.body, { model: first });
  return Response.json({ id: stored }, { status: 202, headers: { location: `/results/${stored}` } });
}

const STATUS: Record<string, number> = { invalid: 400, too_large: 413, timeout: 504, queue_full: 503 };

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 8000 },
  (request) =>
    answer(request).catch((error) => {
      if (!(error instanceof BusError)) throw error;
      return Response.json({ code: error.code, message: error.message }, {
        status: STATUS[error.code] ?? 503,
      });
    }),
);
await server.finished;
