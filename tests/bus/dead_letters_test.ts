import { deadLettersSink } from "../../actors/sinks/dead_letters.ts";
import { resultsTopicSink } from "../../actors/sinks/results_topic.ts";
import { encodeDeadLetter } from "../../bus/dead_letter.ts";
import { listDeadLetters } from "../../bus/dead_letters.ts";
import { Bus } from "../../bus/bus.ts";
import { decodeRequest } from "../../bus/envelope.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { showValue } from "../../lib/show_value.ts";
import type { DeadLetter, DeadLettersOptions, Failed } from "../../mod.ts";
import type { Message, OutgoingMessage } from "../../bus/transport/mod.ts";
import { assert, assertEquals, assertRejects } from "../../testing/assert.ts";

const TOPIC = "imagebus.dead-letters";

function request(id: string, changes: Partial<Message> = {}): Message {
  return {
    topic: "imagebus.mnist",
    partition: 1,
    offset: 7,
    timestamp: 1_700_000_000_000,
    key: `key of ${id}`,
    value: new TextEncoder().encode(`image ${id}`),
    headers: { ce_specversion: "1.0", ce_id: id, ce_source: "test", ce_type: "imagebus.classify" },
    ...changes,
  };
}

function failure(id: string, code = "damaged", at = "2026-01-01T00:00:00.000Z"): Failed {
  const error = { code, message: `why ${id} failed` };
  return { status: "failed", id, model: "mnist", at, waitedMs: 1, tookMs: 1, error };
}

/** A bus with these dead letters on it. */
async function busWith(letters: readonly OutgoingMessage[]): Promise<Bus> {
  const bus = new Bus(createMemoryBroker().connect());
  for (const letter of letters) await bus.transport.send(TOPIC, [letter]);
  return bus;
}

async function idsOf(bus: Bus, options?: DeadLettersOptions): Promise<string[]> {
  return (await listDeadLetters(bus.transport, options)).map(({ id }) => id);
}

async function only(bus: Bus): Promise<DeadLetter> {
  const letters = await Array.fromAsync(bus.deadLetters());
  assertEquals(letters.length, 1);
  return letters[0]!;
}

async function readAll(bus: Bus, topic: string): Promise<Message[]> {
  await using subscription = await bus.transport.subscribe([topic], { until: "end" });
  return (await Array.fromAsync(subscription)).flatMap(({ messages }) => messages);
}

Deno.test("dead letters: a request without a key is stored under its id, and replayed without a key", async () => {
  const stored = encodeDeadLetter(request("a", { key: null }), failure("a"));
  assertEquals(stored.key, "a");
  await using bus = await busWith([stored]);
  const letter = await only(bus);
  assertEquals([letter.key, Object.keys(letter.headers).includes("imagebus_key")], [null, false]);
  await bus.replay(letter);
  assertEquals((await readAll(bus, "imagebus.mnist")).map(({ key }) => key), [null]);
});

Deno.test("dead letters: headers that are repeated or null are kept, and replayed", async () => {
  const [own] = [["own", "1"] as const];
  const headerList = [...Object.entries(request("a").headers), own, own, ["none", null] as const];
  const original = request("a", { headerList, headers: { ...request("a").headers, own: "1", none: "" } });
  await using bus = await busWith([encodeDeadLetter(original, failure("a"))]);
  const letter = await only(bus);
  assertEquals(letter.headerList, headerList);
  await bus.replay(letter);
  const [replayed] = await readAll(bus, "imagebus.mnist");
  assertEquals(replayed?.headerList, [...headerList, ["ce_attempts", "2"], ["imagebus_id", "a"]]);
});

