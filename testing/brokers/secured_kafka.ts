import { type Certificates, makeCertificates } from "./certificates.ts";
import { type KafkaBroker, startKafka } from "./kafka_broker.ts";
import { saslListener } from "./sasl_listener.ts";
import { freePort } from "./server_process.ts";

/** A login with a password that the broker knows. */
export const USER = { username: "me", password: 'correct; "quoted"' };

/** Another one, by PLAIN only. */
export const OTHER_USER = { username: "you", password: USER.password };

/** How the broker is secured. */
export interface SecuredKafkaOptions {
  /** The broker's certificate. @default {"broker"} */
  readonly certificate?: "broker" | "expired" | "otherHost";
  /** Logins end after so many milliseconds. @default {they last} */
  readonly reauthMs?: number;
  /** Further settings of the broker. */
  readonly config?: Readonly<Record<string, string | number>>;
}

/** A broker with listeners for each kind of security, all on localhost. */
export class SecuredKafka implements AsyncDisposable {
  private constructor(
    readonly broker: KafkaBroker,
    readonly directory: string,
    readonly certificates: Certificates,
    /** TLS and SASL: SCRAM-SHA-256 and -512, PLAIN, OAUTHBEARER with unsigned tokens. */
    readonly saslSsl: string,
    /** TLS that asks for the client's certificate. */
    readonly mutualTls: string,
  ) {}

  /** Starts it. */
  static async start(
    { certificate = "broker", reauthMs, config = {} }: SecuredKafkaOptions = {},
  ): Promise<SecuredKafka> {
    const directory = await Deno.makeTempDir({ prefix: "imagebus-secured-" });
    const certificates = await makeCertificates(directory);
    const [port, controller, saslSsl, mutualTls] = [freePort(), freePort(), freePort(), freePort()];
    const ports =
      `PLAINTEXT://127.0.0.1:${port},SASL_SSL://localhost:${saslSsl},MTLS://localhost:${mutualTls}`;
    const broker = await startKafka({
      port,
      scramUsers: [USER],
      config: {
        "controller.quorum.voters": `1@127.0.0.1:${controller}`,
        "listeners": `${ports},CONTROLLER://127.0.0.1:${controller}`,
        "advertised.listeners": ports,
        "listener.security.protocol.map":
          "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MTLS:SSL",
        ...saslListener({
          certificate: certificates[certificate],
          ca: certificates.ca,
          users: [USER, OTHER_USER],
        }),
        "listener.name.mtls.ssl.client.auth": "required",
        ...(reauthMs !== undefined && { "connections.max.reauth.ms": reauthMs }),
        ...config,
      },
    });
    return new SecuredKafka(
      broker,
      directory,
      certificates,
      `localhost:${saslSsl}`,
      `localhost:${mutualTls}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.stop();
    await Deno.remove(this.directory, { recursive: true }).catch(() => {});
  }
}
