import type { Observer } from "../../actors/observer.ts";
import type { Settled } from "../../actors/sinks/sink.ts";
import { decodeRequest } from "../../bus/envelope.ts";
import { mediaType } from "../../bus/image_source.ts";
import type { Result } from "../../bus/result.ts";

/** An image whose result was stored. */
export interface LastImage {
  /** Counts up; the address of its bytes. */
  readonly number: number;
  readonly result: Result;
  /** `null` where a browser does not draw it, or it is too large to keep. */
  readonly src: string | null;
}

/** How many a page shows. */
const MAX_SHOWN = 24;
/** How many are kept: the browser asks for their bytes a moment later. */
export const MAX_IMAGES = 2 * MAX_SHOWN;
const MAX_BYTES = 65_536;
const MIN_PAUSE_MS = 250;
const DRAWN: ReadonlySet<string> = new Set(["image/png", "image/jpeg"]);

/**
 * The last images, for the page: at most four per second, and only while somebody looks. They are taken after all
 * sinks have stored their results, so that nothing waits for them.
 */
export class LastImages implements Observer {
  readonly #kept: { readonly image: LastImage; readonly bytes: Uint8Array | null }[] = [];
  readonly #isWatched: () => boolean;
  #count = 0;
  #nextAt = 0;

  /** @param isWatched Whether somebody looks. */
  constructor(isWatched: () => boolean) {
    this.#isWatched = isWatched;
  }

  stored(results: readonly Settled[]): void {
    const now = performance.now();
    if (now < this.#nextAt || !this.#isWatched()) return;
    this.#nextAt = now + MIN_PAUSE_MS;
    const last = results.at(-1);
    if (last) this.#keep(last);
  }

  /** Those after a number, newest last; as many as a page shows. */
  after(number: number): LastImage[] {
    return this.#kept.map(({ image }) => image).filter((image) => image.number > number).slice(-MAX_SHOWN);
  }

  /** The bytes of one, with their media type. */
  bytesOf(number: number): Uint8Array | null {
    return this.#kept.find(({ image }) => image.number === number)?.bytes ?? null;
  }

  #keep({ result, message }: Settled): void {
    const decoded = message.value.length <= 2 * MAX_BYTES ? decodeRequest(message) : { ok: false as const };
    const bytes = decoded.ok ? drawable(decoded.request.image) : null;
    const number = ++this.#count;
    const src = bytes === null ? null : `/api/images?number=${number}`;
    this.#kept.push({ image: { number, result, src }, bytes });
    if (this.#kept.length > MAX_IMAGES) this.#kept.shift();
  }
}

/** A copy of an image that a browser draws; its message, which may be a part of a large batch, is not kept. */
function drawable(image: Uint8Array): Uint8Array | null {
  return image.length <= MAX_BYTES && DRAWN.has(mediaType(image)) ? image.slice() : null;
}

/** A response with an image. It is drawn as what its first bytes are, never as a document. */
export function imageResponse(bytes: Uint8Array): Response {
  const type = mediaType(bytes);
  return new Response(new Uint8Array(bytes), {
    headers: {
      "content-type": DRAWN.has(type) ? type : "application/octet-stream",
      "content-security-policy": "default-src 'none'; sandbox",
    },
  });
}