Deno.test("dead letters: one is read with its request, the place of the request, and the reason", async () => {
  const binary = new Uint8Array([255, 0, 254]);
  const original = request("a", { headers: { ...request("a").headers, own: "kept", binary } });
  await using bus = await busWith([encodeDeadLetter(original, failure("a"))]);
  const letter = await only(bus);
  assertEquals([...letter.value], [...original.value]);
  assertEquals([...letter.image!], [...original.value]);
  assertEquals([...letter.headers["binary"] as Uint8Array], [...binary]);
  const { binary: _, ...headers } = letter.headers;
  assertEquals(headers, { ...request("a").headers, own: "kept" });
  const { value: _value, image: _image, headers: _headers, ...rest } = letter;
  assertEquals(rest, {
    id: "a",
    model: "mnist",
    error: { code: "damaged", message: "why a failed" },
    failedAt: "2026-01-01T00:00:00.000Z",
    attempts: 1,
    bytes: original.value.length,
    omitted: false,
    topic: "imagebus.mnist",
    partition: 1,
    offset: 7,
    timestamp: 1_700_000_000_000,
    key: "key of a",
  });
});

Deno.test("dead letters: reading a bus without the topic yields none, and does not create it", async () => {
  await using bus = await busWith([]);
  assertEquals(await Array.fromAsync(bus.deadLetters()), []);
  assertEquals(await bus.transport.topics(), []);
});

Deno.test("dead letters: an id is listed once, with its last failure, in any partition and order", async () => {
  const attempt = (attempts: number, at: string) =>
    encodeDeadLetter(
      request("a", { key: `${attempts}`, headers: { ...request("a").headers, ce_attempts: `${attempts}` } }),
      failure("a", attempts === 3 ? "model_died" : "unknown_model", at),
    );
  const [first, second, third] = [1, 2, 3].map((n) => attempt(n, `2026-01-0${n}T00:00:00.000Z`));
  await using bus = await busWith([third!, first!, second!, second!]);
  const letter = await only(bus);
  assertEquals([letter.attempts, letter.error.code, letter.key], [3, "model_died", "3"]);
  assertEquals(await idsOf(bus, { reason: "unknown_model" }), []);
});

Deno.test("dead letters: are filtered by id, model, reason, time and number, the newest last", async () => {
  const letters = ["a", "b", "c", "d"].map((id, day) => {
    const topic = id < "c" ? "imagebus.mnist" : "imagebus.fashion-mnist";
    const reason = id === "b" ? "empty" : "damaged";
    return encodeDeadLetter(
      request(id, { topic }),
      failure(id, reason, `2026-01-0${4 - day}T00:00:00.000Z`),
    );
  });
  await using bus = await busWith(letters);
  const cases: [DeadLettersOptions, string[]][] = [
    [{}, ["d", "c", "b", "a"]],
    [{ ids: ["a", "c", "x"] }, ["c", "a"]],
    [{ model: "mnist" }, ["b", "a"]],
    [{ model: "fashion-mnist" }, ["d", "c"]],
    [{ reason: "empty" }, ["b"]],
    [{ since: new Date("2026-01-03T00:00:00.000Z") }, ["b", "a"]],
    [{ limit: 3 }, ["c", "b", "a"]],
    [{ model: "mnist", reason: "damaged", limit: 1 }, ["a"]],
    [{ reason: "unknown_model" }, []],
  ];
  for (const [options, expected] of cases) {
    assertEquals(await idsOf(bus, options), expected, JSON.stringify(options));
    const read = (await Array.fromAsync(bus.deadLetters(options))).map(({ id }) => id);
    assertEquals(read.sort(), expected.toSorted(), JSON.stringify(options));
  }
});

Deno.test("dead letters: reading since a time that is not a valid Date is refused", async () => {
  await using bus = await busWith([encodeDeadLetter(request("a"), failure("a"))]);
  for (const since of [new Date(NaN), "2026-01-01", 7n] as Date[]) {
    const refused = { code: "invalid", message: `since is ${showValue(since)}: expected a valid Date` };
    for (
      const read of [
        () => Array.fromAsync(bus.deadLetters({ since })),
        () => listDeadLetters(bus.transport, { since }),
        () => bus.result("a", { since }),
      ]
    ) {
      const { code, message } = await assertRejects(read, BusError);
      assertEquals({ code, message }, refused);
    }
  }
});

