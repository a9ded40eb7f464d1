import { Buffer } from "node:buffer";
import { abortable } from "../../../../lib/abortable.ts";
import { messageOf } from "../../../../lib/coded_error.ts";
import { sleep } from "../../../../lib/sleep.ts";
import { BusError } from "../../errors.ts";
import { ConnectionFault, expectSuccess } from "../wire/faults.ts";
import type { AuthenticatedConnection, Protocol, Versions } from "../wire/protocol.ts";
import type { Api, Exchange, Requests, Throttling } from "../wire/requests.ts";
import type { Login } from "./login.ts";
import { type Address, explainTls, openSocket, type Socket, type TlsOptions } from "./socket.ts";

/** Settings of all connections of a transport. */
export interface ConnectionSettings {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly tls: TlsOptions | null;
  readonly login: Login | null;
  /** A connection that was idle for longer is not used any more, in milliseconds. */
  readonly maxIdleMs: number;
  /** A broker reads no more requests of a connection for so many milliseconds: a quota is exceeded. */
  readonly onThrottled: (api: Api, ms: number) => void;
}

/** The first response lists versions. A longer one comes from something that is not a Kafka broker. */
const FIRST_RESPONSE_BYTES = 65_536;
/** A login is renewed after this share of its lifetime. */
const RENEWED_AFTER = 0.85;
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Brokers compute longer pauses for a message that is far larger than a quota allows per second. */
const MAX_THROTTLE_MS = 300_000;
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
  readonly #address: Address;
  readonly #name: string;
  readonly #settings: ConnectionSettings;
  readonly #protocol: Protocol;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Buffer>>();
  readonly #ended = Promise.withResolvers<unknown>();
  #writing: Promise<void> = Promise.resolve();
  #correlationId = 0;
  #versions: Versions = { 18: { minVersion: 0, maxVersion: 0 } };
  #hasVersions = false;
  #isClosed = false;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  /** While it logs in again; a broker accepts no other requests meanwhile (KIP-368). */
  #renewing: Promise<void> | undefined;
  #usedAt = performance.now();
  /** The next request is sent when this resolves (KIP-219). */
  #throttled: Promise<void> | undefined;
  readonly #over = new AbortController();

  private constructor(socket: Socket, address: Address, settings: ConnectionSettings, protocol: Protocol) {
    this.#socket = socket;
    this.#address = address;
    this.#name = format(address);
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
    const connection = new BrokerConnection(await dial(address, settings), address, settings, protocol);
    try {
      await connection.#negotiate();
      if (settings.login) await connection.#logIn(settings.login);
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

  /** `host:port` of the broker. */
  get name(): string {
    return format(this.#address);
  }

  /** Whether no request is pending. */
  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  /** Whether it was idle for so long that a balancer or firewall in between may have dropped it without notice. */
  get isStale(): boolean {
    return this.isIdle && performance.now() - this.#usedAt > this.#settings.maxIdleMs;
  }

  /**
   * Sends a request. Without a response in time the connection is closed, since later responses would wait
   * behind it. Waits before for as long as the broker demands.
   *
   * @param api The kind of request.
   * @param payload Its fields.
   * @param timeoutMs How long to wait for the response.
   * @returns The response; its error codes are not checked.
   * @throws {ConnectionFault} If the connection breaks first.
   */
  async request<A extends Api>(api: A, payload: Requests[A][0], timeoutMs: number): Promise<Requests[A][1]> {
    const exchange = this.#exchange(api, payload);
    await this.#renewing;
    while (this.#throttled) await this.#throttled;
    const answer = await this.#send(exchange, timeoutMs) as Requests[A][1] & Throttling;
    this.#throttle(api, answer.clientSideThrottleTime ?? 0);
    return answer;
  }

  #throttle(api: Api, ms: number): void {
    if (ms <= 0) return;
    this.#settings.onThrottled(api, ms);
    const before = this.#throttled;
    const pause = Promise.all([before, sleep(Math.min(ms, MAX_THROTTLE_MS), this.#over.signal)]);
    const throttled = pause.then(() => {
      if (this.#throttled === throttled) this.#throttled = undefined;
    });
    this.#throttled = throttled;
  }

  /** Closes it; pending requests are rejected with the reason. */
  close(reason: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#renewal);
    this.#over.abort();
    this.#socket.close();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
    this.#ended.resolve(reason);
  }

  async #negotiate(): Promise<void> {
    const answer = await this.request("ApiVersions", {}, this.#settings.connectTimeoutMs);
    expectSuccess(answer.errorCode, `The versions of ${this.#name}`);
    this.#hasVersions = true;
    this.#versions = Object.fromEntries(answer.apiVersions.map((version) => [version.apiKey, version]));
  }

  /** Where the broker ends logins after a time, the next one is in time, on the same connection (KIP-368). */
  async #logIn(login: Login): Promise<void> {
    const lifetimeMs = await this.#authenticate(login);
    if (lifetimeMs <= 0 || this.#isClosed) return;
    this.#renewal = setTimeout(() => {
      this.#renewing = this.#logIn(login).catch((error) => this.close(error)).finally(() => {
        this.#renewing = undefined;
      });
    }, Math.min(lifetimeMs * RENEWED_AFTER, MAX_TIMER_MS));
  }

  async #authenticate({ sasl, user }: Login): Promise<number> {
    // The authenticators of kafkajs replace each error by one without a cause.
    let broken: ConnectionFault | undefined;
    const send: AuthenticatedConnection["send"] = async (exchange) => {
      const data = await this.#send(exchange, this.#settings.connectTimeoutMs).catch((error) => {
        if (error instanceof ConnectionFault) broken = error;
        throw error;
      });
      return await exchange.response.parse!(data);
    };
    try {
      return await this.#protocol.authenticate({ ...this.#address, sasl: { ...sasl }, send }, this.#versions);
    } catch (cause) {
      if (broken) throw broken;
      if (cause instanceof ConnectionFault || cause instanceof BusError) throw cause;
      const message = `Cannot log in to ${this.#name} ${user}: ${messageOf(cause)}`;
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
      `Cannot use the broker ${this.#name}: it supports ${versions} of ${api}; expected ${newest} or older`,
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
    if (this.#isClosed) throw new ConnectionFault(`${this.#name}: the connection is closed`);
    const waiting = Promise.withResolvers<Buffer>();
    this.#waiting.set(correlationId, waiting);
    this.#writing = this.#writing.then(() => this.#write(frame));
    const timer = setTimeout(() => {
      this.close(new ConnectionFault(`${this.#name} did not answer ${api} within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      return await waiting.promise;
    } finally {
      this.#usedAt = performance.now();
      clearTimeout(timer);
    }
  }

  async #write(parts: readonly Buffer[]): Promise<void> {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const chunks = size <= COALESCED_BYTES ? [Buffer.concat(parts)] : parts;
    try {
      for (const chunk of chunks) {
        for (let written = 0; written < chunk.length && !this.#isClosed;) {
          written += await this.#socket.write(chunk.subarray(written));
        }
      }
    } catch (error) {
      this.close(broken(this.#name, error));
    }
  }

  async #readAll(): Promise<void> {
    try {
      while (!this.#isClosed) this.#resolve(await this.#read(await this.#frameSize()));
    } catch (error) {
      this.close(broken(this.#name, error));
    }
  }

  async #frameSize(): Promise<number> {
    const size = (await this.#read(4)).readInt32BE();
    if (size >= 4 && (this.#hasVersions || size <= FIRST_RESPONSE_BYTES)) return size;
    throw new ConnectionFault(
      `${this.#name} does not answer like a Kafka broker without TLS; for TLS: kafka+ssl://`,
    );
  }

  #resolve(frame: Buffer): void {
    const correlationId = frame.readInt32BE();
    this.#waiting.get(correlationId)?.resolve(frame.subarray(4));
    this.#waiting.delete(correlationId);
  }

  /** A broker that wants a certificate of the client sends the alert of TLS, or just closes. */
  #closingHint(): string {
    const { tls } = this.#settings;
    const isEarly = !this.#hasVersions && tls !== null && tls.cert === undefined;
    return isEarly ? "; it may want a certificate of the client: tls.cert and tls.key" : "";
  }

  /** Reads exactly `size` bytes. */
  async #read(size: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let filled = 0; filled < size;) {
      const count = await this.#socket.read(bytes.subarray(filled));
      if (count === null) {
        throw new ConnectionFault(`${this.#name} closed the connection${this.#closingHint()}`);
      }
      filled += count;
    }
    return bytes;
  }
}

async function dial(address: Address, { connectTimeoutMs, tls }: ConnectionSettings): Promise<Socket> {
  const name = format(address);
  const late = AbortSignal.timeout(connectTimeoutMs);
  const dialling = openSocket(address, tls, late);
  const socket = await abortable(dialling, late).catch((error) => {
    // Brokers answer the beginning of TLS on a port without it by closing.
    if (tls && codeOf(error) === "ECONNRESET") {
      throw new ConnectionFault(
        `${name} closed the connection while TLS began; does it use TLS on this port?`,
      );
    }
    throw broken(name, error);
  });
  if (socket) return socket;
  dialling.then((socket) => socket.close(), () => {});
  throw new ConnectionFault(`${name} did not answer within ${connectTimeoutMs} ms`);
}

/** Translates the error of a socket. */
function broken(address: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotCapable) {
    const message =
      `Cannot connect to ${address}: Deno lacks the permission; run it with --allow-net=${address}`;
    return new BusError("denied", message, { cause: error });
  }
  if (error instanceof ConnectionFault || error instanceof BusError) return error;
  const fault = explainTls(error);
  if (fault !== undefined) {
    return new BusError("denied", `Cannot connect to ${address}: ${fault}`, { cause: error });
  }
  return new ConnectionFault(`${address}: ${reasonOf(error)}`, { cause: error });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (error instanceof Deno.errors.ConnectionRefused || code === "ECONNREFUSED") return "connection refused";
  if (error instanceof Deno.errors.ConnectionReset || code === "ECONNRESET") return "connection reset";
  // "… (os error 111)" does not help a user.
  return messageOf(error).replace(/ \(os error \d+\)$/, "");
}
