import {
  decodeRequest,
  decodeResult,
  encodeRequest,
  encodeResult,
  type Request,
} from "../../bus/envelope.ts";
import { connect } from "../../bus/connect.ts";
import type { Classified, Failed } from "../../bus/result.ts";
import { SEND_OPTIONS } from "../../bus/send_options.ts";
import {
  ACKNOWLEDGEMENTS_TOPIC,
  COMPARISONS_TOPIC,
  DEAD_LETTERS_TOPIC,
  RESULTS_TOPIC,
} from "../../bus/topics.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Message, MessageHeaders, OutgoingMessage, Text } from "../../bus/transport/transport.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";

const IMAGE = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 255]);

function stored(message: Partial<OutgoingMessage>, topic = "imagebus.mnist"): Message {
  return {
    topic,
    partition: 3,
    offset: 17,
    timestamp: 1_700_000_000_000,
    key: message.key ?? null,
    value: message.value ?? IMAGE,
    headers: message.headers ?? {},
  };
}

function decoded(message: Message): Request {
  const result = decodeRequest(message);
  assert(result.ok, `expected a request, got: ${result.ok || result.reason}`);
  return result.request;
}

function refused(headers: MessageHeaders, value: Uint8Array = IMAGE) {
  const result = decodeRequest(stored({ headers, value }));
  assert(!result.ok, "expected a refusal");
  return result;
}

const FULL: Request = {
  id: "7",
  key: "camera 1",
  model: "mnist",
  image: IMAGE,
  replyTo: "answers",
  correlationId: "c-1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  actual: "9",
  fileName: "photos/猫 1.png",
  expiresAt: 1_700_000_000_000,
};

Deno.test("envelope: decodes what it encodes; the value is the image itself", () => {
  const message = encodeRequest(FULL, "image/png");
  assertEquals(message.value, IMAGE);
  assertEquals(decoded(stored(message)), FULL);
});

Deno.test("envelope: a request has the headers of CloudEvents 1.0 in binary mode", () => {
  const { headers = {} } = encodeRequest(FULL, "image/png");
  assertEquals(headers["ce_specversion"], "1.0");
  assertEquals(headers["ce_type"], "imagebus.classify");
  assertEquals(headers["ce_id"], "7");
  assertEquals(headers["content-type"], "image/png");
  assertEquals(headers["ce_expirytime"], "2023-11-14T22:13:20.000Z");
  assert(headers["ce_source"] && headers["ce_time"]);
});

Deno.test("envelope: the topic determines the model if ce_model is missing", () => {
  const { ce_model: _, ...headers } = encodeRequest(FULL, "image/png").headers!;
  assertEquals(decoded(stored({ headers }, "imagebus.fashion-mnist")).model, "fashion-mnist");
  assert(!decodeRequest(stored({ headers }, "some.topic")).ok);
});

Deno.test("envelope: the header traceparent counts in all forms of a request; an attribute of an event goes before it", () => {
  const traceparent = FULL.traceparent!;
  const event = {
    specversion: "1.0",
    id: "7",
    source: "test",
    type: "imagebus.classify",
    data_base64: IMAGE.toBase64(),
  };
  const structured = (attributes: object) => ({
    headers: { traceparent, "content-type": "application/cloudevents+json" },
    value: new TextEncoder().encode(JSON.stringify({ ...event, ...attributes })),
  });
  const legacy = {
    headers: { traceparent },
    value: new TextEncoder().encode(JSON.stringify(IMAGE.toBase64())),
  };
  assertEquals(decoded(stored({ headers: { traceparent } })).traceparent, traceparent);
  assertEquals(decoded(stored(structured({}))).traceparent, traceparent);
  assertEquals(decoded(stored(structured({ traceparent: "of the event" }))).traceparent, "of the event");
  assertEquals(decoded(stored(legacy, "topic_mnist")).traceparent, traceparent);
  assertEquals(decoded(stored({})).traceparent, undefined);
});

Deno.test("envelope: accepts structured mode", () => {
  const event = {
    specversion: "1.0",
    id: "8",
    source: "/camera",
    type: "imagebus.classify",
    model: "mnist",
    correlationid: "c-2",
    data_base64: IMAGE.toBase64(),
  };
  const request = decoded(stored({
    value: new TextEncoder().encode(JSON.stringify(event)),
    headers: { "content-type": "application/cloudevents+json; charset=UTF-8" },
  }));
  assertEquals(request, { id: "8", key: null, model: "mnist", image: IMAGE, correlationId: "c-2" });
});

