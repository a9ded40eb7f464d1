import type { Bus } from "../bus/bus.ts";
import type { DeadLetterInfo } from "../bus/dead_letter.ts";
import { type DeadLettersOptions, listDeadLetters } from "../bus/dead_letters.ts";

/** Sent at once. */
const CHUNK = 64;

/**
 * Acknowledges dead letters that were not acknowledged yet.
 *
 * @param bus Where they are.
 * @param filter Which ones; `signal` ends reading them.
 * @param dryRun Whether nothing is sent.
 * @param onEach Called with each letter, once that is sent.
 * @returns How many there were.
 * @throws {BusError} When the bus cannot be read, or rejects one.
 */
export async function acknowledgeDeadLetters(
  bus: Bus,
  filter: DeadLettersOptions,
  dryRun: boolean,
  onEach: (letter: DeadLetterInfo) => void,
): Promise<number> {
  const letters = (await listDeadLetters(bus.transport, filter)).filter(({ acknowledgedAt }) =>
    !acknowledgedAt
  );
  for (let at = 0; at < letters.length; at += CHUNK) {
    const chunk = letters.slice(at, at + CHUNK);
    if (!dryRun) await Promise.all(chunk.map((letter) => bus.acknowledge(letter)));
    chunk.forEach(onEach);
  }
  return letters.length;
}
