import type { ConnectOptions } from "../../bus/connect.ts";
import { type KafkaBroker, startKafka } from "../kafka.ts";
import { Proxy } from "./proxy.ts";
import type { BusKind } from "./schedule.ts";

/** The bus of a run. */
export interface ChaosBus extends AsyncDisposable {
  /** Where senders and workers connect to. */
  readonly url: string;
  /** What can be done to it; `null` for a bus that is only a file. */
  readonly broker: Broker | null;
}

const LEAST_QUEUE_BYTES = 4 * 2 ** 20;
const BYTES_A_MESSAGE = 2_048;

/**
 * The most bytes that the embedded bus of a run holds: enough for all results, which are read at the end.
 *
 * @param messages How many pictures are sent.
 */
export function maxQueueBytes(messages: number): number {
  return LEAST_QUEUE_BYTES + BYTES_A_MESSAGE * messages;
}

/**
 * How everybody connects to the bus of a run. No topic expires: the results are needed until the audit.
 *
 * @param maxQueueBytes As {@linkcode maxQueueBytes} says.
 */
export function busOptions(maxQueueBytes: number): ConnectOptions {
  return { maxQueueBytes, expiringTopics: [] };
}

/** A broker that can be ended and comes back. */
export interface Broker {
  /** Ends it, in order or at once, and starts it again after so many milliseconds. */
  restart(how: "stop" | "kill", awayMs: number): Promise<void>;
  /** Breaks all connections to it; it stays away for so many milliseconds. */
  cut(ms: number): Promise<void>;
}

/**
 * Starts a bus that nobody else uses.
 *
 * @param kind Which one.
 * @param directory Where it keeps its data.
 * @throws {KafkaUnavailable} Without Java or Maven.
 */
export async function startBus(kind: BusKind, directory: string): Promise<ChaosBus> {
  if (kind === "kafka") return await OwnKafka.start(`${directory}/kafka`);
  return { url: `sqlite:${directory}/bus.db`, broker: null, [Symbol.asyncDispose]: async () => {} };
}

/** A broker behind a proxy: it tells its clients the proxy's address, so that all connections can be cut. */
class OwnKafka implements ChaosBus, Broker {
  readonly url: string;
  readonly broker: Broker = this;
  readonly #proxy: Proxy;
  readonly #start: () => Promise<KafkaBroker>;
  #kafka: KafkaBroker | undefined;

  private constructor(dataDir: string) {
    const port = freePort();
    this.#proxy = new Proxy(port);
    const address = `127.0.0.1:${this.#proxy.port}`;
    this.url = `kafka://${address}`;
    const config = { "advertised.listeners": `PLAINTEXT://${address}` };
    this.#start = () => startKafka({ port, dataDir, config });
  }

  static async start(dataDir: string): Promise<OwnKafka> {
    const own = new OwnKafka(dataDir);
    own.#kafka = await own.#start();
    return own;
  }

  async restart(how: "stop" | "kill", awayMs: number): Promise<void> {
    await this.#kafka?.[how]();
    await new Promise((resolve) => setTimeout(resolve, awayMs));
    this.#kafka = await this.#start();
  }

  async cut(ms: number): Promise<void> {
    await this.#proxy.cut(ms);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kafka?.stop();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
