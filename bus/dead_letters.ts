import {
  type Acknowledgement,
  type DeadLetter,
  type DeadLetterInfo,
  decodeAcknowledgement,
  decodeDeadLetter,
} from "./dead_letter.ts";
import { ACKNOWLEDGEMENTS_TOPIC, DEAD_LETTERS_TOPIC } from "./topics.ts";
import { defined } from "../lib/defined.ts";
import type { Message, Transport } from "./transport/transport.ts";
import { checkTime } from "./transport/validate.ts";

/** Which dead letters to read. */
export interface DeadLettersOptions {
  /** Only these ids. */
  readonly ids?: readonly string[];
  /** Only of this model. */
  readonly model?: string;
  /** Only those that failed with this code: `unknown_model`, `damaged`, … */
  readonly reason?: string;
  /** Only those that failed then or later. */
  readonly since?: Date;
  /** Also those that were acknowledged. @default {false} */
  readonly acknowledged?: boolean;
  /** Maximum number: the newest are read. @default {Infinity} */
  readonly limit?: number;
  /** Ends reading: rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Lists the dead letters that are on a bus now, without their bytes. Each id is listed once, with its last
 * failure, however often it was delivered or replayed. Takes a few hundred bytes of memory per id.
 *
 * @param transport The bus.
 * @param options Which ones.
 * @returns The newest last.
 * @throws {BusError} `unavailable`, `denied`, `corrupt`, `closed`; `invalid` for `since`.
 */
export async function listDeadLetters(
  transport: Transport,
  options: DeadLettersOptions = {},
): Promise<DeadLetterInfo[]> {
  return (await select(transport, options)).map(({ info }) => info);
}

/**
 * Reads dead letters with their bytes, in the order of each partition. Reads the topic twice, first to find
 * the last record of each id, so that at most one batch of images is in memory.
 *
 * @param transport The bus.
 * @param options Which ones.
 * @throws {BusError} `unavailable`, `denied`, `corrupt`, `closed`; `invalid` for `since`.
 */
export async function* readDeadLetters(
  transport: Transport,
  options: DeadLettersOptions = {},
): AsyncGenerator<DeadLetter, void, void> {
  const infos = new Map((await select(transport, options)).map(({ place, info }) => [nameOf(place), info]));
  if (infos.size === 0) return;
  for await (const message of readAll(transport, DEAD_LETTERS_TOPIC, options.signal)) {
    const info = infos.get(nameOf(message));
    const letter = info && decodeDeadLetter(message);
    if (letter) yield { ...letter, ...info };
    if (info) infos.delete(nameOf(message));
    if (infos.size === 0) return;
  }
}

/** What {@linkcode purgeDeadLetters} removes. */
export interface PurgeOptions {
  /** Which of them need nothing more; called with all ids, each once. */
  readonly done: (letters: readonly DeadLetterInfo[]) => Promise<ReadonlySet<string>>;
  /** Whether nothing is removed. @default {false} */
  readonly dryRun?: boolean;
}

/** How many ids there were. */
export interface PurgeCounts {
  readonly removed: number;
  /** Done, but behind one that is not: logs are removed from their beginning. */
  readonly behind: number;
  /** Not done. */
  readonly kept: number;
}

/**
 * Removes dead letters from the bus: of each partition the oldest, up to the first that is not done. What is stored
 * meanwhile stays. When all are removed, their acknowledgements are, too.
 *
 * @param transport The bus.
 * @param options Which ones.
 * @throws {BusError} `unavailable`, `denied`, `corrupt`, `closed`.
 */
export async function purgeDeadLetters(
  transport: Transport,
  { done, dryRun = false }: PurgeOptions,
): Promise<PurgeCounts> {
  const acknowledgements = await endOf(transport, ACKNOWLEDGEMENTS_TOPIC);
  const ends = await endOf(transport, DEAD_LETTERS_TOPIC);
  const entries = (await select(transport, { acknowledged: true })).filter(({ place }) =>
    isBefore(place, ends)
  );
  const finished = await done(entries.map(({ info }) => info));
  const open = entries.filter(({ info }) => !finished.has(info.id));
  for (const { place: { partition, offset } } of open) {
    ends.set(partition, Math.min(ends.get(partition)!, offset));
  }
  const removed = entries.filter(({ place }) => isBefore(place, ends)).length;
  if (!dryRun) {
    await transport.removeBefore(DEAD_LETTERS_TOPIC, ends);
    if (removed === entries.length) await transport.removeBefore(ACKNOWLEDGEMENTS_TOPIC, acknowledgements);
  }
  return { removed, behind: finished.size - removed, kept: open.length };
}

async function endOf(transport: Transport, topic: string): Promise<Map<number, number>> {
  const [info] = await transport.topics(undefined, (name) => name === topic);
  return new Map(info?.partitions.map(({ partition, end }) => [partition, end]));
}

function isBefore({ partition, offset }: Place, ends: ReadonlyMap<number, number>): boolean {
  return offset < (ends.get(partition) ?? 0);
}

/** Where a record is. */
type Place = Pick<Message, "partition" | "offset">;

/** The last record of an id. */
interface Entry {
  readonly info: DeadLetterInfo;
  readonly place: Place;
}

async function select(transport: Transport, options: DeadLettersOptions): Promise<Entry[]> {
  const { ids, since, limit = Infinity } = options;
  checkTime("since", since);
  const wanted = ids && new Set(ids);
  const last = new Map<string, Entry>();
  const acknowledgements = await readAcknowledgements(transport, options.signal);
  for await (const message of readAll(transport, DEAD_LETTERS_TOPIC, options.signal)) {
    const letter = decodeDeadLetter(message);
    if (!letter || wanted?.has(letter.id) === false) continue;
    const known = last.get(letter.id);
    if (known && isLater(known.info, letter)) continue;
    const { acknowledgedAt } = acknowledgementOf(letter, acknowledgements) ?? {};
    last.set(letter.id, {
      info: { ...withoutBytes(letter), ...defined({ acknowledgedAt }) },
      place: { partition: message.partition, offset: message.offset },
    });
  }
  const matching = [...last.values()].filter(({ info }) => matches(info, options));
  const sorted = matching.sort((a, b) =>
    order(a.info.failedAt, b.info.failedAt) || order(nameOf(a.place), nameOf(b.place))
  );
  return sorted.slice(Math.max(0, sorted.length - limit));
}

/** The last one of each id; a few hundred bytes of memory per id. */
async function readAcknowledgements(
  transport: Transport,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Acknowledgement>> {
  const last = new Map<string, Acknowledgement>();
  for await (const message of readAll(transport, ACKNOWLEDGEMENTS_TOPIC, signal)) {
    const acknowledgement = decodeAcknowledgement(message);
    if (acknowledgement) last.set(acknowledgement.id, acknowledgement);
  }
  return last;
}

/** That of an earlier failure does not count. */
function acknowledgementOf(
  { id, attempts, failedAt }: DeadLetterInfo,
  all: ReadonlyMap<string, Acknowledgement>,
): Acknowledgement | undefined {
  const found = all.get(id);
  return found && found.attempts >= attempts && found.failedAt >= failedAt ? found : undefined;
}

/** All records that a topic holds now. Subscribing would create the topic, so it is looked up first. */
async function* readAll(
  transport: Transport,
  topic: string,
  signal?: AbortSignal,
): AsyncGenerator<Message, void, void> {
  signal?.throwIfAborted();
  // A list of names would refuse one that this login may not see, such as that of acknowledgements.
  const wanted = topic === DEAD_LETTERS_TOPIC ? [topic] : (name: string) => name === topic;
  const topics = await transport.topics(undefined, wanted);
  if (topics.length === 0) return;
  const options = { until: "end" as const, ...(signal && { signal }) };
  await using subscription = await transport.subscribe([topic], options);
  const stop = () => void subscription.close();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    for await (const { messages } of subscription) yield* messages;
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function matches(
  info: DeadLetterInfo,
  { model, reason, since, acknowledged = false }: DeadLettersOptions,
): boolean {
  return (acknowledged || info.acknowledgedAt === undefined) &&
    (model === undefined || info.model === model) &&
    (reason === undefined || info.error.code === reason) &&
    (since === undefined || Date.parse(info.failedAt) >= since.getTime());
}

function isLater(a: DeadLetterInfo, b: DeadLetterInfo): boolean {
  return a.attempts > b.attempts || (a.attempts === b.attempts && a.failedAt > b.failedAt);
}

function withoutBytes(letter: DeadLetter): DeadLetterInfo {
  const { key: _key, headers: _headers, headerList: _list, value: _value, image: _image, ...info } = letter;
  return info;
}

function nameOf({ partition, offset }: Place): string {
  return `${partition}/${offset}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
