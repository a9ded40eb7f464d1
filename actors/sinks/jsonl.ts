import { ActorError } from "../errors.ts";
import { JsonlFile } from "./jsonl_file.ts";
import type { Settled, Sink } from "./sink.ts";

/** How results are kept in a file of lines. */
export interface JsonlSinkOptions {
  /** A file that would grow beyond this is set aside first, in bytes. @default {67_108_864} */
  readonly maxBytes?: number;
  /** How many files that were set aside are kept; older ones are removed. @default {Infinity} */
  readonly keep?: number;
  /** How many of the last ids are known, so that they are not written again. @default {65_536} */
  readonly remember?: number;
}

/**
 * Appends results to a file, one JSON object a line, as they are in the topic `imagebus.results`.
 *
 * **Durable.** A batch counts as stored after an fsync: it survives the end of the process and of the machine. A batch that
 * could not be written whole is taken back. What a killed process left of a line is cut off at the start.
 *
 * **One line an id.** The ids of the last `remember` lines are known, also after a restart: they are read from the files. A
 * result that comes again is not written again; a success after a failure of the same id is one
 * more line, so that the last line of an id counts. What comes again is at most what was in flight (4,096 images, unless
 * `maxInFlight` says more): keep `remember` above that. A result that comes again to a worker with another file is a line
 * in each.
 *
 * **Rotated.** The full file is set aside as `PATH.1`, the next one as `PATH.2`, …: larger is newer. Nothing is removed
 * unless `keep` says so.
 *
 * **One worker a file**: `PATH.lock` is locked while the sink is open.
 *
 * @param path Where the file is, or shall be; its directory exists.
 * @param options Bounds.
 * @throws {ActorError} `invalid` option, or a file of another kind; `sink` when it can't be opened, or is in use.
 */
export async function jsonlSink(path: string, options: JsonlSinkOptions = {}): Promise<Sink> {
  const { maxBytes = 67_108_864, keep = Infinity, remember = 65_536 } = options;
  for (const [name, value] of Object.entries({ maxBytes, keep, remember })) {
    if ((Number.isInteger(value) || value === Infinity) && value >= (name === "keep" ? 0 : 1)) continue;
    throw new ActorError("invalid", `${name} of ${path} is ${value}: expected a whole number, at least 1`);
  }
  const known = new KnownIds(remember);
  const file = await JsonlFile.open(path, {
    maxBytes,
    keep,
    remember,
    onLine: (line) => known.read(line, path),
  });
  const sink: Sink = {
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

  /** @throws {ActorError} When the first line is no result. Later ones can be damaged: they are left as they are. */
  read(line: string, path: string): void {
    const { id, status } = parse(line);
    if (typeof id === "string" && (status === "classified" || status === "failed")) this.#set(id, status);
    else if (this.#statuses.size === 0) {
      throw new ActorError("invalid", `${path} holds something else than results: name another file`);
    }
  }

  /** What of a batch is to be written. */
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
