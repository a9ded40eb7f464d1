import { Buffer } from "node:buffer";
import { abortable } from "../../../../lib/abortable.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import { BusError } from "../../errors.ts";
import { ConnectionFault, expectSuccess } from "../wire/faults.ts";
import type { AuthenticatedConnection, Protocol, SaslOptions, Versions } from "../wire/protocol.ts";
import type { Api, Exchange, Requests } from "../wire/requests.ts";

/** Address of a broker. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How to verify a broker and, with `cert` and `key`, how to authenticate to it. All in PEM. */
export interface TlsOptions {
  /** Certificate authorities that are trusted besides those of the system. */
  readonly caCerts?: readonly string[];
  /** The client's certificate chain. */
  readonly cert?: string;
  /** The client's private key. */
  readonly key?: string;
}

/** Settings of all connections of a transport. */
export interface ConnectionSettings {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly tls: TlsOptions | null;
  readonly sasl: SaslOptions | null;
}

/** The first response lists versions. A longer one comes from something that is not a Kafka broker. */
const FIRST_RESPONSE_BYTES = 65_536;
/** Smaller requests are sent in one write. */
const COALESCED_BYTES = 65_536;

/** `host:port`, with brackets around an IPv6 address. */
export function format({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * A connection to a broker. A broker answers the requests of a connection in order, so a request that can
 * wait for long (a fetch, a join) needs a connection of its own.
 */
export class BrokerConnection {
  readonly #address: string;
  readonly #settings: ConnectionSettings;
  readonly #protocol: Protocol;
  readonly #conn: Deno.Conn;
  readonly #waiting = new Map<number, PromiseWithResolvers<Buffer>>();
  readonly #ended = Promise.withResolvers<unknown>();
  #writing: Promise<void> = Promise.resolve();
  #correlationId = 0;
  #versions: Versions = { 18: { minVersion: 0, maxVersion: 0 } };
  #hasVersions = false;
  #isClosed = false;

  private constructor(conn: Deno.Conn, address: string, settings: ConnectionSettings, protocol: Protocol) {
    this.#conn = conn;
    this.#address = address;
    this.#settings = settings;
    this.#protocol = protocol;
    this.#readAll();
  }

  /**
   * Connects, asks for the supported versions, and logs in.
   *
   * @throws {ConnectionFault} If there is no broker. {BrokerFault} If it refuses. {BusError} `denied` by Deno
   * or SASL.
   */
  static async open(
    address: Address,
    settings: ConnectionSettings,
    protocol: Protocol,
  ): Promise<BrokerConnection> {
    const name = format(address);
    const connection = new BrokerConnection(await dial(address, settings), name, settings, protocol);
    try {
      await connection.#negotiate();
      if (settings.sasl) await connection.#logIn(address, settings.sasl);
      return connection;
    } catch (error) {
      connection.close(error);
      throw error;
    }
  }

  /** Resolves with the reason when either side has closed it. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /**
   * Sends a request. Without a response in time the connection is closed, since later responses would wait
   * behind it.
   *
   * @param api The kind of request.
   * @param payload Its fields.
   * @param timeoutMs How long to wait for the response.
   * @returns The response; its error codes are not checked.
   * @throws {ConnectionFault} If the connection breaks first.
   */
  async request<A extends Api>(api: A, payload: Requests[A][0], timeoutMs: number): Promise<Requests[A][1]> {
    const exchange = this.#exchange(api, payload);
    return await this.#send(exchange, timeoutMs) as Requests[A][1];
  }

  /** Closes it; pending requests are rejected with the reason. */
  close(reason: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
    this.#ended.resolve(reason);
  }

  async #negotiate(): Promise<void> {
    const answer = await this.request("ApiVersions", {}, this.#settings.connectTimeoutMs);
    expectSuccess(answer.errorCode, `The versions of ${this.#address}`);
    this.#hasVersions = true;
    this.#versions = Object.fromEntries(answer.apiVersions.map((version) => [version.apiKey, version]));
  }

  async #logIn(address: Address, sasl: SaslOptions): Promise<void> {
    const send: AuthenticatedConnection["send"] = async (exchange) => {
      const data = await this.#send(exchange, this.#settings.connectTimeoutMs);
      return await exchange.response.parse!(data);
    };
    try {
      await this.#protocol.authenticate({ ...address, sasl: { ...sasl }, send }, this.#versions);
    } catch (cause) {
      if (cause instanceof ConnectionFault) throw cause;
      const message = `Cannot log in to ${this.#address} as "${sasl.username}": ${messageOf(cause)}`;
      throw new BusError("denied", message, { cause });
    }
  }

  #exchange<A extends Api>(api: A, payload: Requests[A][0]): Exchange {
    const { requests, apiKeys } = this.#protocol;
    const offered = this.#versions[apiKeys[api]];
    const newest = Math.max(...requests[api].versions.map(Number));
    if (offered && offered.minVersion <= newest) {
      return requests[api].protocol({ version: Math.min(newest, offered.maxVersion) })(payload);
    }
    const versions = offered ? `versions ${offered.minVersion} to ${offered.maxVersion}` : "no version";
    throw new BusError(
      "invalid",
      `Cannot use the broker ${this.#address}: it supports ${versions} of ${api}; expected ${newest} or older`,
    );
  }

  async #send({ request, response }: Exchange, timeoutMs: number): Promise<unknown> {
    const { Encoder } = this.#protocol;
    const correlationId = this.#correlationId++ & 0x7fffffff;
    const { buffer: body } = await request.encode();
    const { buffer: header } = new Encoder().writeInt16(request.apiKey).writeInt16(request.apiVersion)
      .writeInt32(correlationId).writeString(this.#settings.clientId);
    const { buffer: size } = new Encoder().writeInt32(header.length + body.length);
    const frame = [size, header, body];
    return await response.decode(await this.#exchangeBytes(correlationId, frame, request.apiName, timeoutMs));
  }

  async #exchangeBytes(
    correlationId: number,
    frame: readonly Buffer[],
    api: string,
    timeoutMs: number,
  ): Promise<Buffer> {
    if (this.#isClosed) throw new ConnectionFault(`${this.#address}: the connection is closed`);
    const waiting = Promise.withResolvers<Buffer>();
    this.#waiting.set(correlationId, waiting);
    this.#writing = this.#writing.then(() => this.#write(frame));
    const timer = setTimeout(() => {
      this.close(new ConnectionFault(`${this.#address} did not answer ${api} within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(parts: readonly Buffer[]): Promise<void> {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const chunks = size <= COALESCED_BYTES ? [Buffer.concat(parts)] : parts;
    try {
      for (const chunk of chunks) {
        for (let written = 0; written < chunk.length && !this.#isClosed;) {
          written += await this.#conn.write(chunk.subarray(written));
        }
      }
    } catch (error) {
      this.close(broken(this.#address, error));
    }
  }

  async #readAll(): Promise<void> {
    try {
      while (!this.#isClosed) this.#resolve(await this.#read(await this.#frameSize()));
    } catch (error) {
      this.close(broken(this.#address, error));
    }
  }

  async #frameSize(): Promise<number> {
    const size = (await this.#read(4)).readInt32BE();
    if (size >= 4 && (this.#hasVersions || size <= FIRST_RESPONSE_BYTES)) return size;
    throw new ConnectionFault(`${this.#address} does not answer like a Kafka broker without TLS`);
  }

  #resolve(frame: Buffer): void {
    const correlationId = frame.readInt32BE();
    this.#waiting.get(correlationId)?.resolve(frame.subarray(4));
    this.#waiting.delete(correlationId);
  }

  /** Reads exactly `size` bytes. */
  async #read(size: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let filled = 0; filled < size;) {
      const count = await this.#conn.read(bytes.subarray(filled));
      if (count === null) throw new ConnectionFault(`${this.#address} closed the connection`);
      filled += count;
    }
    return bytes;
  }
}

async function dial(address: Address, { connectTimeoutMs, tls }: ConnectionSettings): Promise<Deno.Conn> {
  const name = format(address);
  const dialling = connect(address, tls);
  const late = AbortSignal.timeout(connectTimeoutMs);
  const conn = await abortable(dialling, late).catch((error) => {
    throw broken(name, error);
  });
  if (conn) return conn;
  dialling.then((conn) => conn.close(), () => {});
  throw new ConnectionFault(`${name} did not answer within ${connectTimeoutMs} ms`);
}

async function connect({ host: hostname, port }: Address, tls: TlsOptions | null): Promise<Deno.Conn> {
  if (tls) {
    const { caCerts = [], cert, key } = tls;
    const identity = cert !== undefined && key !== undefined ? { cert, key } : {};
    return await Deno.connectTls({ hostname, port, caCerts: [...caCerts], ...identity });
  }
  const conn = await Deno.connect({ hostname, port });
  conn.setNoDelay(true);
  return conn;
}

/** Translates the error of a socket. */
function broken(address: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotCapable) {
    const message =
      `Cannot connect to ${address}: Deno lacks the permission; run it with --allow-net=${address}`;
    return new BusError("denied", message, { cause: error });
  }
  if (error instanceof ConnectionFault || error instanceof BusError) return error;
  return new ConnectionFault(`${address}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.ConnectionReset) return "connection reset";
  // "… (os error 111)" does not help a user.
  return messageOf(error).replace(/ \(os error \d+\)$/, "");
}
