import type { Listener, ServiceEvent } from "../../../actors/events.ts";
import { Flight } from "../../../actors/pipeline/flight.ts";
import { Flow } from "../../../actors/pipeline/flow.ts";
import { KeyOrder } from "../../../actors/pipeline/order.ts";
import { Transactions } from "../../../actors/pipeline/transactions.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import type { Claim, CommittedMessage, Subscription } from "../../../bus/transport/transport.ts";
import { assertEquals } from "../../../testing/assert.ts";
import { requestRecord } from "../../../testing/settled.ts";

Deno.test("transactions: a reply topic that the bus refuses stops nobody else", async () => {
  const committed: [position: number, topics: string[]][] = [];
  const subscription = {
    commitWith(_claim: Claim, position: number, messages: readonly CommittedMessage[]) {
      const topics = messages.map(({ topic }) => topic);
      if (topics.includes("forbidden")) return Promise.reject(new BusError("denied", "no right"));
      committed.push([position, topics]);
      return Promise.resolve();
    },
  } as unknown as Subscription;
  const events: ServiceEvent[] = [];
  const listener: Listener = (event) => event.type === "dead_letter" || events.push(event);
  const committer = new Transactions({ subscription, commitIntervalMs: 0, listener, observer: {} });
  const claim = { topic: "imagebus.mnist", partition: 0, lost: new AbortController().signal };
  const flow = new Flow({ maxInFlight: 10, maxInFlightBytes: 100 });
  const path = { lanes: new Map(), flow, order: new KeyOrder<Flight>(() => {}), committer, listener };
  const headers = {
    ce_specversion: "1.0",
    ce_source: "test",
    ce_type: "imagebus.classify",
    ce_model: "mnist",
  };
  for (const [offset, replyTo] of ["answers", "forbidden", "answers"].entries()) {
    const message = {
      ...requestRecord("a"),
      offset,
      headers: { ...headers, ce_id: `${offset}`, ce_replyto: replyTo },
    };
    const flight = new Flight(claim, message, path);
    flight.admit();
    flight.settle({ ok: false, code: "expired", message: "why" });
    flight.stored();
  }
  await flow.idle();
  const both = ["imagebus.results", "answers"];
  assertEquals(events, [{ type: "reply_refused", topic: "forbidden", reason: "no right" }]);
  assertEquals(committed, [[1, both], [2, ["imagebus.results"]], [3, both]]);
});
