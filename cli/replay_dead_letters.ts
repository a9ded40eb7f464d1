import type { Bus } from "../bus/bus.ts";
import { type DeadLetter, refusalOf } from "../bus/dead_letter.ts";
import type { DeadLettersOptions } from "../bus/dead_letters.ts";

/** Limits of what is sent at once. */
const MAX_LETTERS = 64;
const MAX_BYTES = 16_777_216;

/** How to replay. */
export interface ReplayPlan {
  /** Dead letters with so many attempts are refused. */
  readonly maxAttempts: number;
  /** Whether nothing is sent. */
  readonly dryRun: boolean;
  /** Which ids are classified meanwhile: these are skipped. @default none */
  readonly classified?: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
}

/** How many there were. */
export interface ReplayCounts {
  /** Sent; in a dry run, what would be. */
  readonly replayed: number;
  readonly refused: number;
  /** Skipped, because they are classified meanwhile. */
  readonly classified: number;
}

/**
 * Replays dead letters.
 *
 * @param bus Where they are.
 * @param filter Which ones.
 * @param plan How.
 * @param onEach Called with each letter, once it is sent, and with the reason where it is refused; not with those that are
 * skipped.
 * @throws {BusError} When the bus cannot be read, or rejects one.
 */
export async function replayDeadLetters(
  bus: Bus,
  filter: DeadLettersOptions,
  { maxAttempts, dryRun, classified = () => Promise.resolve(new Set()) }: ReplayPlan,
  onEach: (letter: DeadLetter, refusal: string | null) => void,
): Promise<ReplayCounts> {
  const counts = { replayed: 0, refused: 0, classified: 0 };
  for await (const letters of chunks(bus.deadLetters(filter))) {
    const done = await classified(letters.map(({ id }) => id));
    const open = letters.filter(({ id }) => !done.has(id));
    const sent = open.filter((letter) => {
      const refusal = refusalOf(letter, maxAttempts);
      if (refusal !== null) onEach(letter, refusal);
      return refusal === null;
    });
    if (!dryRun) await Promise.all(sent.map((letter) => bus.replay(letter, { maxAttempts })));
    for (const letter of sent) onEach(letter, null);
    counts.replayed += sent.length;
    counts.refused += open.length - sent.length;
    counts.classified += letters.length - open.length;
  }
  return counts;
}

async function* chunks(letters: AsyncIterable<DeadLetter>): AsyncGenerator<DeadLetter[]> {
  let [chunk, bytes]: [DeadLetter[], number] = [[], 0];
  for await (const letter of letters) {
    chunk.push(letter);
    bytes += letter.bytes;
    if (chunk.length < MAX_LETTERS && bytes < MAX_BYTES) continue;
    yield chunk;
    [chunk, bytes] = [[], 0];
  }
  if (chunk.length > 0) yield chunk;
}
