import { SinkError } from "./errors.ts";
import { JsonlFile } from "./jsonl_file.ts";
import type { ClosableSink, Settled } from "./sink.ts";

/** Limits of a file of results. */
export interface JsonlSinkOptions {
  /** Largest size of the file in bytes; before it would grow beyond, it is rotated. @default {67_108_864} */
  readonly maxBytes?: number;
  /** How many rotated files are kept; older ones are removed. @default {Infinity} */
  readonly keep?: number;
  /** How many of the last ids are remembered, so that they are not written again. @default {65_536} */
  readonly remember?: number;
}

/**
 * Appends results to a file, one JSON object per line, as on the topic `imagebus.results`.
 *
 * **Durable.** A batch counts as stored after an fsync: it survives the end of the process and of the
 * machine. A batch that could not be written as a whole is truncated again, and so is what a killed process
 * left of a line when the file is opened.
 *
 * **One line per id.** The ids of the last `remember` lines are known, also after a restart: they are read
 * from the files. A result that comes again is not written again. A success after a failure of the same id is
 * one more line, so the last line of an id counts. At most what was in flight comes again (4,096 images, or
 * `maxInFlight`): keep `remember` above that. A result that comes again to a service with another file is one
 * line in each.
 *
 * **Rotated.** A full file is renamed to `PATH.1`, the next one to `PATH.2`, …: larger numbers are newer.
 * Nothing is removed without `keep`.
 *
 * **One service per file.** `PATH.lock` is locked while the sink is open.
 *
 * @param path The file; its directory exists.
 * @param options Limits.
 * @throws {SinkError} `invalid` option, or a file of another kind; `failed` when the file cannot be opened,
 * or is in use.
 */
export async function jsonlSink(path: string, options: JsonlSinkOptions = {}): Promise<ClosableSink> {
  const { maxBytes = 67_108_864, keep = Infinity, remember = 65_536 } = options;
  for (const [name, value] of Object.entries({ maxBytes, keep, remember })) {
    const min = name === "keep" ? 0 : 1;
    if ((Number.isInteger(value) || value === Infinity) && value >= min) continue;
    throw new SinkError(
      "invalid",
      `Invalid ${name} of ${path} (${value}): expected a whole number, at least ${min}`,
    );
  }
  const known = new KnownIds(remember);
  const file = await JsonlFile.open(path, {
    maxBytes,
    keep,
    remember,
    onLine: (line) => known.read(line, path),
  });
  const sink: ClosableSink = {
    name: `jsonl ${path}`,
    async write(batch) {
      const fresh = known.choose(batch);
      if (fresh.length > 0) {
        await file.append(fresh.map(({ result }) => JSON.stringify(result) + "\n").join(""));
      }
      known.add(fresh);
    },
    close: () => file.close(),
    [Symbol.asyncDispose]: () => sink.close(),
  };
  return sink;
}

type Status = Settled["result"]["status"];

/** The last ids, each with the status of its last line. */
class KnownIds {
  readonly #limit: number;
  readonly #statuses = new Map<string, Status>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * @throws {SinkError} When the first line is not a result. Later lines may be damaged: they are ignored.
   */
  read(line: string, path: string): void {
    const { id, status } = parse(line);
    if (typeof id === "string" && (status === "classified" || status === "failed")) this.#set(id, status);
    else if (this.#statuses.size === 0) {
      throw new SinkError(
        "invalid",
        `Cannot append to ${path}: its first line is not a result; choose another file`,
      );
    }
  }

  /** The results of a batch that are to be written. */
  choose(batch: readonly Settled[]): Settled[] {
    const now = new Map<string, Status>();
    return batch.filter(({ result: { id, status } }) => {
      const known = now.get(id) ?? this.#statuses.get(id);
      if (known === "classified" || known === status) return false;
      now.set(id, status);
      return true;
    });
  }

  add(written: readonly Settled[]): void {
    for (const { result: { id, status } } of written) this.#set(id, status);
  }

  #set(id: string, status: Status): void {
    this.#statuses.delete(id);
    this.#statuses.set(id, status);
    if (this.#statuses.size <= this.#limit) return;
    const [oldest] = this.#statuses.keys();
    this.#statuses.delete(oldest!);
  }
}

function parse(line: string): { id?: unknown; status?: unknown } {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    return {};
  }
}