Deno.test("envelope: each defect is reported with its value", () => {
  const good = encodeRequest(FULL, "image/png").headers!;
  const cases: [MessageHeaders, string][] = [
    [{ ...good, ce_specversion: "0.3" }, 'specversion is "0.3": expected "1.0"'],
    [{ ...good, ce_type: "other" }, 'type is "other": expected "imagebus.classify"'],
    [{ ...good, ce_id: "" }, "id has 0 characters"],
    [{ ...good, ce_id: "x".repeat(257) }, "id has 257 characters"],
    [{ ...good, ce_source: "" }, "source is missing"],
    [{ ...good, ce_expirytime: "tomorrow" }, 'expirytime is "tomorrow"'],
    [{ ...good, ce_expirytime: "1" }, 'expirytime is "1"'],
    [{ ...good, ce_expirytime: "2099-01-01" }, 'expirytime is "2099-01-01"'],
    [{ ce_id: "7", ce_type: "imagebus.classify" }, 'specversion is null: expected "1.0"'],
    [{ ...good, ce_replyto: "a topic" }, 'replyto is "a topic": expected 1 to 249 of the characters'],
    [{ ...good, ce_replyto: ".." }, 'replyto is "..": expected 1 to 249 of the characters'],
    [{ ...good, ce_replyto: "imagebus.mnist" }, "and not a topic of requests or dead letters"],
  ];
  for (const [headers, expected] of cases) assertStringIncludes(refused(headers).reason, expected);
});

Deno.test("envelope: structured mode that is not JSON, an object or base64 is reported", () => {
  const headers = { "content-type": "application/cloudevents+json" };
  const event = '"specversion":"1.0","id":"8","source":"/camera","type":"imagebus.classify"';
  const cases: [string, string][] = [
    ["{", "not JSON"],
    ["null", "not a JSON object"],
    [`{${event}}`, "no data_base64"],
    [`{${event},"data_base64":"***"}`, "not base64"],
  ];
  for (const [text, expected] of cases) {
    assertStringIncludes(refused(headers, new TextEncoder().encode(text)).reason, expected);
  }
});

const NOT_FOR_RESULTS = [
  "bad topic!",
  "",
  "..",
  "imagebus.mnist",
  "topic_mnist",
  DEAD_LETTERS_TOPIC,
  COMPARISONS_TOPIC,
  ACKNOWLEDGEMENTS_TOPIC,
];

Deno.test("send: a topic for the result that is invalid, or holds requests or dead letters, is refused", async () => {
  await using bus = await connect("memory:");
  for (const replyTo of NOT_FOR_RESULTS) {
    const error = await assertRejects(() => bus.send(IMAGE, { replyTo }), BusError);
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, `replyTo is ${JSON.stringify(replyTo)}: expected 1 to 249`);
  }
  for (const replyTo of ["answers", RESULTS_TOPIC, "imagebus.of_mine"]) await bus.send(IMAGE, { replyTo });
});

const TEXTS = ["model", "modelVersion", "id", "key", "correlationId", "traceparent", "actual", "fileName"];

Deno.test("send: a text that UTF-8 cannot encode, or another value in its place, is refused", async () => {
  await using bus = await connect("memory:");
  for (const name of TEXTS) {
    const cases = [
      ["a\ud800", '"a\\ud800": expected a text without lone surrogates'],
      [7, "7: expected a text"],
      [null, "null: expected a text"],
    ] as const;
    for (const [value, expected] of cases) {
      const error = await assertRejects(() => bus.send(IMAGE, { [name]: value }), BusError);
      assertEquals([error.code, error.message], ["invalid", `${name} is ${expected}`]);
    }
  }
  const asked = await assertRejects(() => bus.result("a\ud800"), BusError);
  assertEquals(asked.message, 'id is "a\\ud800": expected a text without lone surrogates');
});

Deno.test("send: what is not an image is refused with what it is", async () => {
  await using bus = await connect("memory:");
  const busy = new ReadableStream();
  busy.getReader();
  const cases: [unknown, string][] = [
    [null, "null"],
    [new DataView(new ArrayBuffer(1)), "a DataView"],
    [[1, 2], "an Array"],
    ["seven.png", '"seven.png"'],
    [new URL("https://example.org/7.png"), "a https: URL"],
    [ReadableStream.from(["seven.png"]), 'a ReadableStream of "seven.png"'],
    [ReadableStream.from([IMAGE, new ArrayBuffer(1)]), "a ReadableStream of an ArrayBuffer"],
    [busy, "a ReadableStream that is read already"],
  ];
  for (const [image, given] of cases) {
    const error = await assertRejects(() => bus.send(image as Uint8Array), BusError);
    assertEquals(error.code, "invalid");
    assertStringIncludes(error.message, `Cannot read an image from ${given}; expected a Uint8Array,`);
  }
});

