import { CodedError } from "../../lib/coded_error.ts";

/** `unavailable`: a program is not installed; `not_started`: the server does not run; `port_in_use`: by another one. */
export type ServerErrorCode = "unavailable" | "not_started" | "port_in_use";

/** A server that cannot be started on this machine. */
export class ServerError extends CodedError<ServerErrorCode> {
  override readonly name = "ServerError";

  constructor(code: ServerErrorCode, message: string, options?: ErrorOptions) {
    super(code, new Set(), message, options);
  }
}
