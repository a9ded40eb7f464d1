import { contextOf } from "../../bus/tracing.ts";
import { assert, assertEquals } from "../../testing/assert.ts";
import { OtlpCollector, type Span } from "../../testing/otlp_collector.ts";
import { ended } from "../fixtures/imagebus.ts";

const [PRODUCER, CONSUMER, CLIENT] = [4, 5, 3];
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

Deno.test("tracing: a sender's trace goes on through batch and sinks, its context is never overwritten, and each batch links to its images", async () => {
  const collector = new OtlpCollector();
  const program = new URL("../fixtures/traced_service.ts", import.meta.url).pathname;
  const given = `00-${TRACE}-${PARENT}-01`;
  const unsampled = `00-${"a".repeat(32)}-${PARENT}-00`;
  const { code, out, err } = await ended(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-read", "--unstable-worker-options", program, given, unsampled],
      env: collector.environment,
      stdout: "piped",
      stderr: "piped",
    }),
  );
  await collector[Symbol.asyncDispose]();
  assertEquals(code, 0, err);
  const headers = JSON.parse(out);
  assertEquals([headers.given, headers.unsampled], [given, unsampled]);
  const named = (name: string) => collector.named(name);

  const sends = named("send imagebus.mnist");
  assertEquals(sends.map(({ kind }) => kind), [PRODUCER, PRODUCER, PRODUCER, PRODUCER]);
  const first = sends.find((span) => attribute(span, "messaging.message.id") === "given");
  assertEquals(first?.links?.map(({ traceId, spanId }) => [traceId, spanId]), [[TRACE, PARENT]]);
  assertEquals(attribute(first!, "messaging.system"), "imagebus");
  const own = sends.find((span) => attribute(span, "messaging.message.id") === "own")!;
  assertEquals(headers.own, `00-${own.traceId}-${own.spanId}-01`);

  const batches = named("process imagebus.mnist");
  assert(batches.every(({ kind, parentSpanId }) => kind === CONSUMER && !parentSpanId));
  const linked = batches.flatMap(({ links }) => links ?? []).map(({ traceId }) => traceId);
  for (const traceId of [TRACE, "a".repeat(32), own.traceId]) assert(linked.includes(traceId), traceId);

  for (const name of ["classify imagebus.mnist", "store imagebus.mnist"]) {
    const kind = name.startsWith("store") ? CLIENT : CONSUMER;
    const ofGiven = named(name).filter(({ traceId }) => traceId === TRACE);
    assertEquals(ofGiven.map((span) => [span.parentSpanId, span.kind]), [[PARENT, kind]], name);
    assert(named(name).every(({ traceId }) => traceId !== "a".repeat(32)), "an unsampled image has a span");
    const [{ startTimeUnixNano, endTimeUnixNano }] = ofGiven as [Span];
    const [start, end] = [startTimeUnixNano, endTimeUnixNano].map((nano) => Number(nano) / 1e6);
    assert(end! >= start! && Math.abs(Date.now() - start!) < 60_000, `${name} was from ${start} to ${end}`);
  }
  const bad = named("store imagebus.mnist").find((span) => attribute(span, "messaging.message.id") === "bad");
  assertEquals([bad?.status?.code, attribute(bad!, "error.type")], [2, "not_an_image"]);
  const commits = named("commit");
  assert(commits.length >= 1 && attribute(commits[0]!, "messaging.consumer.group.name") === "imagebus");
  assertEquals(named("probe"), []);
});

function attribute({ attributes = [] }: Span, name: string): unknown {
  return attributes.find(({ key }) => key === name)?.value["stringValue"];
}

Deno.test("tracing: a traceparent that is not one is no context", () => {
  for (
    const text of [
      undefined,
      "",
      `00-${TRACE}-${PARENT}`,
      `00-${"0".repeat(32)}-${PARENT}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `ff-${TRACE}-${PARENT}-01`,
      `00-${TRACE.toUpperCase()}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-011`,
    ]
  ) assertEquals(contextOf(text), undefined, text);
  assertEquals(contextOf(`00-${TRACE}-${PARENT}-01`)?.spanId, PARENT);
  assertEquals(contextOf(`01-${TRACE}-${PARENT}-01-more`)?.traceFlags, 1);
});
