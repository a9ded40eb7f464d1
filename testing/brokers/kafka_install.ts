/**
 * Brings Apache Kafka's jars onto this machine, once, through Maven.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { ifFound } from "../../lib/if_found.ts";
import { ServerError } from "./server_error.ts";

/** The releases that the tests run against: the first one, unless `KAFKA_VERSION` names another. */
export const KAFKA_VERSIONS = ["4.1.0", "3.9.1"] as const;

const DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/** The release that is started. */
function kafkaVersion(): string {
  return Deno.env.get("KAFKA_VERSION") || KAFKA_VERSIONS[0];
}

const pom = (version: string) =>
  `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>imagebus</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

/**
 * @returns The directory of Kafka's jars and data: `imagebus/kafka-<version>` in the user's cache.
 * @throws {ServerError} `unavailable` if neither `XDG_CACHE_HOME` nor `HOME` is set.
 */
export function kafkaHome(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home && `${home}/.cache`);
  if (!cache) {
    throw new ServerError("unavailable", "Cannot install Kafka: neither XDG_CACHE_HOME nor HOME is set");
  }
  return `${cache}/imagebus/kafka-${kafkaVersion()}`;
}

/**
 * Downloads Kafka (43 MB) unless it is installed already.
 *
 * @returns The directory of the jars.
 * @throws {ServerError} `unavailable` without Java or Maven, or if the download fails.
 */
export async function installKafka(): Promise<string> {
  const home = kafkaHome();
  const jars = `${home}/jars`;
  await expectProgram("java", "-version", "Java 17 or newer");
  if (existsSync(jars)) return jars;
  await expectProgram("mvn", "--version", "Apache Maven");
  await Deno.mkdir(home, { recursive: true });
  const download = await Deno.makeTempDir({ dir: home, prefix: "download-" });
  try {
    await copyDependencies(download);
    await publish(`${download}/jars`, jars);
  } finally {
    await Deno.remove(download, { recursive: true });
  }
  return jars;
}

/** Only a complete directory gets the final name; of two concurrent downloads, the first one wins. */
async function publish(complete: string, jars: string): Promise<void> {
  try {
    await Deno.rename(complete, jars);
  } catch (error) {
    if (!existsSync(jars)) throw error;
  }
}

async function copyDependencies(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/pom.xml`, pom(kafkaVersion()));
  const maven = new Deno.Command("mvn", {
    args: ["-q", "-B", `${DEPENDENCY_PLUGIN}:copy-dependencies`, `-DoutputDirectory=${folder}/jars`],
    cwd: folder,
    stdin: "null",
  });
  const { success, stdout, stderr } = await maven.output();
  if (success) return;
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const reason = output.split("\n").find((line) => line.startsWith("[ERROR]")) ?? output.trim();
  throw new ServerError(
    "unavailable",
    `Maven could not download Kafka ${kafkaVersion()}: ${reason.slice(0, 500)}`,
  );
}

async function expectProgram(program: string, versionFlag: string, what: string): Promise<void> {
  const command = new Deno.Command(program, { args: [versionFlag], stdout: "null", stderr: "null" });
  if ((await ifFound(command.output()))?.success) return;
  throw new ServerError(
    "unavailable",
    `Cannot run Kafka: ${what} is required, but "${program}" does not run`,
  );
}