Deno.test("dead letters: reading rejects with the reason of an aborted signal", async () => {
  await using bus = await busWith([encodeDeadLetter(request("a"), failure("a"))]);
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => Array.fromAsync(bus.deadLetters({ signal })), Error, "enough");
});

Deno.test("dead letters: records that are malformed, or name a topic that is not for requests, are skipped", async () => {
  const hostile = ["imagebus.results", TOPIC, "orders", "../etc"].map((topic) =>
    encodeDeadLetter(request("a", { topic }), failure("a"))
  );
  const { imagebus_id: _, ...anonymous } = encodeDeadLetter(request("b"), failure("b")).headers!;
  const value = new Uint8Array(3);
  await using bus = await busWith([
    ...hostile,
    { value },
    { value, headers: anonymous },
    encodeDeadLetter(request("c"), { ...failure("c"), at: "yesterday" }),
  ]);
  assertEquals(await idsOf(bus), []);
});

Deno.test("replay: sends key, bytes and headers to their topic, with the same id and one more attempt", async () => {
  const original = request("a", { headers: { ...request("a").headers, own: new Uint8Array([255]) } });
  await using bus = await busWith([encodeDeadLetter(original, failure("a"))]);
  assertEquals(await bus.replay(await only(bus)), 2);
  const [message, ...more] = await readAll(bus, "imagebus.mnist");
  assert(message && more.length === 0);
  assertEquals([message.key, [...message.value]], [original.key, [...original.value]]);
  const { own, ce_attempts, imagebus_id, ...headers } = message.headers;
  assertEquals([[...own as Uint8Array], ce_attempts, imagebus_id], [[255], "2", "a"]);
  assertEquals(headers, request("a").headers);
});

Deno.test("replay: a record without an id keeps the one that it got", async () => {
  const legacy = request("", {
    topic: "topic_mnist",
    key: "7",
    headers: {},
    value: new TextEncoder().encode('"AA=="'),
  });
  const { id } = decoded(legacy);
  await using bus = await busWith([encodeDeadLetter(legacy, failure(id, "not_an_image"))]);
  const letter = await only(bus);
  assertEquals([letter.model, [...letter.image!]], ["mnist", [0]]);
  await bus.replay(letter);
  const [message] = await readAll(bus, "topic_mnist");
  assert(message!.offset !== legacy.offset);
  assertEquals(decoded(message!).id, id);
});

function decoded(message: Message): { id: string } {
  const decoded = decodeRequest(message);
  return decoded.ok ? decoded.request : decoded.origin;
}

Deno.test("replay: a request that fails again is a second record with more attempts, up to the limit", async () => {
  await using bus = await busWith([encodeDeadLetter(request("a"), failure("a"))]);
  for (const attempts of [1, 2, 3]) {
    const letter = await only(bus);
    assertEquals(letter.attempts, attempts);
    await bus.replay(letter, { maxAttempts: 4 });
    const again = (await readAll(bus, "imagebus.mnist")).find(({ headers }) =>
      headers["ce_attempts"] === `${attempts + 1}`
    );
    await bus.transport.send(TOPIC, [encodeDeadLetter(again!, failure("a"))]);
  }
  const letter = await only(bus);
  assertEquals(letter.attempts, 4);
  await assertRejects(
    () => bus.replay(letter, { maxAttempts: 4 }),
    BusError,
    "Cannot replay a: it was tried 4 times, and --max-attempts (maxAttempts) is 4",
  );
  assertEquals(await bus.replay(letter), 5);
});

Deno.test("replay: an expired request is refused", async () => {
  const headers = { ...request("a").headers, ce_expirytime: "2026-01-01T00:00:00Z" };
  await using bus = await busWith([encodeDeadLetter(request("a", { headers }), failure("a"))]);
  const letter = await only(bus);
  await assertRejects(
    () => bus.replay(letter),
    BusError,
    "it expired at 2026-01-01T00:00:00.000Z",
  );
});

