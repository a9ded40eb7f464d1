/**
 * Configuration files of Kafka clients: the properties of Java's client and of librdkafka, as platform teams hand them
 * out.
 *
 * @module
 */
import { explainFileError } from "../../../lib/file_errors.ts";
import { didYouMean } from "../../../lib/suggestion.ts";
import { BusError } from "../errors.ts";
import type { KafkaTransportOptions } from "./options.ts";

/** Content of a file. */
export interface KafkaConfig {
  /** `bootstrap.servers`. */
  readonly brokers: readonly string[];
  readonly options: KafkaTransportOptions;
}

/** Where a property goes: the path of an option, and how its value is read. */
type Rule = readonly [option: string, read?: (value: string, name: string) => unknown | Promise<unknown>];

const file = async (path: string, name: string) => {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new BusError("invalid", `${name}: ${explainFileError("read", path, error).message}`, {
      cause: error,
    });
  }
};
const files = async (path: string, name: string) => [await file(path, name)];
const lower = (value: string) => value.toLowerCase();
const whole = (value: string, name: string) => {
  if (/^\d{1,10}$/.test(value)) return Number(value);
  throw new BusError("invalid", `${name} is ${JSON.stringify(value)}: expected milliseconds`);
};

const yesOrNo = (value: string, name: string) => {
  if (/^(true|false)$/i.test(value)) return lower(value) === "true";
  throw new BusError("invalid", `${name} is ${JSON.stringify(value)}: expected true or false`);
};

const RULES: Readonly<Record<string, Rule>> = {
  "client.id": ["clientId"],
  "session.timeout.ms": ["sessionTimeoutMs", whole],
  "client.rack": ["rack"],
  "group.instance.id": ["groupInstanceId"],
  "heartbeat.interval.ms": ["heartbeatMs", whole],
  "socket.connection.setup.timeout.ms": ["connectTimeoutMs", whole],
  "compression.type": ["compression", lower],
  "compression.codec": ["compression", lower],
  "enable.idempotence": ["idempotence", yesOrNo],
  "delivery.timeout.ms": ["sendTimeoutMs", whole],
  "message.timeout.ms": ["sendTimeoutMs", whole],
  "ssl.ca.location": ["tls.caCerts", files],
  "ssl.ca.pem": ["tls.caCerts", (value) => [value]],
  "ssl.certificate.location": ["tls.cert", file],
  "ssl.certificate.pem": ["tls.cert"],
  "ssl.key.location": ["tls.key", file],
  "ssl.key.pem": ["tls.key"],
  "ssl.key.password": ["tls.passphrase"],
  "ssl.endpoint.identification.algorithm": ["tls.verifyHostname", (value) => lower(value) === "https"],
  "sasl.mechanism": ["sasl.mechanism", lower],
  "sasl.mechanisms": ["sasl.mechanism", lower],
  "sasl.username": ["sasl.username"],
  "sasl.password": ["sasl.password"],
  "sasl.oauthbearer.token.endpoint.url": ["sasl.tokenUrl"],
  "sasl.oauthbearer.client.id": ["sasl.clientId"],
  "sasl.oauthbearer.client.secret": ["sasl.clientSecret"],
  "sasl.oauthbearer.scope": ["sasl.scope"],
};

/** Properties that have no effect here, whatever their value. */
const IGNORED: ReadonlySet<string> = new Set([
  "group.id",
  "auto.offset.reset",
  "enable.auto.commit",
  "acks",
  "key.serializer",
  "value.serializer",
  "key.deserializer",
  "value.deserializer",
  "sasl.oauthbearer.method",
  "sasl.login.callback.handler.class",
  "client.dns.lookup",
]);

