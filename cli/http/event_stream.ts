import { refuse } from "./guard.ts";

/** A page holds one connection as long as it is open. */
const MAX_CLIENTS = 16;

/** Pending bytes of a client that reads too slowly, after which it is dropped; its page connects anew. */
const MAX_PENDING = 1_048_576;

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Server-Sent Events for all pages that are open. */
export class EventStream {
  readonly #clients = new Set<Controller>();

  /** Number of pages. */
  get clients(): number {
    return this.#clients.size;
  }

  /**
   * A page connects.
   *
   * @param event Its name.
   * @param data What it gets first.
   */
  open(event: string, data: unknown): Response {
    if (this.#clients.size >= MAX_CLIENTS) return refuse(503, `${MAX_CLIENTS} pages are open already`);
    let controller: Controller;
    const body = new ReadableStream<Uint8Array>({
      start: (own) => {
        controller = own;
        this.#clients.add(own);
        own.enqueue(encode(event, data));
      },
      cancel: () => void this.#clients.delete(controller),
    }, new ByteLengthQueuingStrategy({ highWaterMark: MAX_PENDING }));
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  /** Sends to all pages. */
  send(event: string, data: unknown): void {
    if (this.#clients.size === 0) return;
    const bytes = encode(event, data);
    for (const client of this.#clients) {
      if ((client.desiredSize ?? 0) > 0) client.enqueue(bytes);
      else {
        this.#clients.delete(client);
        client.error(new Error("The page reads too slowly"));
      }
    }
  }
}

function encode(event: string, data: unknown): Uint8Array {
  return new TextEncoder().encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
