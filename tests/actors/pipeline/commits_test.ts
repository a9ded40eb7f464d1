import type { ServiceEvent } from "../../../actors/events.ts";
import { Commits } from "../../../actors/pipeline/commits.ts";
import { Flight } from "../../../actors/pipeline/flight.ts";
import { Flow } from "../../../actors/pipeline/flow.ts";
import { KeyOrder } from "../../../actors/pipeline/order.ts";
import type { Subscription } from "../../../bus/transport/transport.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import { assertEquals } from "../../../testing/assert.ts";
import { requestRecord } from "../../../testing/settled.ts";

Deno.test("commits: a failure is retried and reported, and so is the first success after it", async () => {
  const outcomes = [true, false, false, true, true];
  const commits: number[] = [];
  const subscription = {
    commit(positions: ReadonlyMap<unknown, number>) {
      if (!outcomes.shift()) return Promise.reject(new BusError("unavailable", "no broker"));
      commits.push(...positions.values());
      return Promise.resolve();
    },
  } as unknown as Subscription;
  const events: ServiceEvent[] = [];
  const listener = (event: ServiceEvent) => void events.push(event);
  const committer = new Commits({ subscription, commitIntervalMs: 60_000, listener, observer: {} });
  const { signal: lost } = new AbortController();
  const claim = { topic: "imagebus.mnist", partition: 0, lost };
  const flow = new Flow({ maxInFlight: 10, maxInFlightBytes: 100 });
  const path = { lanes: new Map(), flow, order: new KeyOrder<Flight>(() => {}), committer, listener };
  const store = (offset: number) => {
    const flight = new Flight(claim, { ...requestRecord("a"), offset }, path);
    flight.admit();
    flight.settle({ ok: false, code: "expired", message: "why" });
    flight.stored();
  };
  store(0);
  await committer.flush();
  store(1);
  for (let i = 0; i < 3; i++) await committer.flush();
  store(2);
  await committer.flush();
  assertEquals(commits, [1, 2, 3]);
  assertEquals(events.map(({ type }) => type), ["commit_failing", "commit_failing", "commit_recovered"]);
});