Deno.test("dead letters: a request that is too large for the bus is kept without its bytes, and blocks nothing", async () => {
  await using bus = new Bus(createMemoryBroker().connect({ maxMessageBytes: 1_000 }));
  const settled = (id: string, changes: Partial<Message> = {}) => {
    const message = request(id, changes);
    return { result: failure(id), origin: { id, key: message.key }, message };
  };
  const sink = deadLettersSink(bus.transport);
  await sink.write([
    settled("a"),
    settled("value", { value: new Uint8Array(1_001) }),
    settled("headers", { headers: { ...request("headers").headers, large: "x".repeat(65_300) } }),
    settled("key", { key: "k".repeat(65_500) }),
    settled("b"),
  ]);
  const letters = new Map((await Array.fromAsync(bus.deadLetters())).map((letter) => [letter.id, letter]));
  assertEquals([...letters.keys()].sort(), ["a", "b", "headers", "key", "value"]);
  const whole = [...letters.values()].filter(({ omitted }) => !omitted).map(({ id }) => id);
  assertEquals(whole.sort(), ["a", "b"]);
  const { bytes, error, topic, offset } = letters.get("value")!;
  assertEquals([bytes, error.code, topic, offset], [1_001, "damaged", "imagebus.mnist", 7]);
  await assertRejects(() => bus.replay(letters.get("value")!), BusError, "it was too large to be kept");
});

Deno.test("results: a result whose key and attributes are too large is stored under its id, and blocks nothing", async () => {
  await using bus = new Bus(createMemoryBroker().connect());
  const settled = (id: string, key: string, correlationId?: string) => ({
    result: failure(id),
    origin: { id, key, ...(correlationId !== undefined && { correlationId }) },
    message: request(id),
  });
  await using results = bus.results();
  await results.ready;
  const sink = resultsTopicSink(bus.transport);
  await sink.write([
    settled("a", "key-a", "asked"),
    settled("large", "k".repeat(65_400), "x".repeat(100)),
    settled("b", "key-b"),
  ]);
  const ids: string[] = [];
  for await (const { id } of results) {
    if (ids.push(id) === 3) break;
  }
  assertEquals(ids.sort(), ["a", "b", "large"]);
});

Deno.test("replay: an invalid limit is refused", async () => {
  await using bus = await busWith([encodeDeadLetter(request("a"), failure("a"))]);
  const letter = await only(bus);
  for (const maxAttempts of [0, 1.5, NaN, Infinity, 1_000_001]) {
    await assertRejects(() => bus.replay(letter, { maxAttempts }), BusError, `maxAttempts is ${maxAttempts}`);
  }
});

Deno.test("dead letters: one that was acknowledged is left out, unless it is asked for or fails again", async () => {
  await using bus = await busWith(["a", "b"].map((id) => encodeDeadLetter(request(id), failure(id))));
  const [a] = await listDeadLetters(bus.transport, { ids: ["a"] });
  await bus.acknowledge(a!);
  assertEquals(await idsOf(bus), ["b"]);
  assertEquals((await Array.fromAsync(bus.deadLetters())).map(({ id }) => id), ["b"]);
  const all = await listDeadLetters(bus.transport, { acknowledged: true });
  assertEquals(all.map(({ id, acknowledgedAt }) => [id, typeof acknowledgedAt]), [["a", "string"], [
    "b",
    "undefined",
  ]]);
  const headers = { ...request("a").headers, ce_attempts: "2" };
  const again = failure("a", "damaged", "2026-01-02T00:00:00.000Z");
  await bus.transport.send(TOPIC, [encodeDeadLetter(request("a", { headers }), again)]);
  assertEquals(await idsOf(bus), ["b", "a"]);
});
