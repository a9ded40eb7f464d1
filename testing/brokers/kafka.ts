import { openKafkaTransport } from "../../bus/transport/kafka/open.ts";
import type { KafkaTransportOptions } from "../../bus/transport/kafka/open.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { ifFound } from "../../lib/if_found.ts";

/** The brokers that the tests use, from the environment: `deno task test` starts one. */
export const BROKERS: readonly string[] = (Deno.env.get("KAFKA_BROKERS") ?? "").split(",").filter(Boolean);

/** Why a test that needs Kafka is skipped; `false` when it is not. */
export const NO_KAFKA: string | false = BROKERS.length > 0 ? false : "KAFKA_BROKERS is not set";

/** Why a test that starts its own broker is skipped; `false` when it is not. */
export const NO_OWN_KAFKA: string | false = NO_KAFKA || (await hasJava() ? false : "there is no Java");

/** Short timeouts for tests; the broker that `deno task test` starts allows them. */
export const QUICK = { sessionTimeoutMs: 2_000, heartbeatMs: 100, releaseMs: 500 };

/** Registers a test that needs Kafka. */
export function testKafka(
  name: string,
  fn: (test: Deno.TestContext) => Promise<void>,
  skip: string | false = NO_KAFKA,
): void {
  Deno.test({ name: `kafka: ${name}${skip ? ` (skipped: ${skip})` : ""}`, ignore: Boolean(skip), fn });
}

/** Opens a transport on {@linkcode BROKERS}, with short timeouts. */
export function openQuick(options: KafkaTransportOptions = {}): Promise<Transport> {
  return openKafkaTransport(BROKERS, { ...QUICK, ...options });
}

async function hasJava(): Promise<boolean> {
  return (await ifFound(new Deno.Command("java", { args: ["-version"] }).output()))?.success ?? false;
}
