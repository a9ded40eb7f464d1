import type postgres from "npm:postgres@3.4.9";
import { messageOf } from "../../../lib/coded_error.ts";
import { splitList } from "../../../lib/options.ts";
import { SinkError } from "../errors.ts";

/** Where a database is and how it is reached, from its URL. */
export interface Address {
  /** For the client: without what `options` and `schemas` hold. */
  readonly url: string;
  readonly options:
    & Servers
    & Pick<postgres.Options<Record<never, never>>, "database" | "ssl" | "target_session_attrs">;
  /** The schemas in which tables are looked up, and created in the first; none for those of the server. */
  readonly schemas: readonly string[];
}

/** Which one of several servers is used. */
type Role = Exclude<Address["options"]["target_session_attrs"], undefined> | "any";

/** Lists of the same length, or the directory of a Unix-domain socket and the port in its name. */
interface Servers {
  readonly host: string | readonly string[];
  readonly port: number | readonly number[];
}

const ROLES: readonly Role[] = ["any", "primary", "read-write", "standby", "read-only", "prefer-standby"];
const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** `[USER[:PASSWORD]@][HOST[:PORT][,…]][/DATABASE]`: what is not escaped must not end up in the name of the server. */
const PLACE =
  /^(?<login>[^@/?#]*@)?(?<hosts>(?:\[[\da-f:.]+\]|[^@:/?#,[\]]*)(?::\d+)?(?:,(?:\[[\da-f:.]+\]|[^@:/?#,[\]]+)(?::\d+)?)*)(?<path>\/[^@/?#]*)?$/i;
const SERVER = /^(?:\[(?<address>.*)\]|(?<name>.*?))(?::(?<port>\d+))?$/;
const DEFAULT_PORT = "5432";

/**
 * Parses the URL of a database, as libpq takes it.
 *
 * @param text `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, a socket by `?host=/DIRECTORY`, and the parameters
 * `search_path`, `target_session_attrs`, `sslmode` and `sslrootcert`; the last three also from PGTARGETSESSIONATTRS,
 * PGSSLMODE and PGSSLROOTCERT.
 * @throws {SinkError} `invalid`; the message never contains the URL, because of its password.
 */
export function parseAddress(text: string): Address {
  const [, scheme = "", rest = ""] = /^(postgres(?:ql)?:\/\/)([^#]*)$/.exec(text) ?? [];
  const [place = "", query = ""] = rest.split("?", 2);
  const { login = "", hosts = "", path = "" } = PLACE.exec(place)?.groups ?? {};
  if (scheme === "" || !PLACE.test(place) || !isEscaped(place) || query.includes("@")) throw malformed();
  const parameters = new URLSearchParams(query);
  const take = (name: string) => {
    const value = parameters.get(name) ?? undefined;
    parameters.delete(name);
    return value;
  };
  const schemas = splitList(take("search_path") ?? "") ?? [];
  const servers = serversOf(hosts, take("host"), take("port"));
  const ssl = sslOf([servers.host].flat()[0]!, take("sslmode"), take("sslrootcert"));
  const role = roleOf(servers, take("target_session_attrs"));
  const others = parameters.size > 0 ? `?${parameters}` : "";
  return {
    url: `${scheme}${login}localhost${path}${others}`,
    // The client takes neither IPv6 addresses nor escaped names of databases from a URL.
    options: {
      ...servers,
      ...path.length > 1 && { database: decodeURIComponent(path.slice(1)) },
      ...role !== "any" && { target_session_attrs: role },
      ...ssl,
    },
    schemas,
  };
}

function isEscaped(text: string): boolean {
  try {
    return decodeURIComponent(text) !== null;
  } catch {
    return false;
  }
}

/** What the URL omits comes from PGHOST and PGPORT, or is the default. */
function serversOf(hosts: string, host: string | undefined, port: string | undefined): Servers {
  const unnamed = Deno.env.get("PGHOST") || "localhost";
  const servers = host !== undefined || hosts === ""
    ? (host || unnamed).split(",").map((name) => ({ name, port: undefined }))
    : hosts.split(",").map(serverOf);
  const names = servers.map(({ name }) => name || unnamed);
  const given = port?.split(",");
  const ports = servers.map((server, i) =>
    Number(given?.[i] ?? given?.[0] ?? server.port ?? Deno.env.get("PGPORT") ?? DEFAULT_PORT)
  );
  if (!ports.every((one) => one >= 1 && one <= 65_535)) throw malformed();
  return names[0]!.startsWith("/") ? { host: names[0]!, port: ports[0]! } : { host: names, port: ports };
}

function serverOf(text: string): { readonly name: string; readonly port: string | undefined } {
  const { address, name = "", port } = SERVER.exec(text)?.groups ?? {};
  return { name: address ?? decodeURIComponent(name), port };
}

/** Of several servers the first may be a standby, where nothing could ever be stored. */
function roleOf({ host }: Servers, role = Deno.env.get("PGTARGETSESSIONATTRS")): Role {
  const wanted = ROLES.find((one) =>
    one === (role ?? (Array.isArray(host) && host.length > 1 ? "primary" : "any"))
  );
  if (wanted === undefined) {
    const expected = ROLES.join(", ");
    throw new SinkError("invalid", `target_session_attrs of PostgreSQL is "${role}": expected ${expected}`);
  }
  // The client takes a standby for one that can be written.
  return wanted === "read-write" ? "primary" : wanted;
}

function sslOf(
  host: string,
  mode = Deno.env.get("PGSSLMODE"),
  file = Deno.env.get("PGSSLROOTCERT"),
): { ssl?: Exclude<postgres.Options<Record<never, never>>["ssl"], undefined> } {
  if (mode !== undefined && !SSL_MODES.includes(mode)) {
    throw new SinkError("invalid", `sslmode of PostgreSQL is "${mode}": expected ${SSL_MODES.join(", ")}`);
  }
  const isFile = file !== undefined && file !== "system";
  if (mode === "disable" || (mode === undefined && !isFile)) return {};
  // The client would refuse a server without TLS if it is only allowed.
  if (!isFile && (mode === "allow" || mode === "prefer")) return { ssl: "prefer" };
  if (!isFile && mode === "require") return { ssl: mode };
  const ignoresName = mode === "verify-ca" || mode === "require";
  // The client names no address to TLS, and a certificate would then be compared with "localhost".
  const name = ignoresName ? { checkServerIdentity: () => undefined } : { host };
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
