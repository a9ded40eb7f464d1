import { Buffer } from "node:buffer";

/** A TCP proxy in front of a broker on 127.0.0.1 that knows requests from answers, and can lose answers. */
export class KafkaProxy implements AsyncDisposable {
  readonly port: number;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;
  readonly #requests = new Map<number, number>();
  readonly #losing = new Map<number, number>();

  /** @param target The port of the broker. Nothing has to listen there yet. */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#running = this.#accept();
  }

  /** Number of requests of a kind so far, by its key in Kafka's protocol. */
  requests(api: number): number {
    return this.#requests.get(api) ?? 0;
  }

  /** In place of the next `count` answers to a kind of request, closes their connections. */
  loseAnswers(api: number, count: number): void {
    this.#losing.set(api, count);
  }

  /** Number of answers that are still to be lost. */
  toLose(api: number): number {
    return this.#losing.get(api) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#close(connection);
    await this.#running;
  }

  async #accept(): Promise<void> {
    const joined: Promise<void>[] = [];
    for await (const client of this.#listener) joined.push(this.#join(client));
    await Promise.all(joined);
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target }).catch(() => null);
    if (server === null) return this.#close(client);
    this.#open.add(server);
    const apis = new Map<number, number>();
    const ask = (frame: Buffer) => {
      const api = frame.readInt16BE(4);
      this.#requests.set(api, this.requests(api) + 1);
      apis.set(frame.readInt32BE(8), api);
      return true;
    };
    const answer = (frame: Buffer) => !this.#isLost(apis.get(frame.readInt32BE(4))!);
    await Promise.race([pump(client, server, ask), pump(server, client, answer)]);
    this.#close(client);
    this.#close(server);
  }

  #isLost(api: number): boolean {
    const count = this.toLose(api);
    if (count > 0) this.#losing.set(api, count - 1);
    return count > 0;
  }

  #close(connection: Deno.TcpConn): void {
    if (this.#open.delete(connection)) connection.close();
  }
}

/** Forwards frames, until one is not to be forwarded, or either side is closed. */
async function pump(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  isForwarded: (frame: Buffer) => boolean,
): Promise<void> {
  try {
    for (let frame; (frame = await readFrame(from)) !== null && isForwarded(frame);) {
      for (let at = 0; at < frame.length;) at += await to.write(frame.subarray(at));
    }
  } catch {
    // Either side was closed.
  }
}

/** With the size before it. */
async function readFrame(connection: Deno.TcpConn): Promise<Buffer | null> {
  const size = Buffer.alloc(4);
  if (!await fill(connection, size)) return null;
  const body = Buffer.alloc(size.readInt32BE());
  return await fill(connection, body) ? Buffer.concat([size, body]) : null;
}

async function fill(connection: Deno.TcpConn, bytes: Buffer): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) return false;
    at += count;
  }
  return true;
}
