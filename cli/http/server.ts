import { CodedError, messageOf } from "../../lib/coded_error.ts";
import { UsageError } from "../command.ts";
import { refusalOf, refuse } from "./guard.ts";
import type { HttpAddress, HttpSettings } from "./options.ts";

/** Answers a request for a path. */
export type Route = (request: Request, url: URL) => Response | Promise<Response>;

/** By method and path: `GET /metrics`. */
export type Routes = Readonly<Record<string, Route>>;

/** A server that listens. */
export interface HttpServer extends AsyncDisposable {
  /** Its address for a browser on this machine. */
  readonly url: string;
}

/**
 * Listens for requests.
 *
 * @param settings Where, and who may ask what.
 * @param routes What there is.
 * @returns The server; its disposal ends all connections.
 * @throws {UsageError} When the address cannot be used.
 */
export function listen(settings: HttpSettings, routes: Routes): HttpServer {
  const { hostname, port } = settings;
  // `server.shutdown()` would wait for ever for a page that is open: its stream of events does not end.
  const stop = new AbortController();
  const options = {
    hostname,
    port,
    signal: stop.signal,
    onListen() {},
  };
  try {
    const server = Deno.serve(options, (request) => answer(request, settings, routes));
    return {
      url: urlOf(server.addr),
      async [Symbol.asyncDispose]() {
        stop.abort();
        await server.finished;
      },
    };
  } catch (error) {
    throw explain(error, settings);
  }
}

async function answer(request: Request, settings: HttpSettings, routes: Routes): Promise<Response> {
  const response = await respond(request, settings, routes).catch(failed);
  response.headers.set("x-content-type-options", "nosniff");
  if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
  return response;
}

async function respond(request: Request, settings: HttpSettings, routes: Routes): Promise<Response> {
  // Its host is what the client has sent.
  const url = URL.parse(request.url);
  if (url === null) return refuse(400, "The header Host is not a valid host");
  const refusal = refusalOf(request, settings);
  if (refusal) return refusal;
  const name = `${request.method === "HEAD" ? "GET" : request.method} ${url.pathname}`;
  const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
  return await route?.(request, url) ?? refuse(404, `Nothing is at ${url.pathname}`);
}

const STATUS: Readonly<Record<string, number>> = {
  invalid: 400,
  denied: 403,
  too_large: 413,
  timeout: 504,
  queue_full: 503,
  unavailable: 503,
  closed: 503,
};

function failed(error: unknown): Response {
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return refuse(504, "It took too long");
  }
  const status = error instanceof UsageError
    ? 400
    : error instanceof CodedError
    ? STATUS[error.code] ?? 500
    : 500;
  return refuse(status, messageOf(error));
}

function urlOf({ hostname, port }: HttpAddress): string {
  const host = /^(0\.0\.0\.0|::)$/.test(hostname)
    ? "localhost"
    : hostname.includes(":")
    ? `[${hostname}]`
    : hostname;
  return `http://${host}:${port}`;
}

function explain(error: unknown, { hostname, port }: HttpAddress): unknown {
  if (error instanceof Deno.errors.NotCapable) return error;
  const why = error instanceof Deno.errors.AddrInUse
    ? "another program listens there; choose another port"
    : error instanceof Deno.errors.PermissionDenied
    ? "the system denies it; choose a port from 1024 on"
    : messageOf(error);
  return new UsageError(`Cannot serve HTTP on ${hostname}:${port}: ${why}`);
}
