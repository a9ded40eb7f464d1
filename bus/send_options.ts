import { type OptionTable, time } from "../lib/options.ts";
import { didYouMean } from "../lib/suggestion.ts";
import { DEFAULT_MODEL } from "./topics.ts";
import { BusError } from "./transport/errors.ts";
import { checkInteger } from "./transport/validate.ts";

/** The options of an image that is sent; `SendOptions` has the types. */
export const SEND_OPTIONS = {
  model: {
    type: "text",
    default: DEFAULT_MODEL,
    value: "NAME",
    short: "m",
    text: "model that classifies the image",
  },
  modelVersion: {
    type: "text",
    value: "VERSION",
    otherwise: "the version that is served",
    text: "version of the model; it must be loaded",
  },
  id: {
    type: "text",
    value: "TEXT",
    otherwise: "a random UUID",
    text: "id of the request and of its result, 1 to 256 characters",
  },
  key: {
    type: "text",
    value: "TEXT",
    otherwise: "the id",
    text: "images with equal keys are classified in order",
  },
  replyTo: { type: "text", value: "TOPIC", text: "additional topic for the result" },
  correlationId: { type: "text", value: "TEXT", text: "text that is copied to the headers of the result" },
  traceparent: {
    type: "text",
    value: "TEXT",
    text: "W3C trace context, copied to the headers of the result",
  },
  actual: { type: "text", value: "LABEL", text: "true label, kept with the result" },
  fileName: { type: "text", value: "NAME", text: "name of the image's file, kept with the result" },
  expiresAfterMs: {
    ...time(1, 2 ** 53 - 1),
    text: "the image fails as expired if it is not classified within this time",
  },
} as const satisfies OptionTable;

const KNOWN = [...Object.keys(SEND_OPTIONS), "timeoutMs", "signal"];

/**
 * Checks the names of the options of one image, and the time; the envelope checks the texts. Cheap: it runs for each image.
 *
 * @throws {BusError} `invalid`.
 */
export function checkSendOptions(options: { readonly expiresAfterMs?: number }): void {
  for (const name in options) {
    if (KNOWN.includes(name)) continue;
    throw new BusError("invalid", `Unknown option ${name}${didYouMean(name, KNOWN)}`);
  }
  const { expiresAfterMs } = options;
  const { min, max } = SEND_OPTIONS.expiresAfterMs;
  if (expiresAfterMs !== undefined) checkInteger("expiresAfterMs", expiresAfterMs, min, max);
}
