/**
 * The byte stream to a broker, with or without TLS.
 *
 * TLS is that of `node:tls`: unlike `Deno.connectTls` it decrypts private keys, switches Nagle's algorithm off, and
 * names the fault of a certificate.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import tls from "node:tls";
import type { Buffer } from "node:buffer";
import { BusError } from "../../errors.ts";

/** Address of a broker. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Between probes that keep the entry of a firewall or balancer alive, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;

/** How to verify a broker and, with `cert` and `key`, how to authenticate to it. All in PEM. */
export interface TlsOptions {
  /** Certificate authorities that are trusted, instead of Deno's own list. */
  readonly caCerts?: readonly string[];
  /** The client's certificate chain. */
  readonly cert?: string;
  /** The client's private key. */
  readonly key?: string;
  /** The passphrase of the private key. */
  readonly passphrase?: string;
  /**
   * Whether the certificate must be for the host that is connected to. Without that, anyone with a certificate of the same
   * authority can pose as the broker.
   *
   * @default {true}
   */
  readonly verifyHostname?: boolean;
}

/** A stream of bytes in both directions. */
export interface Socket {
  /**
   * @param into Where to put what comes.
   * @returns How many bytes were put there; `null` when the other side has closed.
   */
  read(into: Uint8Array): Promise<number | null>;
  /** @returns How many of the bytes were written: at least one. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions at once. */
  close(): void;
}

/**
 * Connects.
 *
 * @param address Of the broker.
 * @param options `null` for no TLS.
 * @param over Ends the attempt.
 * @throws Errors of the network; of TLS with a `code` of Node.js.
 */
export async function openSocket(
  { host, port }: Address,
  options: TlsOptions | null,
  over: AbortSignal,
): Promise<Socket> {
  if (options !== null) return await openTls({ host, port }, options, over);
  const conn = await Deno.connect({ hostname: host, port });
  conn.setNoDelay(true);
  conn.setKeepAlive(true);
  return conn;
}

function openTls({ host, port }: Address, options: TlsOptions, over: AbortSignal): Promise<Socket> {
  const { caCerts = [], cert, key, passphrase, verifyHostname = true } = options;
  const socket = tls.connect({
    host,
    port,
    // SNI takes names, not IP addresses.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(caCerts.length > 0 && { ca: [...caCerts] }),
    ...(cert !== undefined && { cert, key, passphrase }),
    ...(!verifyHostname && { checkServerIdentity: () => undefined }),
  });
  return new Promise((resolve, reject) => {
    // Not removed: what fails later is reported by reading and writing.
    socket.on("error", reject);
    const end = () => socket.destroy(over.reason);
    over.addEventListener("abort", end, { once: true });
    socket.once("secureConnect", () => {
      over.removeEventListener("abort", end);
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      resolve(new TlsSocket(socket));
    });
  });
}

class TlsSocket implements Socket {
  readonly #socket: tls.TLSSocket;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Uint8Array = new Uint8Array();

  constructor(socket: tls.TLSSocket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return null;
      this.#rest = value;
    }
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Checks certificates and key before the first connection: TLS itself ignores what it cannot read.
 *
 * @throws {BusError} `invalid`.
 */
export function checkTls({ caCerts = [], cert, key, passphrase }: TlsOptions): void {
  for (const pem of caCerts) checkCertificate("tls.caCerts", pem);
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    throw new BusError("invalid", `tls.${given} needs tls.${missing} beside it`);
  }
  if (cert === undefined || key === undefined) return;
  const certificate = checkCertificate("tls.cert", cert);
  if (!certificate.checkPrivateKey(openKey(key, passphrase))) {
    throw new BusError("invalid", "tls.key is not the key of the certificate in tls.cert");
  }
}

function checkCertificate(name: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    const expected = "expected certificates in PEM: -----BEGIN CERTIFICATE-----";
    throw new BusError("invalid", `${name} is not a certificate: ${expected}`, { cause });
  }
}

function openKey(key: string, passphrase: string | undefined) {
  try {
    return createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    const problem = !/ENCRYPTED/.test(key)
      ? "is not a private key in PEM: expected -----BEGIN PRIVATE KEY-----"
      : passphrase === undefined
      ? "is encrypted: give its passphrase as tls.passphrase"
      : "cannot be decrypted: is tls.passphrase right?";
    throw new BusError("invalid", `tls.key ${problem}`, { cause });
  }
}

const UNKNOWN_AUTHORITY = "its certificate is of an unknown authority; give the authority's certificate as" +
  " tls.caCerts (--kafka-tls-ca-certs FILE)";

/** What to do about the faults of TLS, by the error codes of Node.js. */
const TLS_FAULTS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "its certificate is self-signed; trust it by tls.caCerts (--kafka-tls-ca-certs FILE)",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on this port",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    "it wants a certificate of the client: tls.cert and tls.key (--kafka-tls-cert FILE and --kafka-tls-key FILE)",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "it does not accept the certificate of the client",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "it does not trust the certificate of the client",
};

/**
 * What a fault of TLS means, for someone who can repair the configuration.
 *
 * @param error From a socket.
 * @returns `undefined` for other faults.
 */
export function explainTls(error: unknown): string | undefined {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const names = /altnames: (.*)$/.exec(message)?.[1] ?? "another host";
    return `its certificate is for ${names}; tls.verifyHostname: false accepts it`;
  }
  return Object.hasOwn(TLS_FAULTS, code) ? TLS_FAULTS[code] : undefined;
}
