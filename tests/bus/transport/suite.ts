/**
 * The conformance suite of transports: one case per guarantee of `bus/transport/transport.ts`.
 *
 * ```ts ignore
 * testTransport({ name: "memory", create: () => new MemoryHarness() });
 * ```
 *
 * @module
 */
import { CLOSING_CASES } from "./suite/closing.ts";
import { DELIVERY_CASES } from "./suite/delivery.ts";
import { EXACTLY_ONCE_CASES } from "./suite/exactly_once.ts";
import { FLOW_CASES } from "./suite/flow.ts";
import { GROUP_CASES } from "./suite/groups.ts";
import { HAND_OVER_CASES } from "./suite/hand_over.ts";
import type { Case, Harness } from "./suite/harness.ts";
import { LIMIT_CASES } from "./suite/limits.ts";

export type { Consumer, ConsumerSpec, Harness } from "./suite/harness.ts";
export { startProcess } from "./suite/process_consumer.ts";

/** Cases that do not apply to a transport, and why. */
export interface Skip {
  readonly reason: string;
  readonly cases: readonly string[];
}

/** A transport under test. */
export interface TransportUnderTest {
  /** Prefix of the names of the tests. */
  readonly name: string;
  /** Why all cases are skipped, e.g. that there is no broker. @default {false} */
  readonly ignore?: string | false;
  /** Creates the harness of one case; the suite disposes of it. */
  readonly create: () => Promise<Harness>;
  /** @default {[]} */
  readonly skip?: readonly Skip[];
}

const CASES: readonly Case[] = [
  ...DELIVERY_CASES,
  ...GROUP_CASES,
  ...HAND_OVER_CASES,
  ...EXACTLY_ONCE_CASES,
  ...FLOW_CASES,
  ...LIMIT_CASES,
  ...CLOSING_CASES,
];

/**
 * Registers a test for each case.
 *
 * @param subject The transport.
 * @throws {Error} If a skipped case does not exist, or two cases have the same name.
 */
export function testTransport(subject: TransportUnderTest): void {
  const reasons = skipReasons(subject.skip ?? []);
  for (const { name, run } of CASES) {
    const reason = subject.ignore || reasons.get(name);
    const suffix = reason ? ` (skipped: ${reason})` : "";
    Deno.test({
      name: `${subject.name}: ${name}${suffix}`,
      ignore: Boolean(reason),
      async fn() {
        await using harness = await subject.create();
        await run(harness);
      },
    });
  }
}

function skipReasons(skips: readonly Skip[]): Map<string, string> {
  const names = new Set(CASES.map(({ name }) => name));
  if (names.size !== CASES.length) throw new Error("Two cases of the transport suite have the same name");
  const reasons = new Map(skips.flatMap(({ reason, cases }) => cases.map((name) => [name, reason] as const)));
  for (const name of reasons.keys()) {
    if (!names.has(name)) throw new Error(`Cannot skip "${name}": the transport suite has no such case`);
  }
  return reasons;
}
