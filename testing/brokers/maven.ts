/**
 * Brings libraries of Java onto this machine, once, through Maven.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { ifFound } from "../../lib/if_found.ts";
import { ServerError } from "./server_error.ts";

const DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";

/** The user's cache, where what is installed stays: a directory. */
export function userCache(): string {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home && `${home}/.cache`);
  if (cache) return `${cache}/imagebus`;
  throw new ServerError("unavailable", "Cannot install Kafka: neither XDG_CACHE_HOME nor HOME is set");
}

/**
 * Downloads jars with all that they depend on, unless they are there already.
 *
 * @param home Directory for them, created if it does not exist.
 * @param artifacts As `group:artifact:version`.
 * @returns The directory of the jars.
 * @throws {ServerError} `unavailable` without Java or Maven, or if the download fails.
 */
export async function installJars(home: string, artifacts: readonly string[]): Promise<string> {
  const jars = `${home}/jars`;
  await expectProgram("java", "-version", "Java 17 or newer");
  if (existsSync(jars)) return jars;
  await expectProgram("mvn", "--version", "Apache Maven");
  await Deno.mkdir(home, { recursive: true });
  const download = await Deno.makeTempDir({ dir: home, prefix: "download-" });
  try {
    await copyDependencies(download, artifacts);
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

async function copyDependencies(folder: string, artifacts: readonly string[]): Promise<void> {
  await Deno.writeTextFile(`${folder}/pom.xml`, pom(artifacts));
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
    `Maven could not download ${artifacts.join(", ")}: ${reason.slice(0, 500)}`,
  );
}

function pom(artifacts: readonly string[]): string {
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>imagebus</groupId>
  <artifactId>libraries</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>${dependencies.join("")}</dependencies>
</project>
`;
}

async function expectProgram(program: string, versionFlag: string, what: string): Promise<void> {
  const command = new Deno.Command(program, { args: [versionFlag], stdout: "null", stderr: "null" });
  if ((await ifFound(command.output()))?.success) return;
  throw new ServerError(
    "unavailable",
    `Cannot run Kafka: ${what} is required, but "${program}" does not run`,
  );
}
