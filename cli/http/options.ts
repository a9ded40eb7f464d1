import { type CustomRow, flag, type OptionTable } from "../../lib/options.ts";
import { type Arguments, UsageError } from "../command.ts";

/** Where to listen. */
export interface HttpAddress {
  /** Without the brackets of IPv6. */
  readonly hostname: string;
  /** 0: any that is free. */
  readonly port: number;
}

const HTTP: CustomRow<HttpAddress> = {
  type: "custom",
  value: "[HOST:PORT]",
  bare: "127.0.0.1:9464",
  parse: parseAddress,
  accepts: (value) => typeof value === "object" && value !== null && "port" in value,
  expected: "a host and a port, such as 127.0.0.1:9464 or 0.0.0.0:9464",
  otherwise: "off; without a value 127.0.0.1:9464",
  text: "serve metrics, health and a live page over HTTP",
};

/** Options of the HTTP server of a worker process. */
export const HTTP_OPTIONS = {
  http: HTTP,
  httpToken: {
    type: "text",
    from: "file",
    secret: true,
    value: "FILE",
    text: "token that HTTP requests need, except those for health and metrics; required beyond loopback",
  },
  httpActions: flag("let the page replay and acknowledge dead letters and send images"),
  httpImages: { type: "flag", default: true, text: "show the last images on the page" },
} as const satisfies OptionTable;

/** How HTTP is served. */
export interface HttpSettings extends HttpAddress {
  /** Required by all requests but those for health and metrics. */
  readonly token: string | undefined;
  /** Whether requests may change something. */
  readonly actions: boolean;
  /** Whether images are shown. */
  readonly images: boolean;
}

const MIN_TOKEN = 16;

/**
 * The settings of the arguments.
 *
 * @returns `null` when HTTP is off.
 * @throws {UsageError} When an address beyond loopback has no token, or a token is too short.
 */
export function httpSettings({ values }: Arguments<typeof HTTP_OPTIONS>): HttpSettings | null {
  const { http, httpToken: token, httpActions: actions, httpImages: images } = values;
  if (http === undefined) return null;
  if (token === undefined && !isLoopback(http.hostname)) {
    throw new UsageError(
      `Cannot serve HTTP on ${http.hostname}: others can reach it; set --http-token FILE or IMAGEBUS_HTTP_TOKEN`,
    );
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError("--http-token contains spaces or other than ASCII characters: expected one word");
  }
  if (token !== undefined && token.length < MIN_TOKEN) {
    throw new UsageError(`--http-token has ${token.length} characters: expected at least ${MIN_TOKEN}`);
  }
  return { ...http, token, actions, images };
}

/** Whether only programs of this machine can reach an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function parseAddress(text: string): HttpAddress | undefined {
  const [, ipv6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const hostname = ipv6 ?? name;
  const port = Number(digits);
  return hostname === undefined || port > 65_535 ? undefined : { hostname, port };
}
