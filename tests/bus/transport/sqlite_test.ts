import { openSqliteTransport, type SqliteTransportOptions } from "../../../bus/transport/sqlite/open.ts";
import type { Transport } from "../../../bus/transport/transport.ts";
import { type Consumer, type ConsumerSpec, type Harness, startProcess, testTransport } from "./suite.ts";

const TIMES = { sessionTimeoutMs: 3_000, heartbeatMs: 300 };

class SqliteHarness implements Harness {
  readonly #directory = Deno.makeTempDirSync({ prefix: "imagebus-" });
  readonly #path = `${this.#directory}/bus.db`;
  readonly #opened: Transport[] = [];

  async open(options: SqliteTransportOptions = {}): Promise<Transport> {
    const transport = await openSqliteTransport(this.#path, { ...TIMES, ...options });
    this.#opened.push(transport);
    return transport;
  }

  start(spec: ConsumerSpec): Promise<Consumer> {
    return startProcess(`sqlite:${this.#path}`, TIMES, spec);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((transport) => transport.close()));
    await Deno.remove(this.#directory, { recursive: true });
  }
}

testTransport({ name: "sqlite", create: () => Promise.resolve(new SqliteHarness()) });
