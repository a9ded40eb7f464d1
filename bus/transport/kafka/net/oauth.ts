import { messageOf } from "../../../../lib/coded_error.ts";
import { BusError } from "../../errors.ts";
import { ConnectionFault } from "../wire/faults.ts";

/** A client of an OpenID provider. */
export interface OauthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope?: string;
}

const TIMEOUT_MS = 10_000;
/** A token is used for this share of its life, as in Kafka's Java client. */
const USED_SHARE = 0.8;
const DEFAULT_LIFE_S = 300;

/**
 * Tokens by the grant of client credentials (RFC 6749, 4.4). Connections that are opened at the same time share one.
 *
 * @param client Who asks, and where.
 * @returns Gets a token: the last one until four fifths of its life are over.
 */
export function clientCredentials(client: OauthClient): () => Promise<string> {
  let last: Promise<{ readonly token: string; readonly until: number }> | undefined;
  return async () => {
    const asked = last;
    const known = await asked?.catch(() => undefined);
    // Another connection may have asked in the meantime.
    if (last === asked && (known === undefined || known.until <= Date.now())) last = fetchToken(client);
    return (await last!).token;
  };
}

async function fetchToken(client: OauthClient): Promise<{ token: string; until: number }> {
  const response = await request(client);
  const body = await response.json().catch(() => undefined);
  const where = `The token endpoint ${client.tokenUrl}`;
  if (isOverloaded(response)) throw new ConnectionFault(`${where} answered ${response.status}`);
  const token = body?.access_token;
  if (!response.ok || typeof token !== "string") {
    const reason = body?.error_description ?? body?.error ?? `status ${response.status}, no access_token`;
    throw new BusError(
      "denied",
      `${where} gave "${client.clientId}" no token: ${String(reason).slice(0, 200)}`,
    );
  }
  const seconds = Number(body.expires_in) > 0 ? Number(body.expires_in) : DEFAULT_LIFE_S;
  return { token, until: Date.now() + seconds * 1_000 * USED_SHARE };
}

/** Request Timeout, Too Many Requests, and faults of the server. */
function isOverloaded({ status }: Response): boolean {
  return status === 408 || status === 429 || status >= 500;
}

async function request({ tokenUrl, clientId, clientSecret, scope }: OauthClient): Promise<Response> {
  const credentials = [clientId, clientSecret].map(encodeURIComponent).join(":");
  try {
    return await fetch(tokenUrl, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(credentials)}`, accept: "application/json" },
      body: new URLSearchParams({ grant_type: "client_credentials", ...(scope !== undefined && { scope }) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) {
      const message = `Cannot ask ${tokenUrl} for a token: run with --allow-net=${new URL(tokenUrl).host}`;
      throw new BusError("denied", message, { cause });
    }
    throw new ConnectionFault(`Cannot ask ${tokenUrl} for a token: ${messageOf(cause)}`, { cause });
  }
}
