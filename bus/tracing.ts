/**
 * Traces by the API of OpenTelemetry. Deno exports them where the variable `OTEL_DENO` is `true`; otherwise a span costs
 * a few nanoseconds and goes nowhere.
 *
 * Names and attributes follow the semantic conventions for messaging (docs/observability.md), which are not stable
 * yet: they are kept in this file and in `actors/tracing.ts`.
 *
 * @module
 */
import {
  type Attributes,
  isSpanContextValid,
  type Link,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "npm:@opentelemetry/api@1.10.0";
import { messageOf } from "../lib/coded_error.ts";
import type { Request } from "./envelope.ts";

/** Begins the spans of imagebus. */
export const tracer = trace.getTracer("imagebus");

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?=$|-)/;

/**
 * The context of a span elsewhere.
 *
 * @param traceparent W3C trace context.
 * @returns `undefined` when it is missing or malformed.
 */
export function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  const context = { traceId, spanId, traceFlags: parseInt(flags!, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

/** W3C trace context of a span; `undefined` when spans go nowhere. */
export function traceparentOf(span: Span): string | undefined {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  const flags = (context.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, "0");
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}

/** Attributes of all spans; a commit is of all topics. */
export function messagingAttributes(url: string, operation: string, topic?: string): Attributes {
  return {
    "messaging.system": url.startsWith("kafka") ? "kafka" : "imagebus",
    "messaging.operation.name": operation,
    "messaging.operation.type": operation === "commit" ? "settle" : operation,
    ...topic !== undefined && { "messaging.destination.name": topic },
  };
}

/**
 * Sends a request within a span `send TOPIC`. A trace context that the caller gave is passed on as it is, and linked;
 * otherwise the request carries that of the span.
 *
 * @param request The request.
 * @param topic Where it is sent.
 * @param url Of the bus.
 * @param send Sends it.
 */
export async function sendTraced(
  request: Request,
  topic: string,
  url: string,
  send: (request: Request) => Promise<void>,
): Promise<void> {
  const given = contextOf(request.traceparent);
  const links: Link[] = given ? [{ context: given }] : [];
  const span = tracer.startSpan(`send ${topic}`, { kind: SpanKind.PRODUCER, links });
  const own = traceparentOf(span);
  if (own === undefined) return await send(request);
  span.setAttributes({
    ...messagingAttributes(url, "send", topic),
    "messaging.message.id": request.id,
    "messaging.message.body.size": request.image.length,
  });
  try {
    await send({ ...request, traceparent: request.traceparent ?? own });
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
    throw error;
  } finally {
    span.end();
  }
}
