import type { BusError } from "../../errors.ts";
import { type BrokerConnection, format } from "./connection.ts";
import type { Address } from "./socket.ts";

/**
 * The connections to brokers: one per address and purpose. A broker answers the requests of one connection in order, so
 * those that must not wait for each other have different purposes.
 */
export class ConnectionPool {
  readonly #open: (address: Address) => Promise<BrokerConnection>;
  readonly #reason: () => BusError;
  readonly #connections = new Map<string, Promise<BrokerConnection>>();

  /**
   * @param open Connects.
   * @param reason Why pending requests are rejected where a connection is closed here.
   */
  constructor(open: (address: Address) => Promise<BrokerConnection>, reason: () => BusError) {
    this.#open = open;
    this.#reason = reason;
  }

  /** Whether there is a connection, perhaps one that is just being opened. */
  has(address: Address, purpose: string): boolean {
    return this.#connections.has(keyOf(address, purpose));
  }

  /** The connection, which is opened if there is none, or only one that a broker may have closed unnoticed. */
  async get(address: Address, purpose: string): Promise<BrokerConnection> {
    const key = keyOf(address, purpose);
    const existing = this.#connections.get(key);
    const connection = await existing;
    if (connection && !connection.isStale) return connection;
    connection?.close(this.#reason());
    const current = this.#connections.get(key);
    if (current && current !== existing) return await current;
    const opening = this.#open(address);
    this.#connections.set(key, opening);
    const forget = () => {
      if (this.#connections.get(key) === opening) this.#connections.delete(key);
    };
    opening.then((connection) => connection.ended.then(forget), forget);
    return await opening;
  }

  /** The connection that is open first; the others are closed if they are idle. */
  async first(addresses: readonly Address[], purpose: string): Promise<BrokerConnection> {
    const opening = addresses.map((address) => this.get(address, purpose));
    const first = await Promise.any(opening);
    for (const one of opening) {
      one.then((other) => other !== first && other.isIdle && other.close(this.#reason()), () => {});
    }
    return first;
  }

  /** What broke one connection to a broker has most likely broken the idle ones too, perhaps without notice. */
  closeIdle(address: Address): void {
    for (const [key, opening] of this.#connections) {
      if (!key.startsWith(`${format(address)} `)) continue;
      opening.then((connection) => connection.isIdle && connection.close(this.#reason()), () => {});
    }
  }

  /**
   * Closes connections; pending requests are rejected.
   *
   * @param purpose Of which; absent for all.
   */
  close(purpose?: string): void {
    for (const [key, opening] of this.#connections) {
      if (purpose !== undefined && !key.endsWith(` ${purpose}`)) continue;
      this.#connections.delete(key);
      opening.then((connection) => connection.close(this.#reason()), () => {});
    }
  }
}

function keyOf(address: Address, purpose: string): string {
  return `${format(address)} ${purpose}`;
}