Deno.test("envelope: a text of an event that no header can hold is reported, and replaced in the result", () => {
  const headers = { "content-type": "application/cloudevents+json" };
  const names = [
    "id",
    "model",
    "modelversion",
    "replyto",
    "correlationid",
    "traceparent",
    "actual",
    "filename",
  ];
  for (const name of names) {
    const { reason, origin, model } = refused(headers, json({ ...EVENT, [name]: "a\ud800" }));
    assertEquals(
      reason,
      `The attribute ${name} is "a\\ud800": expected a text without lone surrogates`,
    );
    const texts = [...Object.values(origin), model].filter((one) => typeof one === "string");
    assert(texts.every((text) => text.isWellFormed()), name);
  }
});

Deno.test("send: the longest time until an image expires is one that its reader accepts", async () => {
  await using bus = await connect("memory:");
  const { max } = SEND_OPTIONS.expiresAfterMs;
  await using requests = await bus.transport.subscribe(["imagebus.mnist"]);
  await bus.send(IMAGE, { model: "mnist", expiresAfterMs: max });
  for await (const { messages } of requests) {
    const { expiresAt = 0 } = decoded(messages[0]!);
    assert(expiresAt > Date.now() + max - 60_000);
    break;
  }
  for (const expiresAfterMs of [max + 1, 8.64e15, 2 ** 53 - 1]) {
    const refusal = `expiresAfterMs is ${expiresAfterMs}: expected a whole number from 1 to ${max}`;
    await assertRejects(() => bus.send(IMAGE, { expiresAfterMs }), BusError, refusal);
  }
});

const EVENT = {
  specversion: "1.0",
  id: "8",
  source: "/camera",
  type: "imagebus.classify",
  data_base64: IMAGE.toBase64(),
};
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

Deno.test("envelope: attributes of a structured event may be numbers and booleans; empty ones count as missing", () => {
  const headers = { "content-type": "Application/CloudEvents+JSON" };
  const value = json({ ...EVENT, id: 8, actual: 7, correlationid: true, model: "", replyto: null });
  const request = decoded(stored({ headers, value }));
  assertEquals(request, {
    id: "8",
    key: null,
    model: "mnist",
    image: IMAGE,
    actual: "7",
    correlationId: "true",
  });
});

Deno.test("envelope: an empty attribute in binary mode counts as missing", () => {
  const headers = { ...encodeRequest(FULL, "image/png").headers, ce_model: "", ce_replyto: "" };
  const { model, replyTo } = decoded(stored({ headers }, "imagebus.cifar-10"));
  assertEquals([model, replyTo], ["cifar-10", undefined]);
});

Deno.test("envelope: a malformed structured event keeps its id, and the remedy is named", () => {
  const headers = { "content-type": "application/cloudevents+json" };
  const wrongType = refused(headers, json({ ...EVENT, type: "other", replyto: "answers" }));
  assertEquals([wrongType.origin.id, wrongType.origin.replyTo], ["8", "answers"]);
  const { data_base64: data, ...others } = EVENT;
  assertStringIncludes(refused(headers, json({ ...others, data })).reason, "has data, but no data_base64");
});

Deno.test("envelope: structured events may use the alphabet of URLs", () => {
  const data = IMAGE.toBase64({ alphabet: "base64url", omitPadding: true });
  const headers = { "content-type": "application/cloudevents+json" };
  assertEquals(decoded(stored({ headers, value: json({ ...EVENT, data_base64: data }) })).image, IMAGE);
});

/** Large enough to be recognised as base64. */
const LARGE = Uint8Array.from({ length: 100 }, (_, i) => (i * 89 + 0x89) % 256);

Deno.test("envelope: a record without an envelope on the topic of a model is a request, in all the ways bytes are written", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const base64 = LARGE.toBase64();
  const values: Record<string, Uint8Array> = {
    "the image": LARGE,
    "base64": text(base64),
    "base64 in lines": text(base64.replace(/.{64}/g, "$&\r\n") + "\n"),
    "a data URI": text(`data:image/png;base64,${base64}`),
    "a JSON string": json(base64),
    "a JSON string with a data URI": json(`data:image/png;base64,${base64}`),
    "Kafka Connect's JSON with a schema": json({ schema: { type: "bytes" }, payload: base64 }),
  };
  for (const [what, value] of Object.entries(values)) {
    const headers: MessageHeaders = what === "the image" ? { "content-type": "image/png" } : {};
    const request = decoded(stored({ key: "camera 1", value, headers }));
    assertEquals(request, {
      id: "imagebus.mnist-3-17-1700000000000",
      key: "camera 1",
      model: "mnist",
      image: LARGE,
    }, what);
  }
});

