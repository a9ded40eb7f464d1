import {
  type Context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from "npm:@opentelemetry/api@1.10.0";
import { contextOf, messagingAttributes, tracer } from "../bus/tracing.ts";
import { requestTopic } from "../bus/topics.ts";
import type { ObservedBatch, ObservedCommit, ObservedImage, Observer } from "./observer.ts";
import type { Settled } from "./sinks/sink.ts";

/** Links of one span: as many images as a default batch has, and more than collectors show. */
const MAX_LINKS = 128;

/**
 * The observer that makes spans of a service's work.
 *
 * | span | kind | parent, links | time |
 * |---|---|---|---|
 * | `process TOPIC` | CONSUMER | none; a link to the context of each image | a batch in its Worker |
 * | `classify TOPIC` | CONSUMER | the context of the image, where that is sampled | the same |
 * | `store TOPIC` | CLIENT | the context of the image, where that is sampled | from its outcome until all sinks have stored it |
 * | `commit` | CLIENT | none | a commit of offsets |
 *
 * @param url Of the bus.
 * @param group Of the service.
 * @returns `null` when spans go nowhere: then nothing is to be observed.
 */
export function tracingObserver(url: string, group: string): Observer | null {
  // A span that is never ended is not exported.
  if (!isSpanContextValid(tracer.startSpan("probe").spanContext())) return null;
  return new Tracing(url, group);
}

class Tracing implements Observer {
  readonly #url: string;
  readonly #group: string;

  constructor(url: string, group: string) {
    this.#url = url;
    this.#group = group;
  }

  batch({ model, version, images, startedAt, tookMs, error }: ObservedBatch): void {
    const topic = requestTopic(model);
    const attributes = {
      ...this.#attributes("process", topic),
      "messaging.batch.message_count": images.length,
      "imagebus.model": model,
      "imagebus.model.version": version,
    };
    const links = images.map(linkOf).filter((link) => link !== undefined).slice(0, MAX_LINKS);
    const options = { kind: SpanKind.CONSUMER, startTime: startedAt, attributes, links, root: true };
    const span = tracer.startSpan(`process ${topic}`, options, ROOT_CONTEXT);
    if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(startedAt + tookMs);
    const batch = { context: span.spanContext() };
    for (const { context, attributes } of links) {
      if (!isSampled(context)) continue;
      const own = {
        kind: SpanKind.CONSUMER,
        startTime: startedAt,
        links: [batch],
        ...attributes && { attributes },
      };
      tracer.startSpan(`classify ${topic}`, own, within(context)).end(startedAt + tookMs);
    }
  }

  stored(results: readonly Settled[]): void {
    for (const { result, origin, message: { topic } } of results) {
      const context = contextOf(origin.traceparent);
      if (!context || !isSampled(context)) continue;
      const attributes = {
        "messaging.message.id": result.id,
        ...result.status === "classified"
          ? { "imagebus.label": result.label, "imagebus.confidence": result.confidence }
          : { "error.type": result.error.code },
      };
      const options = { kind: SpanKind.CLIENT, startTime: Date.parse(result.at), attributes };
      const span = tracer.startSpan(`store ${topic}`, options, within(context));
      if (result.status === "failed") {
        span.setStatus({ code: SpanStatusCode.ERROR, message: result.error.message });
      }
      span.end();
    }
  }

  commit({ tookMs, failed }: ObservedCommit): void {
    const now = Date.now();
    const attributes = this.#attributes("commit");
    const options = { kind: SpanKind.CLIENT, startTime: now - tookMs, attributes, root: true };
    const span = tracer.startSpan("commit", options, ROOT_CONTEXT);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(now);
  }

  #attributes(operation: string, topic?: string) {
    return {
      ...messagingAttributes(this.#url, operation, topic),
      "messaging.consumer.group.name": this.#group,
    };
  }
}

function linkOf({ id, traceparent }: ObservedImage): Link | undefined {
  const context = contextOf(traceparent);
  return context && { context, attributes: { "messaging.message.id": id } };
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

function within(context: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, context);
}
