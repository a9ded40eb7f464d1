import { type OptionTable, time } from "../lib/options.ts";
import { DEFAULT_MODEL } from "./topics.ts";

/** The options of an image that is sent; `SendOptions` has the types. */
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
  replyTo: { type: "text", value: "TOPIC", text: "additional topic for the result" },
  correlationId: { type: "text", value: "TEXT", text: "text that is copied to the headers of the result" },
  traceparent: {
    type: "text",
    value: "TEXT",
    text: "W3C trace context, copied to the headers of the result",
  },
  actual: { type: "text", value: "LABEL", text: "true label, kept with the result" },
  expiresAfterMs: {
    ...time(1, 2 ** 53 - 1),
    text: "the image fails as expired if it is not classified within this time",
  },
} as const satisfies OptionTable;
