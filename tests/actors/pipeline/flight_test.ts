import type { ServiceEvent } from "../../../actors/events.ts";
import { type Committer, Flight, type FlightPath } from "../../../actors/pipeline/flight.ts";
import { Flow } from "../../../actors/pipeline/flow.ts";
import { KeyOrder } from "../../../actors/pipeline/order.ts";
import { PerClaim } from "../../../actors/pipeline/per_claim.ts";
import { assertEquals } from "../../../testing/assert.ts";
import { requestRecord } from "../../../testing/settled.ts";

/** A path that notes each step instead of taking it. */
function pathOf(steps: string[], events: ServiceEvent[] = []): FlightPath {
  const committer: Committer = {
    begin: ({ message }) => void steps.push(`begin ${message.offset}`),
    stored(flight) {
      steps.push(`stored ${flight.message.offset}`);
      flight.release();
    },
    flush: () => Promise.resolve(),
    oldest: () => new Map(),
  };
  return {
    lanes: new Map(),
    flow: new Flow({ maxInFlight: 10, maxInFlightBytes: 100 }),
    order: new KeyOrder(({ message }) => steps.push(`outbox ${message.offset}`)),
    committer,
    listener: (event) => events.push(event),
  };
}

function flightOf(path: FlightPath, offset: number): Flight {
  const { signal: lost } = new AbortController();
  const message = { ...requestRecord("a"), offset };
  return new Flight({ topic: message.topic, partition: 0, lost }, message, path);
}

const REFUSED = { ok: false, code: "unknown_model", message: "why" } as const;

Deno.test("flight: queued, settled, stored and released; results of one key reach the outbox in the order of their requests", () => {
  const steps: string[] = [];
  const path = pathOf(steps);
  const [first, second] = [flightOf(path, 1), flightOf(path, 2)];
  for (const flight of [first, second]) flight.admit();
  assertEquals([path.flow.count, path.flow.bytes, first.settled, first.isStored], [2, 36, null, false]);
  second.settle(REFUSED);
  assertEquals([second.settled?.result.status, steps], ["failed", ["begin 1", "begin 2"]]);
  first.settle(REFUSED);
  for (const flight of [first, second]) flight.stored();
  assertEquals(steps.slice(2), ["outbox 1", "outbox 2", "stored 1", "stored 2"]);
  assertEquals([path.flow.count, path.flow.bytes, first.isStored], [0, 0, true]);
});

Deno.test("flight: a failure is reported as a dead letter, except a request that has expired", () => {
  const events: ServiceEvent[] = [];
  const path = pathOf([], events);
  for (const code of ["unknown_model", "expired"] as const) {
    const flight = flightOf(path, 1);
    flight.admit();
    flight.settle({ ...REFUSED, code });
  }
  assertEquals(events.map((event) => event.type === "dead_letter" && event.code), ["unknown_model"]);
});

Deno.test("per claim: a value is kept until its claim is lost, and not at all where it is lost already", () => {
  const owner = new AbortController();
  const claim = { topic: "t", partition: 0, lost: owner.signal };
  let created = 0;
  const values = new PerClaim(() => ++created);
  assertEquals([values.of(claim), values.of(claim), values.get(claim)], [1, 1, 1]);
  owner.abort();
  assertEquals([values.get(claim), values.of(claim), values.get(claim)], [undefined, 2, undefined]);
});
