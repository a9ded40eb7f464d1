import { type OptionTable, time } from "../lib/options.ts";
import { DEFAULT_MODEL } from "./topics.ts";

/** What can be said with an image; `SendOptions` has the types. */
export const SEND_OPTIONS = {
  model: { type: "text", default: DEFAULT_MODEL, value: "NAME", text: "model that classifies the image" },
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
  replyTo: { type: "text", value: "TOPIC", text: "one more topic that gets the result" },
  correlationId: { type: "text", value: "TEXT", text: "copied to the headers of the result" },
  traceparent: {
    type: "text",
    value: "TEXT",
    text: "W3C trace context, copied to the headers of the result",
  },
  actual: { type: "text", value: "LABEL", text: "true label, kept with the result" },
  expiresAfterMs: {
    ...time(1, 2 ** 53 - 1),
    text: "after so long the image is not classified any more: it fails as expired",
  },
} as const satisfies OptionTable;
