import postgres from "npm:postgres@3.4.9";
import { type Address, malformed } from "./address.ts";
import type { Target } from "./errors.ts";

/**
 * Connects at the first statement.
 *
 * @param address Where to.
 * @throws {SinkError} `invalid`; the message has no part of the URL.
 */
export function connectTo({ url, options }: Address): postgres.Sql {
  try {
    return postgres(url, {
      ...options,
      // Lists are missing in the types of the client.
      host: options.host as string,
      port: options.port as number,
      max: 1,
      // Prepared statements, and the client's query for types, do not work through connection poolers.
      prepare: false,
      fetch_types: false,
      max_lifetime: null,
      connect_timeout: 10,
      onnotice: () => {},
      connection: { application_name: "imagebus" },
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw malformed(); // The original error holds the URL, with the password.
  }
}

/**
 * Where a client connects to, for messages.
 *
 * @param client Of {@linkcode connectTo}.
 */
export function targetOf({ options: { host, port, database, user } }: postgres.Sql): Target {
  const titleOf = (name: string, port: number | undefined) =>
    name.startsWith("/") ? name : name.includes(":") ? `[${name}]:${port}` : `${name}:${port}`;
  const server = host.map((name, i) => titleOf(name, port[i])).join(",");
  return { server, database, user };
}
