import { Bus } from "./bus.ts";
import { BusError } from "./transport/errors.ts";
import { CONNECT_OPTIONS } from "./options.ts";
import type { KafkaTransportOptions } from "./transport/kafka/options.ts";
import { createMemoryBroker, type MemoryTransportOptions } from "./transport/memory.ts";
import { checkBusOptions } from "./transport/options.ts";
import { openSqliteTransport, type SqliteTransportOptions } from "./transport/sqlite/open.ts";
import { stateDir } from "./state_dir.ts";
import { COMPARISONS_TOPIC, RESULTS_TOPIC } from "./topics.ts";
import type { Transport, TransportOptions } from "./transport/transport.ts";

/** How to connect: options of all transports, and those of each kind of bus, which others refuse. Ranges: docs/options.md. */
export interface ConnectOptions extends TransportOptions {
  /** For `kafka:` alone. */
  readonly kafka?: Omit<KafkaTransportOptions, keyof TransportOptions>;
  /** For `sqlite:` alone, the embedded bus. */
  readonly sqlite?: Omit<SqliteTransportOptions, keyof TransportOptions>;
  /** For `memory:` alone. */
  readonly memory?: Omit<MemoryTransportOptions, keyof TransportOptions>;
}

/** Most often no group reads them, so their messages would stay for ever. */
const EXPIRING_TOPICS = [RESULTS_TOPIC, COMPARISONS_TOPIC];

/** The transports, by the scheme of their URLs. A new one is a folder of its own and a line here. */
const TRANSPORTS: Readonly<
  Record<string, (url: string, options: TransportOptions) => Transport | Promise<Transport>>
> = {
  memory: (_url, options) => createMemoryBroker().connect({ expiringTopics: EXPIRING_TOPICS, ...options }),
  sqlite: openSqliteUrl,
  kafka: openKafkaUrl,
  "kafka+ssl": openKafkaUrl,
};

/** The name of the options of a scheme. */
function optionsName(scheme: string): string {
  return scheme.split("+")[0]!;
}

/**
 * Connects to a bus.
 *
 * @param url `kafka://host1:9092,host2:9092` (`kafka+ssl://` for TLS), `sqlite:PATH` (the embedded bus in that file; its directory is created), or
 * `memory:` (gone with this connection). Without one, the environment variable `IMAGEBUS_URL`; without that, the embedded
 * bus in the user's state directory.
 * @param options Bounds, and what is particular to a transport.
 * @returns The bus. It owns the connection: close it, or use `await using`.
 * @throws {BusError} `invalid` URL or option; `unavailable`, `denied`, `corrupt`.
 *
 * @example
 * ```ts
 * import { connect } from "./connect.ts";
 * await using bus = await connect("memory:");
 * await bus.send(new Uint8Array([1, 2, 3]), { model: "mnist" });
 * ```
 */
export async function connect(url?: string | URL, options: ConnectOptions = {}): Promise<Bus> {
  return new Bus(await openTransport(url, options));
}

/**
 * Opens the transport of a URL, without a bus around it.
 *
 * @param url As for {@linkcode connect}.
 * @param options As for {@linkcode connect}.
 * @throws {BusError} As {@linkcode connect}.
 */
export async function openTransport(url?: string | URL, options: ConnectOptions = {}): Promise<Transport> {
  const address = url?.toString() || Deno.env.get("IMAGEBUS_URL") || defaultUrl(options);
  const scheme = /^([a-z+]+):/.exec(address)?.[1] ?? "";
  const open = Object.hasOwn(TRANSPORTS, scheme) ? TRANSPORTS[scheme] : undefined;
  if (open) return await open(address, optionsFor(optionsName(scheme), address, options));
  throw new BusError(
    "invalid",
    `The bus "${address}" is not known: expected kafka://HOST:PORT, sqlite:PATH or memory:`,
  );
}

/** The common options with those of the scheme; those of another are refused, as they would have no effect. */
function optionsFor(scheme: string, address: string, options: ConnectOptions): TransportOptions {
  checkBusOptions(CONNECT_OPTIONS, options);
  const { kafka, sqlite, memory, ...common } = options;
  const own: Readonly<Record<string, object | undefined>> = { kafka, sqlite, memory };
  const foreign = Object.keys(own).find((name) => name !== scheme && own[name] !== undefined);
  if (foreign === undefined) return { ...common, ...own[scheme] };
  throw new BusError(
    "invalid",
    `The options ${foreign}: {…} have no effect on "${address}": expected ${scheme}: {…}`,
  );
}

/** The URL without one: the brokers of a configuration file of Kafka, or the embedded bus in the user's state directory. */
export function defaultUrl({ kafka }: ConnectOptions = {}): string {
  return kafka?.config === undefined ? `sqlite:${stateDir()}/bus.db` : "kafka:";
}

/** Loaded when it is wanted: the embedded bus does not pay for it. */
async function openKafkaUrl(url: string, options: TransportOptions): Promise<Transport> {
  const { openKafkaTransport, parseKafkaUrl } = await import("./transport/kafka/open.ts");
  const isEncrypted = url.startsWith("kafka+ssl:");
  return await openKafkaTransport(parseKafkaUrl(url), isEncrypted ? withTls(options) : options);
}

function withTls(options: KafkaTransportOptions): KafkaTransportOptions {
  return { ...options, tls: typeof options.tls === "object" ? options.tls : true };
}

/** The file of `sqlite:PATH` or `sqlite:///PATH`. */
export function pathOfSqlite(url: string): string {
  return url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
}

async function openSqliteUrl(url: string, options: TransportOptions): Promise<Transport> {
  const path = pathOfSqlite(url);
  if (path === "") throw new BusError("invalid", `The bus "${url}" names no file: expected sqlite:PATH`);
  if (path.includes("?")) {
    throw new BusError("invalid", `Invalid bus URL "${url}": expected sqlite:PATH, and options by name`);
  }
  return await openSqliteTransport(path, { expiringTopics: EXPIRING_TOPICS, ...options });
}
