import { BusError } from "../../errors.ts";
import { format } from "./connection.ts";
import type { Address } from "./socket.ts";

const DEFAULT_PORT = 9092;
const BROKER = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$/;

/**
 * Parses `kafka://host1:9092,host2:9092`, and the same with `kafka+ssl:` for TLS.
 *
 * @param url The URL. Default port: 9092.
 * @returns The brokers as `host:port`; none for `kafka:` alone, whose brokers are in a configuration file.
 * @throws {BusError} `invalid`.
 *
 * @example
 * ```ts
 * import { parseKafkaUrl } from "./url.ts";
 * console.assert(parseKafkaUrl("kafka://one,two:9093").join() === "one:9092,two:9093");
 * ```
 */
export function parseKafkaUrl(url: string): string[] {
  if (/^kafka(\+ssl)?:$/.test(url)) return [];
  const list = /^kafka(?:\+ssl)?:\/\/([^/?#]+)\/?$/.exec(url)?.[1];
  if (list === undefined) throw invalid(url);
  return list.split(",").map((broker) => {
    const address = parseBroker(broker);
    if (!address) throw invalid(url);
    return format(address);
  });
}

/**
 * Parses `host:port`, `host` or `[IPv6]:port`.
 *
 * @param broker The text.
 * @returns `null` if it is none of them.
 */
export function parseBroker(broker: string): Address | null {
  const [, ipv6, name, port = `${DEFAULT_PORT}`] = BROKER.exec(broker) ?? [];
  const host = ipv6 ?? name;
  return host === undefined || Number(port) < 1 || Number(port) > 65_535
    ? null
    : { host, port: Number(port) };
}

function invalid(url: string): BusError {
  // It may contain a password.
  const shown = url.includes("@") ? "kafka://…@…" : url;
  return new BusError("invalid", `Invalid bus URL "${shown}": expected kafka://HOST:PORT,HOST:PORT`);
}
