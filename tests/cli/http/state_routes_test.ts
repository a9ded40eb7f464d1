import type { HealthState } from "../../../actors/health.ts";
import type { Service } from "../../../actors/serve.ts";
import { Bus } from "../../../bus/bus.ts";
import { createMemoryBroker } from "../../../bus/transport/memory.ts";
import { classifyRoute } from "../../../cli/http/classify_route.ts";
import { listen } from "../../../cli/http/server.ts";
import { stateRoutes } from "../../../cli/http/state_routes.ts";
import { WorkerState } from "../../../cli/http/worker_state.ts";
import { assertEquals } from "../../../testing/assert.ts";

/** A service whose health a test sets, and which it can end. */
function fakeService() {
  const ended = Promise.withResolvers<Error | null>();
  const health = { state: "ready" as HealthState, reasons: [] as string[], deadLetters: {} };
  const service: Service = {
    closed: ended.promise,
    status: () => [],
    health: () => health,
    close: () => Promise.resolve(0),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { service, health, end: ended.resolve };
}

async function probe(state: WorkerState, path: string): Promise<[number, string]> {
  const url = new URL(`http://127.0.0.1${path}`);
  const response = await stateRoutes(state)[`GET ${path}`]!(new Request(url), url);
  return [response.status, await response.text()];
}

Deno.test("readyz: 503 with the reasons while it starts, cannot finish images, or drains; degraded is ready", async () => {
  await using bus = new Bus(createMemoryBroker().connect());
  await using state = new WorkerState();
  assertEquals(await probe(state, "/readyz"), [503, "starting\n"]);
  assertEquals(await probe(state, "/livez"), [200, "alive\n"]);
  const { service, health, end } = fakeService();
  state.serving({ bus, service, group: "imagebus" });
  assertEquals(await probe(state, "/readyz"), [200, "ready\n"]);
  Object.assign(health, { state: "degraded", reasons: ["mnist is down: it died"] });
  assertEquals(await probe(state, "/readyz"), [200, "degraded\nmnist is down: it died\n"]);
  Object.assign(health, { state: "not ready", reasons: ["the bus is unavailable: why"] });
  assertEquals(await probe(state, "/readyz"), [503, "not ready\nthe bus is unavailable: why\n"]);
  assertEquals(await probe(state, "/livez"), [200, "alive\n"]);
  Object.assign(health, { state: "ready", reasons: [] });
  state.draining();
  assertEquals(await probe(state, "/readyz"), [503, "draining\n"]);
  end(new Error("the file is corrupt"));
  await service.closed;
  assertEquals(await probe(state, "/livez"), [503, "the service has failed\n"]);
});

Deno.test("metrics: they can be scraped before the service runs", async () => {
  await using state = new WorkerState();
  const [status, text] = await probe(state, "/metrics");
  assertEquals([status, text.includes('imagebus_health{state="not ready"} 1')], [200, true]);
});

Deno.test("classify: clients that stop sending their images do not occupy it for ever", async () => {
  await using bus = new Bus(createMemoryBroker().connect());
  await using state = new WorkerState();
  state.serving({ bus, service: fakeService().service, group: "imagebus" });
  const settings = { hostname: "127.0.0.1", port: 0, token: undefined, actions: true, images: true };
  await using server = listen(settings, classifyRoute(state, 100));
  const send = async () => {
    const body = new ReadableStream({ start: (control) => control.enqueue(new Uint8Array(9)) });
    const init = { method: "POST", headers: { "x-imagebus": "1" }, body, signal: AbortSignal.timeout(5_000) };
    const response = await fetch(`${server.url}/api/classify?model=mnist`, init);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await Promise.all(Array.from({ length: 8 }, send)), Array(8).fill(504));
  assertEquals(await send(), 504);
});
