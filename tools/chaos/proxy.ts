import { sleep } from "../../lib/sleep.ts";

/** A TCP proxy on 127.0.0.1 whose connections can be cut, or forgotten as by a firewall. */
export class Proxy implements AsyncDisposable {
  readonly port: number;
  readonly #target: number;
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>;
  #refusing = false;
  #forgetting = new AbortController();

  /**
   * @param target The port on 127.0.0.1 that connections are forwarded to. Nothing has to listen there yet.
   */
  constructor(target: number) {
    this.#target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#running = this.#accept();
  }

  /** Breaks all connections, in the middle of any transfer, and refuses new ones for `ms` milliseconds. */
  async cut(ms: number): Promise<void> {
    this.#refusing = true;
    for (const connection of this.#open) this.#close(connection);
    await sleep(ms);
    this.#refusing = false;
  }

  /** Forwards nothing any more on the connections there are, without notice; new ones work. */
  forget(): void {
    this.#forgetting.abort();
    this.#forgetting = new AbortController();
  }

  /** Closes the proxy with all its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) this.#close(connection);
    await this.#running;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#refusing) client.close();
      else void this.#join(client);
    }
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    const { signal } = this.#forgetting;
    this.#open.add(client);
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      // The client can have been cut while the server was connected.
      if (!this.#open.has(client)) return server.close();
      this.#open.add(server);
      await Promise.race([pump(client, server, signal), pump(server, client, signal)]);
      if (!signal.aborted) this.#close(server);
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    } finally {
      if (!signal.aborted) this.#close(client);
    }
  }

  #close(connection: Deno.TcpConn): void {
    if (!this.#open.delete(connection)) return;
    try {
      connection.close();
    } catch (error) {
      // A stream that was read to its end has closed its connection already.
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

/** Resolves when either side is closed, for whatever reason. */
async function pump(from: Deno.TcpConn, to: Deno.TcpConn, signal: AbortSignal): Promise<void> {
  const keepOpen = { preventCancel: true, preventClose: true, preventAbort: true };
  await from.readable.pipeTo(to.writable, { ...keepOpen, signal }).catch(() => {});
}
