const LOGIN = "org.apache.kafka.common.security";

/** A login with a password. */
export interface PasswordUser {
  readonly username: string;
  /** Without commas and brackets. */
  readonly password: string;
}

/** The files of a broker's certificate, and the users that it knows. */
export interface SaslListenerOptions {
  /** Path of its key and certificate, as PEM. */
  readonly certificate: string;
  /** Path of the certificate of the authority. */
  readonly ca: string;
  /** Who may log in by PLAIN; the first one is also the login of the broker at other brokers, by SCRAM. */
  readonly users: readonly [PasswordUser, ...PasswordUser[]];
}

/**
 * Settings for a listener of a broker that is named `SASL_SSL`: TLS and a login by SCRAM-SHA-256, SCRAM-SHA-512, PLAIN, or
 * OAUTHBEARER with unsigned tokens.
 */
export function saslListener({ certificate, ca, users }: SaslListenerOptions): Record<string, string> {
  const listener = "listener.name.sasl_ssl";
  const [{ username, password }] = users;
  const own = `username="${username}" password="${quoted(password)}"`;
  const plain = users.map(({ username, password }) => `user_${username}="${quoted(password)}"`);
  const token = 'unsecuredLoginStringClaim_sub="broker"';
  return {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": certificate,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": ca,
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
    [`${listener}.plain.sasl.jaas.config`]: jaas("plain.PlainLoginModule", plain.join(" ")),
    [`${listener}.scram-sha-256.sasl.jaas.config`]: jaas("scram.ScramLoginModule", own),
    [`${listener}.scram-sha-512.sasl.jaas.config`]: jaas("scram.ScramLoginModule", own),
    [`${listener}.oauthbearer.sasl.jaas.config`]: jaas("oauthbearer.OAuthBearerLoginModule", token),
  };
}

function jaas(module: string, fields: string): string {
  return `${LOGIN}.${module} required ${fields};`;
}

/** In quotes, within a file of Java properties. */
function quoted(text: string): string {
  return text.replaceAll('"', '\\\\"');
}
