/**
 * SASL: how to log in to brokers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { BusError } from "../../errors.ts";
import { clientCredentials } from "./oauth.ts";

/** A name and a password. */
export interface PasswordLogin {
  /** One of the mechanisms that the broker offers. */
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  /** Name of the user. */
  readonly username: string;
  /** Password of the user. */
  readonly password: string;
}

/** A bearer token of an OpenID provider (KIP-768: client credentials), or one that the program gets. */
export interface OauthLogin {
  /** OAuth 2 bearer tokens (RFC 7628). */
  readonly mechanism: "oauthbearer";
  /** Where tokens are issued. */
  readonly tokenUrl?: string;
  /** Name of the client. */
  readonly clientId?: string;
  /** Its secret. */
  readonly clientSecret?: string;
  /** The scope to ask for. */
  readonly scope?: string;
  /** Gets a token, in place of the four above; called for each connection, and before a login ends. */
  readonly token?: () => Promise<string>;
}

/** AWS MSK: the credentials are those that the AWS SDK finds. */
export interface AwsLogin {
  /** IAM access control of AWS MSK. */
  readonly mechanism: "aws-msk-iam";
  /** Region of the cluster. @default {the variable AWS_REGION} */
  readonly region?: string;
}

/** How to log in to a broker. */
export type SaslOptions = PasswordLogin | OauthLogin | AwsLogin;

/** What the authenticator of kafkajs asks of a mechanism. */
export interface Authentication {
  readonly saslAuthenticate: (
    exchange: {
      readonly request: { encode(): Promise<Buffer> };
      readonly response?: { decode(bytes: Buffer): Promise<Buffer>; parse(bytes: Buffer): Promise<void> };
    },
  ) => Promise<void>;
}

/** Login data as the authenticator of kafkajs takes them. */
export type KafkajsSasl =
  | PasswordLogin
  | {
    readonly mechanism: "oauthbearer";
    readonly authenticationProvider: (
      connection: Authentication,
    ) => { readonly authenticate: () => Promise<void> };
  };

function userOf(sasl: SaslOptions): string {
  if (sasl.mechanism === "aws-msk-iam") return "as AWS's IAM identity";
  return "username" in sasl
    ? `as "${sasl.username}"`
    : `with a token${sasl.clientId ? ` of "${sasl.clientId}"` : ""}`;
}

/** The logins of one transport. */
export interface Login {
  /** Who logs in, for messages: `as "me"`. */
  readonly user: string;
  readonly sasl: KafkajsSasl;
}

/**
 * Prepares logins; tokens are shared by the connections of a transport.
 *
 * @throws {BusError} `invalid` if something is missing.
 */
export function prepareLogin(sasl: SaslOptions): Login {
  return { user: userOf(sasl), sasl: "username" in sasl ? { ...sasl } : bearerLogin(sasl) };
}

function bearerLogin(sasl: OauthLogin | AwsLogin): KafkajsSasl {
  const token = sasl.mechanism === "oauthbearer" ? tokensOf(sasl) : awsTokens(sasl);
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const bearer = await token();
        const message = Buffer.from(`n,,\x01auth=Bearer ${bearer}\x01\x01`);
        await saslAuthenticate({
          request: { encode: () => Promise.resolve(sized(message)) },
          response: REFUSAL,
        });
      },
    }),
  };
}

function sized(bytes: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  return Buffer.concat([size, bytes]);
}

/** A broker that rejects a token answers with an error in JSON and the code of success (RFC 7628, 3.2.2). */
const REFUSAL = {
  decode: (bytes: Buffer) => Promise.resolve(bytes.subarray(4)),
  parse: (bytes: Buffer): Promise<void> =>
    bytes.length === 0
      ? Promise.resolve()
      : Promise.reject(new Error(`the token was rejected: ${bytes.toString().slice(0, 200)}`)),
};

function tokensOf({ token, tokenUrl, clientId, clientSecret, scope }: OauthLogin): () => Promise<string> {
  if (token) return token;
  if (tokenUrl === undefined || clientId === undefined || clientSecret === undefined) {
    throw new BusError("invalid", "sasl oauthbearer needs tokenUrl, clientId and clientSecret, or token");
  }
  return clientCredentials({ tokenUrl, clientId, clientSecret, ...(scope !== undefined && { scope }) });
}

/** Not a literal in `import`, or all of the AWS SDK would be part of every installation. */
const SIGNER = "npm:aws-msk-iam-sasl-signer-js@1.0.3";

function awsTokens({ region = Deno.env.get("AWS_REGION") }: AwsLogin): () => Promise<string> {
  if (region === undefined) {
    throw new BusError("invalid", "sasl aws-msk-iam needs a region, or the variable AWS_REGION");
  }
  return async () => {
    const { generateAuthToken } = await import(SIGNER);
    return (await generateAuthToken({ region })).token;
  };
}
