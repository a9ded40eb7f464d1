import { checkOption, type CustomRow, type OptionTable, type SettingsOf, time } from "../lib/options.ts";
import { didYouMean } from "../lib/suggestion.ts";
import { DEFAULT_MODEL, isReplyTopic, REPLY_TOPIC } from "./topics.ts";
import { BusError } from "./transport/errors.ts";
import { checkInteger, checkText } from "./transport/validate.ts";

/** The time of expiry has a year of four digits (RFC 3339). */
const MAX_EXPIRY_MS = 36_500 * 24 * 60 * 60 * 1_000;

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
  replyTo: {
    type: "custom",
    value: "TOPIC",
    parse: (text: string): string => text,
    accepts: (value) => typeof value === "string" && isReplyTopic(value),
    expected: REPLY_TOPIC,
    text: "additional topic for the result",
  } as CustomRow<string>,
  correlationId: { type: "text", value: "TEXT", text: "text that is copied to the headers of the result" },
  traceparent: {
    type: "text",
    value: "TEXT",
    text: "W3C trace context, copied to the headers of the result",
  },
  actual: { type: "text", value: "LABEL", text: "true label, kept with the result" },
  fileName: { type: "text", value: "NAME", text: "name of the image's file, kept with the result" },
  expiresAfterMs: {
    ...time(1, MAX_EXPIRY_MS),
    text: "the image fails as expired if it is not classified within this time",
  },
} as const satisfies OptionTable;

const KNOWN = [...Object.keys(SEND_OPTIONS), "timeoutMs", "signal"];
const TEXTS = Object.entries(SEND_OPTIONS).filter(([, { type }]) => type === "text").map(([name]) => name);

/**
 * Checks the options of one image, except which models and ids there can be. Cheap: it runs for each image.
 *
 * @throws {BusError} `invalid`.
 */
export function checkSendOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name)) throw invalid(`Unknown option ${name}${didYouMean(name, KNOWN)}`);
    const isBytes = name === "key" && value instanceof Uint8Array;
    if (TEXTS.includes(name) && value !== undefined && !isBytes) checkText(name, value);
  }
  const { replyTo, expiresAfterMs } = options as Partial<SettingsOf<typeof SEND_OPTIONS>>;
  const { min, max } = SEND_OPTIONS.expiresAfterMs;
  if (replyTo !== undefined) checkOption("replyTo", SEND_OPTIONS.replyTo, replyTo, invalid);
  if (expiresAfterMs !== undefined) checkInteger("expiresAfterMs", expiresAfterMs, min, max);
}

function invalid(message: string): BusError {
  return new BusError("invalid", message);
}
