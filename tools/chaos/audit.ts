import { Bitset } from "./bitset.ts";
import { type Assignment, type ChaosImage, CONFIDENCE_TOLERANCE } from "./images.ts";

/** A row of the results database. */
export interface StoredRow {
  /** The id of the request. */
  readonly id: string;
  /** The label; `null` for a failure. */
  readonly label: string | null;
  /** The code of a failure; `null` for a success. */
  readonly code: string | null;
  /** Version of the model in the result. */
  readonly version?: string | null;
  /** The confidence; `null` for a failure. */
  readonly confidence?: number | null;
}

/** The parts of a dead letter that are checked. */
export interface FoundLetter {
  /** The id of the request. */
  readonly id: string;
  /** Why it failed. */
  readonly code: string;
  /** The bytes that were sent. */
  readonly value: Uint8Array;
}

/** The outcome of a run, in numbers of images. */
export interface Verdict {
  /** Accepted by the bus. */
  readonly sent: number;
  /** With a row in each database. */
  readonly stored: number;
  /** Without a row in at least one of the databases. */
  readonly lost: number;
  /** Rows beyond one per image, and rows of images that are not of this run. */
  readonly twice: number;
  /** With a row that differs from the model's result when nothing fails. */
  readonly wrong: number;
  /** With a row whose version is not the one that computed it. */
  readonly wrongVersion: number;
  /** Without a result on the results topic. */
  readonly unanswered: number;
  /** With a first result after that of a later image with the same key. */
  readonly outOfOrder: number;
  /**
   * Results that are on the topic again: no violation, because the topic promises at least once. With
   * exactly-once delivery: requests that their sender stored again, each of which has its own result.
   */
  readonly repeated: number;
  /** Bad images. */
  readonly deadLettersExpected: number;
  /** Bad images with a dead letter that has their bytes and the expected code. */
  readonly deadLettersFound: number;
  /** Dead letters of good images, second ones per id, and those with other bytes or another code. */
  readonly deadLettersUnexpected: number;
  /** The first ten ids per kind of violation. */
  readonly examples: Readonly<Record<string, readonly string[]>>;
}

const MAX_EXAMPLES = 10;

/** Counts the violations of each kind, and keeps the first examples. */
export class Violations {
  readonly examples: Record<string, string[]> = {};
  readonly #counts = new Map<string, number>();

  add(kind: string, example: string): void {
    this.#counts.set(kind, this.count(kind) + 1);
    const examples = this.examples[kind] ??= [];
    if (examples.length < MAX_EXAMPLES) examples.push(example);
  }

  count(kind: string): number {
    return this.#counts.get(kind) ?? 0;
  }
}

/**
 * Checks what is read back after a run: every row, every result in the order of its partition, every dead
 * letter. Takes a few bits per image.
 */
export class Audit {
  readonly #assignment: Assignment;
  readonly #stored: readonly Bitset[];
  readonly #answered: Bitset;
  readonly #buried: Bitset;
  readonly #lastOfKey = new Map<string, number>();
  readonly #violations = new Violations();
  #repeated = 0;

  /**
   * @param assignment All images that were sent.
   * @param databases Number of databases that should hold the results.
   */
  constructor(assignment: Assignment, databases = 1) {
    this.#assignment = assignment;
    this.#stored = Array.from({ length: databases }, () => new Bitset(assignment.count));
    this.#answered = new Bitset(assignment.count);
    this.#buried = new Bitset(assignment.count);
  }

  /** Checks a row of the first database or another one. */
  row(row: StoredRow, database = 0): void {
    const { id, label, code } = row;
    const number = this.#assignment.number(id);
    if (number === null || !this.#stored[database]!.add(number)) return this.#violations.add("twice", id);
    const expected = this.#assignment.image(number);
    if (!isOfItsVersion(row, expected)) {
      this.#violations.add("wrong version", `${id}: ${row.confidence} is not of ${row.version}`);
    }
    if (label === expected.label && code === expected.code) return;
    this.#violations.add("wrong", `${id}: ${code ?? label}, not ${expected.code ?? expected.label}`);
  }

  /** Checks a result on the results topic. Those of a partition must be passed in their order. */
  result(id: string): void {
    const number = this.#assignment.number(id);
    if (number === null) return;
    if (!this.#answered.add(number)) {
      this.#repeated++;
      return;
    }
    const key = this.#assignment.key(number);
    const last = this.#lastOfKey.get(key) ?? -1;
    if (number > last) this.#lastOfKey.set(key, number);
    else this.#violations.add("out of order", `${id} after chaos-${last}`);
  }

  /** Checks a dead letter. */
  deadLetter(letter: FoundLetter): void {
    const number = this.#assignment.number(letter.id);
    if (number !== null && isOf(letter, this.#assignment.image(number)) && this.#buried.add(number)) return;
    this.#violations.add("unexpected dead letter", `${letter.id}: ${letter.code}`);
  }

  /** The verdict. Called once, after everything was read. */
  verdict(): Verdict {
    let deadLettersExpected = 0;
    const violations = this.#violations;
    const { count } = this.#assignment;
    for (let number = 0; number < count; number++) {
      const id = this.#assignment.id(number);
      const isBad = this.#assignment.image(number).code !== null;
      if (isBad) deadLettersExpected++;
      if (!this.#stored.every((stored) => stored.has(number))) violations.add("lost", id);
      if (!this.#answered.has(number)) violations.add("unanswered", id);
      if (isBad && !this.#buried.has(number)) violations.add("no dead letter", id);
    }
    return {
      sent: count,
      stored: count - violations.count("lost"),
      lost: violations.count("lost"),
      twice: violations.count("twice"),
      wrong: violations.count("wrong"),
      wrongVersion: violations.count("wrong version"),
      unanswered: violations.count("unanswered"),
      outOfOrder: violations.count("out of order"),
      repeated: this.#repeated,
      deadLettersExpected,
      deadLettersFound: this.#buried.size,
      deadLettersUnexpected: violations.count("unexpected dead letter"),
      examples: violations.examples,
    };
  }
}

/**
 * Whether a run kept every promise.
 *
 * @param verdict Its outcome.
 */
export function isKept(verdict: Verdict): boolean {
  const { lost, twice, wrong, wrongVersion, unanswered, outOfOrder, deadLettersUnexpected } = verdict;
  return lost + twice + wrong + wrongVersion + unanswered + outOfOrder + deadLettersUnexpected === 0 &&
    verdict.deadLettersFound === verdict.deadLettersExpected;
}

function isOfItsVersion({ version, confidence }: StoredRow, { confidences }: ChaosImage): boolean {
  if (confidences === undefined || typeof confidence !== "number") return true;
  const expected = confidences.get(version ?? "") ?? NaN;
  return Math.abs(confidence - expected) <= CONFIDENCE_TOLERANCE;
}

function isOf({ code, value }: FoundLetter, image: ChaosImage): boolean {
  const { bytes } = image;
  return code === image.code && value.length === bytes.length &&
    value.every((byte, i) => byte === bytes[i]);
}