Deno.test("envelope: a CloudEvent without its media type is recognised by specversion", () => {
  for (const headers of [{}, { "content-type": "image/png" }]) {
    assertEquals(decoded(stored({ headers, value: json(EVENT) })).id, "8");
  }
  assertEquals(refused({}, json({ ...EVENT, type: "other" })).origin.id, "8");
});

Deno.test("envelope: records that SDKs of CloudEvents wrote are requests", async () => {
  const records: { name: string; headers: MessageHeaders; value: string }[] = JSON.parse(
    await Deno.readTextFile(new URL("../fixtures/sdk_events.json", import.meta.url)),
  );
  for (const { name, headers, value } of records) {
    const request = decoded(stored({ headers, value: Uint8Array.fromBase64(value) }));
    const isCore = name.includes("core");
    assertEquals([request.id, request.actual], isCore ? ["py2", "7"] : ["py1", undefined], name);
    assertEquals([...request.image.subarray(1, 4)], [0x50, 0x4e, 0x47], name);
  }
});

Deno.test("envelope: another JSON object is refused with the ways to send an image", () => {
  assertStringIncludes(
    refused({}, json({ image: LARGE.toBase64() })).reason,
    "its base64 as a JSON string",
  );
});

Deno.test("envelope: an image that is text stays as it is", () => {
  const value = new TextEncoder().encode("P1\n28\n28\n" + "0101".repeat(196));
  assertEquals(decoded(stored({ value })).image, value);
});

Deno.test("envelope: a record without an envelope on another topic is refused", () => {
  assert(!decodeRequest(stored({}, "some.topic")).ok);
});

Deno.test("envelope: a malformed request keeps its id and the topic for its result", () => {
  const headers = { ...encodeRequest(FULL, "image/png").headers, ce_type: "other" };
  const { origin, model } = refused(headers);
  assertEquals([origin.id, origin.replyTo, origin.correlationId, model], ["7", "answers", "c-1", "mnist"]);
});

Deno.test("envelope: a record without an id gets one, the same at each delivery", () => {
  assertEquals(refused({}, json({})).origin.id, "imagebus.mnist-3-17-1700000000000");
});

Deno.test("envelope: a legacy record is a request with its true label", () => {
  const value = new TextEncoder().encode(JSON.stringify(IMAGE.toBase64()));
  const models: [string, string, Text, string | undefined][] = [
    ["topic_fashion", "fashion-mnist", "9", "9"],
    ["topic_mnist", "mnist", "0", "0"],
    ["topic_cifar", "cifar-10", "[3]", "3"],
    ["topic_mnist", "mnist", "nine", undefined],
  ];
  for (const [topic, model, key, actual] of models) {
    const request = decoded(stored({ key, value }, topic));
    assertEquals([request.model, request.actual, request.key], [model, actual, key]);
    assertEquals(request.image, IMAGE);
    assertEquals(request.id, `${topic}-3-17-1700000000000`);
  }
});

Deno.test("envelope: a malformed legacy record is refused", () => {
  for (const text of ["", "abc", '"***"', "7", "{}"]) {
    const result = decodeRequest(stored({ value: new TextEncoder().encode(text) }, "topic_mnist"));
    assert(!result.ok && result.reason.includes("base64"), text);
  }
});

Deno.test("envelope: results of both kinds are decoded as they were encoded", () => {
  const answer = { id: "7", model: "mnist", at: "2026-01-01T00:00:00.000Z", waitedMs: 1, tookMs: 2 };
  const best = { index: 9, label: "9", confidence: 0.9 };
  const classified: Classified = { status: "classified", ...answer, modelVersion: "1", ...best, top: [best] };
  const failed: Failed = { status: "failed", ...answer, error: { code: "damaged", message: "why" } };
  for (const result of [classified, failed]) {
    const message = encodeResult(result, FULL);
    assertEquals(decodeResult(stored(message, "imagebus.results")), result);
    assertEquals(message.key, "camera 1");
    assertEquals(message.headers?.["ce_correlationid"], "c-1");
    assertEquals(message.headers?.["ce_type"], `imagebus.${result.status}`);
  }
});

Deno.test("envelope: a record that is not a result is decoded as null", () => {
  assertEquals(decodeResult(stored({})), null);
  assertEquals(decodeResult(stored({ headers: { ce_type: "imagebus.failed" } })), null);
});
