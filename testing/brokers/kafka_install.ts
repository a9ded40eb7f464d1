/**
 * Brings Apache Kafka's jars onto this machine, once.
 *
 * @module
 */
import { installJars, userCache } from "./maven.ts";

/** The releases that the tests run against: the first one, unless `KAFKA_VERSION` names another. */
export const KAFKA_VERSIONS = ["4.1.0", "3.9.1"] as const;

function kafkaVersion(): string {
  return Deno.env.get("KAFKA_VERSION") || KAFKA_VERSIONS[0];
}

/**
 * @returns The directory of Kafka's jars and data: `imagebus/kafka-<version>` in the user's cache.
 * @throws {ServerError} `unavailable` if neither `XDG_CACHE_HOME` nor `HOME` is set.
 */
export function kafkaHome(): string {
  return `${userCache()}/kafka-${kafkaVersion()}`;
}

/**
 * Downloads Kafka (43 MB) unless it is installed already.
 *
 * @returns The directory of the jars.
 * @throws {ServerError} `unavailable` without Java or Maven, or if the download fails.
 */
export async function installKafka(): Promise<string> {
  const kafka = `org.apache.kafka:kafka_2.13:${kafkaVersion()}`;
  return await installJars(kafkaHome(), [kafka, "org.slf4j:slf4j-simple:1.7.36"]);
}
