import { History, MAX_SAMPLES, quantile } from "../../../cli/http/history.ts";
import { WorkerHttp } from "../../../cli/http/worker_http.ts";
import { LastImages, MAX_IMAGES } from "../../../cli/http/last_images.ts";
import { EventStream } from "../../../cli/http/event_stream.ts";
import { ServiceMetrics } from "../../../actors/metrics/service_metrics.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { SEVEN } from "../../../testing/images.ts";
import { classified } from "../../../testing/settled.ts";

/** A result with an image as it was sent. */
function settled(id: string, value: Uint8Array<ArrayBuffer>) {
  const one = classified(id);
  const headers = { ce_specversion: "1.0", ce_id: id, ce_source: "test", ce_type: "imagebus.classify" };
  return { ...one, message: { ...one.message, value, headers } };
}

/** A clock that stands still until it is moved. */
function fakeClock() {
  const { now } = performance;
  const clock = {
    at: 1_000,
    [Symbol.dispose]: () => {
      performance.now = now;
    },
  };
  performance.now = () => clock.at;
  return clock;
}

Deno.test("last images: none are kept while nobody looks, and at most four per second while somebody does", () => {
  let isWatched = false;
  using clock = fakeClock();
  const images = new LastImages(() => isWatched);
  images.stored([settled("a", SEVEN.png)]);
  assertEquals(images.after(0), []);
  isWatched = true;
  for (let i = 0; i < 1_000; i++) images.stored([settled(`${i}`, SEVEN.png), settled(`${i}b`, SEVEN.png)]);
  const kept = images.after(0);
  assertEquals([kept.length, kept[0]?.result.id, kept[0]?.src], [1, "0b", "/api/images?number=1"]);
  assertEquals(images.bytesOf(1), new Uint8Array(SEVEN.png));
  assert(images.bytesOf(1)!.buffer !== SEVEN.png.buffer, "it keeps the whole batch alive");
  assertEquals(images.bytesOf(2), null);
  clock.at += 250;
  images.stored([settled("later", SEVEN.png)]);
  assertEquals(images.after(1).map(({ result }) => result.id), ["later"]);
});

Deno.test("last images: what is large, or no PNG or JPEG, has no bytes; the oldest are forgotten", () => {
  const images = new LastImages(() => true);
  using clock = fakeClock();
  const store = (id: string, bytes: Uint8Array<ArrayBuffer>) => {
    clock.at += 1_000;
    images.stored([settled(id, bytes)]);
  };
  const large = new Uint8Array(100_000);
  large.set(SEVEN.png);
  store("large", large);
  store("svg", new TextEncoder().encode("<svg onload='alert(1)'/>"));
  assertEquals(images.after(0).map(({ src }) => src), [null, null]);
  for (let i = 0; i < MAX_IMAGES + 10; i++) store(`${i}`, SEVEN.png);
  assertEquals([images.after(0).length, images.bytesOf(12), images.bytesOf(13)?.length], [
    24,
    null,
    SEVEN.png.length,
  ]);
});

Deno.test("history: rates and quantiles are those of the last second; ten minutes are kept", () => {
  using metrics = new ServiceMetrics("0.0.0-test");
  metrics.work.serving([{ model: "fashion-mnist", version: "1.0.0" }]);
  const history = new History(metrics.registry);
  const { message, ...others } = classified("a");
  const fresh = { ...others, message: { ...message, timestamp: Date.now() - 70 } };
  metrics.work.stored(Array.from({ length: 100 }, () => fresh));
  const first = history.take(3, 7);
  assert(first.images > 0 && first.failures === 0);
  assert(first.p50! >= 50 && first.p99! <= 250, `${first.p50} ms, ${first.p99} ms`);
  assertEquals([first.inFlight, first.lag], [3, 7]);
  const second = history.take(0, 0);
  assertEquals([second.images, second.p50], [0, null]);
  for (let i = 0; i < MAX_SAMPLES; i++) history.take(0, 0);
  assertEquals(history.samples.length, MAX_SAMPLES);
});

Deno.test("history: a quantile lies within its bucket", () => {
  assertEquals(quantile([1, 2], [0, 10, 0], 0.5), 1_500);
  assertEquals(quantile([1, 2], [10, 0, 10], 0.99), 2_000);
  assertEquals(quantile([1, 2], [0, 0, 0], 0.5), null);
});

Deno.test("event stream: beyond its limit of pages it refuses, and a page that does not read is dropped", async () => {
  const stream = new EventStream();
  const responses = Array.from({ length: 16 }, () => stream.open("start", {}));
  assertEquals(stream.open("start", {}).status, 503);
  const large = "x".repeat(400_000);
  for (let i = 0; i < 4; i++) stream.send("tick", large);
  assertEquals(stream.clients, 0);
  const again = stream.open("start", { a: 1 });
  assertEquals(stream.clients, 1);
  const { value } = await again.body!.getReader().read();
  assertEquals(new TextDecoder().decode(value), 'event: start\ndata: {"a":1}\n\n');
  await Promise.all(responses.map(({ body }) => body!.cancel().catch(() => {})));
});

Deno.test("live: the lag is unknown, not 0, while the bus does not answer", async () => {
  const settings = { hostname: "127.0.0.1", port: 0, token: undefined, actions: false, images: false };
  await using http = new WorkerHttp(settings);
  const { body } = await fetch(`${http.url}/api/events`);
  let text = "";
  for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (/event: tick\ndata: .*\n/.test(text)) break;
  }
  const [, data] = /event: tick\ndata: (.*)\n/.exec(text)!;
  assertEquals(JSON.parse(data!).sample.lag, null);
});
