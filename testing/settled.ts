import type { Settled } from "../actors/sinks/sink.ts";
import type { Classified, Failed } from "../bus/result.ts";
import type { Message } from "../bus/transport/transport.ts";

const TOP = [{ index: 9, label: "Ankle boot", confidence: 0.75 }, {
  index: 7,
  label: "Sneaker",
  confidence: 0.25,
}];

/** The message of a request. */
export function requestRecord(id: string): Message {
  const headers = { ce_id: id, own: "kept", binary: new Uint8Array([255, 254]) };
  return {
    topic: "imagebus.fashion-mnist",
    partition: 2,
    offset: 5,
    timestamp: 1_700_000_000_000,
    key: `key of ${id}`,
    value: new Uint8Array([1, 2, 3]),
    headers,
  };
}

/** A classified image, as sinks receive it. */
export function classified(id: string): Settled & { result: Classified } {
  const result: Classified = {
    status: "classified",
    id,
    model: "fashion-mnist",
    modelVersion: "1.0.0",
    ...TOP[0]!,
    top: TOP,
    unknown: false,
    actual: "9",
    fileName: "boots/9.png",
    at: "2026-01-01T00:00:00.000Z",
    waitedMs: 1.5,
    tookMs: 2.5,
  };
  const message = requestRecord(id);
  return { result, origin: { id, key: message.key, actual: "9" }, message };
}

/** An image that could not be classified, as sinks receive it. */
export function failed(id: string, code = "damaged"): Settled & { result: Failed } {
  const { message, origin, result: { at } } = classified(id);
  const error = { code, message: `why ${id} failed` };
  return {
    result: { status: "failed", id, model: null, at, waitedMs: 0, tookMs: 0, error },
    origin,
    message,
  };
}
