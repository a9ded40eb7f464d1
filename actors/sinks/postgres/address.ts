import type postgres from "npm:postgres@3.4.9";
import { messageOf } from "../../../lib/coded_error.ts";
import { splitList } from "../../../lib/options.ts";
import { SinkError } from "../errors.ts";

/** Where a database is and how it is reached, from its URL. */
export interface Address {
  /** For the client: without what `options` and `schemas` hold. */
  readonly url: string;
  readonly options: Pick<postgres.Options<Record<never, never>>, "host" | "port" | "ssl">;
  /** The schemas in which tables are looked up, and created in the first; none for those of the server. */
  readonly schemas: readonly string[];
}

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** `[USER[:PASSWORD]@][HOST[:PORT][,…]][/DATABASE]`: what is not escaped must not end up in the name of the server. */
const PLACE =
  /^(?<login>[^@/?#]*@)?(?<hosts>[^@:/?#,]*(?::\d+)?(?:,[^@:/?#,]+(?::\d+)?)*)(?<path>\/[^@/?#]*)?$/;

/**
 * Parses the URL of a database, as libpq takes it.
 *
 * @param text `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, a socket by `?host=/DIRECTORY`, and the parameters
 * `search_path`, `sslmode` and `sslrootcert`; the last two also from PGSSLMODE and PGSSLROOTCERT.
 * @throws {SinkError} `invalid`; the message never contains the URL, because of its password.
 */
export function parseAddress(text: string): Address {
  const [, scheme = "", rest = ""] = /^(postgres(?:ql)?:\/\/)([^#]*)$/.exec(text) ?? [];
  const [place = "", query = ""] = rest.split("?", 2);
  const { login = "", hosts = "", path = "" } = PLACE.exec(place)?.groups ?? {};
  if (scheme === "" || !PLACE.test(place) || query.includes("@")) throw malformed();
  const parameters = new URLSearchParams(query);
  const take = (name: string) => {
    const value = parameters.get(name) ?? undefined;
    parameters.delete(name);
    return value;
  };
  const schemas = splitList(take("search_path") ?? "") ?? [];
  const [directory, port] = socketOf(hosts, take("host"), take("port"));
  const ssl = sslOf(hosts || Deno.env.get("PGHOST") || "", take("sslmode"), take("sslrootcert"));
  const server = directory === undefined ? hosts : "localhost";
  const others = parameters.size > 0 ? `?${parameters}` : "";
  return {
    url: `${scheme}${login}${server}${path}${others}`,
    options: { ...directory !== undefined && { host: directory, ...port && { port } }, ...ssl },
    schemas,
  };
}

/** The directory of a Unix-domain socket, and the port in its name. */
function socketOf(
  hosts: string,
  host = decodeURIComponent(hosts.split(":")[0]!),
  port = hosts.split(":")[1],
): [directory: string | undefined, port: number | undefined] {
  return host.startsWith("/")
    ? [host, port === undefined ? undefined : Number(port)]
    : [undefined, undefined];
}

function sslOf(
  hosts: string,
  mode = Deno.env.get("PGSSLMODE"),
  file = Deno.env.get("PGSSLROOTCERT"),
): { ssl?: Exclude<postgres.Options<Record<never, never>>["ssl"], undefined> } {
  if (mode !== undefined && !SSL_MODES.includes(mode)) {
    throw new SinkError("invalid", `sslmode of PostgreSQL is "${mode}": expected ${SSL_MODES.join(", ")}`);
  }
  const isFile = file !== undefined && file !== "system";
  if (mode === "disable" || (mode === undefined && !isFile)) return {};
  if (!isFile && mode !== "verify-ca" && mode !== "verify-full") return { ssl: mode as "require" };
  const ignoresName = mode === "verify-ca" || mode === "require";
  // The client names no address to TLS, and a certificate would then be compared with "localhost".
  const name = ignoresName ? { checkServerIdentity: () => undefined } : { host: hosts.replace(/:\d+$/, "") };
  const ca = isFile ? { ca: readCertificate(file) } : {};
  return { ssl: { ...ca, rejectUnauthorized: true, ...name } };
}

function readCertificate(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new SinkError("invalid", `Cannot read the sslrootcert ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** Its message has no part of the URL. */
export function malformed(): SinkError {
  return new SinkError(
    "invalid",
    "Invalid URL of a PostgreSQL database: expected postgres://USER:PASSWORD@HOST:PORT/DATABASE, " +
      "with characters other than letters and digits as %XX",
  );
}
