import { UsageError } from "../../cli/command.ts";
import { Random } from "../../training/random.ts";
import { type FaultKind, FAULTS, type Target } from "./faults.ts";
import type { ChaosSettings } from "./options.ts";

/** One fault of a run. */
export interface Fault extends Target {
  /** Number of images accepted by the bus at which it begins. */
  readonly at: number;
  readonly kind: FaultKind;
  /** Whether it waits for the recovery from the previous fault. */
  readonly waits: boolean;
}

const STREAM = 1;
const MAX_AMOUNT = 20;

/** Images per fault, unless the number of faults is given. */
const MESSAGES_PER_FAULT = 3_000;

/**
 * Plans the faults of a run: spread evenly over the images, in shuffled rounds of all kinds. One in four does
 * not wait for the recovery from the previous one. Equal settings give equal plans.
 *
 * @returns The faults in the order in which they begin.
 * @throws {UsageError} For brokers or kinds of faults that the bus does not have.
 */
export function planFaults(settings: ChaosSettings): Fault[] {
  const { messages, seed } = settings;
  const kinds = kindsOf(settings);
  const count = settings.faultCount ?? Math.max(kinds.length, Math.ceil(messages / MESSAGES_PER_FAULT));
  const random = new Random(seed, STREAM);
  const dealt: FaultKind[] = [];
  while (dealt.length < count && kinds.length > 0) {
    for (const i of random.permutation(kinds.length)) dealt.push(kinds[i]!);
  }
  return dealt.slice(0, count).map((kind, i) => ({
    at: Math.floor(messages * (i + 1) / (count + 1)),
    kind,
    target: random.integer(0, 0xffff),
    amount: random.integer(1, MAX_AMOUNT),
    waits: random.integer(0, 3) > 0,
  }));
}

function kindsOf({ bus, brokers, secured, postgres, faults }: ChaosSettings): FaultKind[] {
  const hasReplicas = brokers !== "1";
  if (hasReplicas && bus !== "kafka") throw new UsageError("--brokers 3 needs --bus kafka");
  if (secured && bus !== "kafka") throw new UsageError("--secured needs --bus kafka");
  const met = [null, bus, ...hasReplicas ? ["replicas"] : [], ...postgres ? ["postgres"] : []];
  const possible = (Object.keys(FAULTS) as FaultKind[]).filter((kind) => met.includes(FAULTS[kind].needs));
  return [...new Set(faults ?? possible)].map((name) => {
    const found = possible.find((kind) => kind === name);
    if (found !== undefined) return found;
    throw new UsageError(`--faults has "${name}": expected ${possible.join(", ")}`);
  });
}
