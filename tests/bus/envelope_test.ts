import {
  decodeRequest,
  decodeResult,
  encodeRequest,
  encodeResult,
  type Request,
} from "../../bus/envelope.ts";
import type { Classified, Failed } from "../../bus/result.ts";
import type { Message, MessageHeaders, OutgoingMessage, Text } from "../../bus/transport/transport.ts";
import { assert, assertEquals, assertStringIncludes } from "../../testing/assert.ts";

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
    [{}, "no envelope"],
    [{ ...good, ce_specversion: "0.3" }, 'specversion is "0.3": expected "1.0"'],
    [{ ...good, ce_type: "other" }, 'type is "other": expected "imagebus.classify"'],
    [{ ...good, ce_id: "" }, "id has 0 characters"],
    [{ ...good, ce_id: "x".repeat(257) }, "id has 257 characters"],
    [{ ...good, ce_source: "" }, "source is missing"],
    [{ ...good, ce_expirytime: "tomorrow" }, 'expirytime is "tomorrow"'],
    [{ ...good, ce_replyto: "a topic" }, 'replyto is not a valid topic name: "a topic"'],
    [{ ...good, ce_replyto: ".." }, 'replyto is not a valid topic name: ".."'],
  ];
  for (const [headers, expected] of cases) assertStringIncludes(refused(headers).reason, expected);
});

Deno.test("envelope: structured mode that is not JSON, an object or base64 is reported", () => {
  const headers = { "content-type": "application/cloudevents+json" };
  const cases: [string, string][] = [["{", "not JSON"], ["null", "not a JSON object"], [
    "{}",
    "no data_base64",
  ], [
    '{"data_base64":"***"}',
    "not base64",
  ]];
  for (const [text, expected] of cases) {
    assertStringIncludes(refused(headers, new TextEncoder().encode(text)).reason, expected);
  }
});

Deno.test("envelope: a malformed request keeps its id and the topic for its result", () => {
  const headers = { ...encodeRequest(FULL, "image/png").headers, ce_type: "other" };
  const { origin, model } = refused(headers);
  assertEquals([origin.id, origin.replyTo, origin.correlationId, model], ["7", "answers", "c-1", "mnist"]);
});

Deno.test("envelope: a record without an id gets one, the same at each delivery", () => {
  assertEquals(refused({}).origin.id, "imagebus.mnist-3-17-1700000000000");
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
