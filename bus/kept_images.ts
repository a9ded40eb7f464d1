import { readDeadLetters } from "./dead_letters.ts";
import { decodeRequest } from "./envelope.ts";
import { legacyTopics } from "./legacy_format.ts";
import { requestTopic } from "./topics.ts";
import type { Transport } from "./transport/transport.ts";

/** Which images to look for. */
export interface KeptImagesOptions {
  /** The ids of their requests. */
  readonly ids: Iterable<string>;
  /** The models that they were sent to. */
  readonly models: Iterable<string>;
  /** None of them was sent before; the bus is then not searched from its start. */
  readonly since?: Date;
}

/** An image that was sent. */
export interface KeptImage {
  readonly id: string;
  /** The encoded image, as it was sent; of a malformed request its whole value. */
  readonly image: Uint8Array;
}

/**
 * Finds images that were sent: in the topics of their models as long as the bus keeps them, else in the dead letters. At
 * most one batch of images is in memory.
 *
 * @param transport The bus.
 * @param options Which images.
 * @returns Each id once, in the order of each partition; those whose image is not kept any more are missing.
 * @throws {BusError} `unavailable`, `denied`, `corrupt`, `closed`.
 */
export async function* keptImages(
  transport: Transport,
  { ids, models, since }: KeptImagesOptions,
): AsyncGenerator<KeptImage, void, void> {
  const missing = new Set(ids);
  const wanted = new Set([...models].flatMap((model) => [requestTopic(model), ...legacyTopics(model)]));
  const topics = (await transport.topics(undefined, (name) => wanted.has(name))).map(({ name }) => name);
  if (topics.length > 0) {
    await using requests = await transport.subscribe(topics, { from: since ?? "start", until: "end" });
    for await (const { messages } of requests) {
      for (const message of messages) {
        const decoded = decodeRequest(message);
        if (!decoded.ok || !missing.delete(decoded.request.id)) continue;
        yield { id: decoded.request.id, image: decoded.request.image };
      }
      if (missing.size === 0) return;
    }
  }
  const letters = { ids: [...missing], acknowledged: true };
  for await (const { id, image, value, omitted } of readDeadLetters(transport, letters)) {
    if (!omitted && missing.delete(id)) yield { id, image: image ?? value };
  }
}
