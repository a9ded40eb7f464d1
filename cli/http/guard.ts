import { createHash, timingSafeEqual } from "node:crypto";
import { type HttpSettings, isLoopback } from "./options.ts";

/** What anyone may read: probes and Prometheus send no token. */
const PUBLIC: ReadonlySet<string> = new Set(["/livez", "/readyz", "/metrics"]);

/** A header that only a page of this server can send: a form of another site cannot set it. */
export const ACTION_HEADER = "x-imagebus";

/** Without the charset, browsers read what is not ASCII as Windows-1252. */
export const TEXT_TYPE = "text/plain; charset=utf-8";

/**
 * Why a request is refused, by what it is rather than what it asks for.
 *
 * - **421**: on loopback, a `Host` that is not this machine. A page of another site that has its name resolved to
 *   127.0.0.1 (DNS rebinding) sends its own name. Beyond loopback it lacks the token.
 * - **401**: no token, or another one. Browsers ask for it as a password, with any user name.
 * - **403**: a change that a page of another site has sent, or any change without `--http-actions`.
 *
 * @returns `null` when it is not refused.
 */
export function refusalOf(request: Request, settings: HttpSettings): Response | null {
  const { headers, method } = request;
  const { pathname } = new URL(request.url);
  if (isLoopback(settings.hostname) && !isOwnName(headers.get("host") ?? "")) {
    return refuse(421, "This server is for this machine only: expected the host localhost or 127.0.0.1");
  }
  if (!PUBLIC.has(pathname) && !hasToken(headers, settings.token)) {
    return refuse(401, "A token is needed: Authorization: Bearer TOKEN", {
      "www-authenticate": 'Basic realm="imagebus, any user name, the token as password", Bearer',
    });
  }
  if (method === "GET" || method === "HEAD") return null;
  if (method !== "POST") {
    return refuse(405, `${method} is not allowed: expected GET or POST`, { allow: "GET, HEAD, POST" });
  }
  if (!settings.actions) return refuse(403, "This server is read-only: start it with --http-actions");
  return isCrossSite(headers) ? refuse(403, "The request comes from another site") : null;
}

/** A response in plain text. */
export function refuse(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": TEXT_TYPE, ...headers } });
}

function isOwnName(host: string): boolean {
  return isLoopback(host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase());
}

function hasToken(headers: Headers, token: string | undefined): boolean {
  if (token === undefined) return true;
  const [, scheme = "", given = ""] = /^(Bearer|Basic) +(\S+)$/i.exec(headers.get("authorization") ?? "") ??
    [];
  return equals(scheme.toLowerCase() === "basic" ? passwordOf(given) : given, token);
}

function passwordOf(credentials: string): string {
  try {
    return atob(credentials).replace(/^[^:]*:/, "");
  } catch {
    return "";
  }
}

/** Takes the same time wherever they differ. */
function equals(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash("sha256").update(text).digest());
  return timingSafeEqual(one!, other!);
}

function isCrossSite(headers: Headers): boolean {
  const site = headers.get("sec-fetch-site") ?? "same-origin";
  const origin = headers.get("origin");
  return headers.get(ACTION_HEADER) === null || (site !== "same-origin" && site !== "none") ||
    (origin !== null && hostOf(origin) !== headers.get("host"));
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
