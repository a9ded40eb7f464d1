/** Files of a test certificate authority, made by openssl. */
export interface Certificates {
  /** Certificate of the authority. */
  readonly ca: string;
  /** Certificate of another authority, which signed nothing. */
  readonly otherCa: string;
  /** Key and certificate of `localhost` and 127.0.0.1, in one file. */
  readonly broker: string;
  /** The same, expired. */
  readonly expired: string;
  /** The same, for another host. */
  readonly otherHost: string;
  readonly client: { readonly cert: string; readonly key: string; readonly encryptedKey: string };
  /** Passphrase of the encrypted key. */
  readonly passphrase: string;
}

const PASSPHRASE = "correct horse";
const LOCAL = "DNS:localhost,IP:127.0.0.1";

/**
 * Makes certificates.
 *
 * @param dir An empty directory.
 * @returns Their paths.
 */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const openssl = async (...args: readonly string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args: [...args], cwd: dir }).output();
    if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  };
  const authority = (name: string) =>
    openssl(
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${name}`],
      ...["-addext", "basicConstraints=critical,CA:TRUE", "-keyout", `${name}.key`, "-out", `${name}.pem`],
    );
  const signed = async (name: string, hosts: string, days = 2) => {
    await openssl(
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, "-keyout", `${name}.key`],
      ...["-out", `${name}.csr`],
    );
    await Deno.writeTextFile(`${dir}/${name}.ext`, `subjectAltName=${hosts}\n`);
    await openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-days", String(days), "-extfile", `${name}.ext`, "-out", `${name}.crt`],
    );
    const files = [`${name}.key`, `${name}.crt`].map((file) => Deno.readTextFile(`${dir}/${file}`));
    await Deno.writeTextFile(`${dir}/${name}.pem`, (await Promise.all(files)).join(""));
    return `${dir}/${name}.pem`;
  };
  await Promise.all([authority("ca"), authority("other-ca")]);
  const broker = await signed("broker", LOCAL);
  const expired = await signed("expired", LOCAL, -1);
  const otherHost = await signed("other-host", "DNS:elsewhere.example");
  await signed("client", "DNS:client");
  await openssl(
    ...["pkcs8", "-topk8", "-in", "client.key", "-out", "client.encrypted.key", "-v2", "aes256"],
    ...["-passout", `pass:${PASSPHRASE}`],
  );
  return {
    ca: `${dir}/ca.pem`,
    otherCa: `${dir}/other-ca.pem`,
    broker,
    expired,
    otherHost,
    client: {
      cert: `${dir}/client.crt`,
      key: `${dir}/client.key`,
      encryptedKey: `${dir}/client.encrypted.key`,
    },
    passphrase: PASSPHRASE,
  };
}