/** Properties that are known and cannot be followed, with what to do instead. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  "ssl.truststore.location": "convert it to PEM, and name it as ssl.ca.location",
  "ssl.truststore.password": "PEM certificates need no password; see ssl.ca.location",
  "ssl.keystore.location": "convert it to PEM, and name it as ssl.certificate.location and ssl.key.location",
  "ssl.keystore.password": "see ssl.key.password",
  "enable.ssl.certificate.verification": "trust the authority by ssl.ca.location",
  "sasl.kerberos.service.name": "Kerberos is not supported: use SCRAM, OAUTHBEARER or TLS certificates",
  "sasl.kerberos.keytab": "Kerberos is not supported: use SCRAM, OAUTHBEARER or TLS certificates",
};

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
const SPECIAL = ["bootstrap.servers", "metadata.broker.list", "security.protocol", "sasl.jaas.config"];

/**
 * Reads the text of a configuration file, and the files that it names.
 *
 * @param text Lines `name=value`; `#` begins a comment; a backslash at the end continues a line.
 * @throws {BusError} `invalid`: an unknown property, or one that cannot be followed, with what to do instead.
 */
export async function readKafkaConfig(text: string): Promise<KafkaConfig> {
  const properties = parseProperties(text);
  const values: [string, unknown][] = [];
  for (const [name, value] of properties) {
    if (IGNORED.has(name) || SPECIAL.includes(name)) continue;
    const [option, read = (value: string) => value] = ruleOf(name);
    values.push([option, await read(value, name)]);
  }
  values.push(
    ...loginOf(properties.get("sasl.jaas.config")),
    ...protocolOf(properties.get("security.protocol")),
  );
  const brokers = properties.get("bootstrap.servers") ?? properties.get("metadata.broker.list") ?? "";
  return { brokers: brokers.split(",").map((one) => one.trim()).filter(Boolean), options: nested(values) };
}

function ruleOf(name: string): Rule {
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
  if (rule) return rule;
  const remedy = Object.hasOwn(UNSUPPORTED, name) ? UNSUPPORTED[name] : undefined;
  if (remedy) throw new BusError("invalid", `The property ${name} cannot be followed: ${remedy}`);
  const known = [...Object.keys(RULES), ...SPECIAL, ...IGNORED];
  throw new BusError("invalid", `Unknown property ${name}${didYouMean(name, known)}`);
}

/** `a.b` and `a.c` become one object; where TLS is only switched on, an object with its files wins. */
function nested(values: readonly (readonly [string, unknown])[]): KafkaTransportOptions {
  const options: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const [name, field] = path.split(".") as [string, string?];
    if (field !== undefined) options[name] = { ...options[name] as object, [field]: value };
    else options[name] ??= value;
  }
  return options;
}

function protocolOf(protocol: string | undefined): [string, unknown][] {
  if (protocol === undefined) return [];
  if (!PROTOCOLS.includes(protocol.toUpperCase())) {
    const shown = JSON.stringify(protocol);
    throw new BusError("invalid", `security.protocol is ${shown}: expected ${PROTOCOLS.join(", ")}`);
  }
  return /ssl$/i.test(protocol) ? [["tls", true]] : [];
}

/** The options of a login module of Java: `… required username="me" password="…";`. */
function loginOf(jaas: string | undefined): [string, unknown][] {
  const fields =
    jaas?.matchAll(/\b(username|password|clientId|clientSecret|scope)\s*=\s*"((?:[^"\\]|\\.)*)"/g) ?? [];
  return [...fields].map(([, name, value]) => [`sasl.${name}`, value!.replace(/\\(.)/g, "$1")]);
}

function parseProperties(text: string): Map<string, string> {
  const lines = text.replace(/\\\r?\n[ \t]*/g, "").split(/\r?\n/);
  const properties = new Map<string, string>();
  for (const line of lines.map((line) => line.trim())) {
    if (line === "" || /^[#!]/.test(line)) continue;
    const [, name, value] = /^([^\s=:]+)\s*[=:]?\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) properties.set(name, value!.replaceAll("\\n", "\n"));
  }
  return properties;
}
