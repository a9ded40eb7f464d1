import type { Bus } from "../../bus/bus.ts";
import { type DeadLetterInfo, DEFAULT_MAX_ATTEMPTS, refusalOf } from "../../bus/dead_letter.ts";
import { type DeadLettersOptions, listDeadLetters } from "../../bus/dead_letters.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { defined } from "../../lib/defined.ts";
import { acknowledgeDeadLetters } from "../acknowledge_dead_letters.ts";
import { UsageError } from "../command.ts";
import { parseSince } from "../options.ts";
import { replayDeadLetters } from "../replay_dead_letters.ts";
import type { Log } from "../log.ts";
import { refuse } from "./guard.ts";
import { imageResponse } from "./last_images.ts";
import type { Routes } from "./server.ts";
import type { WorkerState } from "./worker_state.ts";

const MAX_AGE_MS = 5_000;
const TIMEOUT_MS = 30_000;
const MAX_SHOWN = 200;
const MAX_REFUSALS = 20;

/** The dead letters of the bus: list, image; replay and acknowledge, which are logged. */
export function deadLetterRoutes(state: WorkerState, images: boolean, log: Log): Routes {
  const list = new DeadLetterList();
  return {
    "GET /api/dead-letters": async (_request, { searchParams }) => {
      const maxAgeMs = searchParams.get("fresh") === "true" ? 0 : MAX_AGE_MS;
      const all = await list.read(state.bus, maxAgeMs);
      return Response.json(page(all, filterOf(searchParams)));
    },
    "GET /api/dead-letters/image": async (_request, { searchParams }) => {
      if (!images) return refuse(404, "Images are not shown: --no-http-images");
      return await imageOf(state.bus, searchParams.get("id") ?? "");
    },
    "POST /api/replay": async (_request, { searchParams }) => {
      const filter = filterOf(searchParams);
      const dryRun = searchParams.get("dry-run") === "true";
      const changed = dryRun
        ? null
        : await list.changed(state.bus, filter, Number(searchParams.get("count")));
      return changed ?? Response.json(await replay(state.bus, filter, dryRun, log));
    },
    "POST /api/acknowledge": async (_request, { searchParams }) => {
      const filter = filterOf(searchParams);
      const changed = await list.changed(state.bus, filter, Number(searchParams.get("count")));
      return changed ?? Response.json({ acknowledged: await acknowledge(state.bus, filter, log) });
    },
  };
}

/** The list, kept for a while and read once at a time: each reading goes through the whole topic. */
class DeadLetterList {
  #reading: Promise<readonly DeadLetterInfo[]> | undefined;
  /** `Infinity` while it waits for the one before. */
  #startedAt = -Infinity;

  /** @returns What a reading found that started so long ago or later. */
  read({ transport }: Bus, maxAgeMs: number): Promise<readonly DeadLetterInfo[]> {
    if (this.#reading && this.#startedAt > performance.now() - maxAgeMs) return this.#reading;
    const reading = this.#readAfter(this.#reading, transport);
    this.#reading = reading;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }

  async #readAfter(before: Promise<unknown> | undefined, transport: Transport) {
    this.#startedAt = Infinity;
    await before?.catch(() => {});
    this.#startedAt = performance.now();
    return await listDeadLetters(transport, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  }

  /** Refuses to change another number than the one that was shown. */
  async changed(bus: Bus, filter: DeadLettersOptions, shown: number): Promise<Response | null> {
    const { length } = (await this.read(bus, 0)).filter((letter) => matches(letter, filter));
    this.#reading = undefined;
    return length === shown ? null : refuse(409, `There are ${length} now, not ${shown}: look at them first`);
  }
}

function page(all: readonly DeadLetterInfo[], filter: DeadLettersOptions) {
  const matching = all.filter((letter) => matches(letter, filter));
  const letters = matching.slice(-MAX_SHOWN).reverse().map((letter) => ({
    ...letter,
    refusal: refusalOf(letter, DEFAULT_MAX_ATTEMPTS),
  }));
  return {
    total: all.length,
    matching: matching.length,
    reasons: [...new Set(all.map(({ error }) => error.code))].sort(),
    models: [...new Set(all.flatMap(({ model }) => model ?? []))].sort(),
    letters,
  };
}

async function imageOf(bus: Bus, id: string): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  for await (const { image } of bus.deadLetters({ ids: [id], signal })) {
    return image === null ? refuse(404, "It holds no image") : imageResponse(image);
  }
  return refuse(404, `There is no dead letter of the id ${id}`);
}

async function replay(bus: Bus, filter: DeadLettersOptions, dryRun: boolean, log: Log) {
  const refusals: { id: string; reason: string }[] = [];
  const plan = { maxAttempts: DEFAULT_MAX_ATTEMPTS, dryRun };
  const counts = await replayDeadLetters(bus, filter, plan, ({ id }, reason) => {
    if (reason !== null && refusals.length < MAX_REFUSALS) refusals.push({ id, reason });
    if (reason === null && !dryRun) log("info", `Replayed ${id}: requested over HTTP`);
  });
  return { ...counts, dryRun, refusals };
}

async function acknowledge(bus: Bus, filter: DeadLettersOptions, log: Log): Promise<number> {
  return await acknowledgeDeadLetters(bus, filter, false, ({ id }) => {
    log("info", `Acknowledged ${id}: requested over HTTP`);
  });
}

/** A form sends empty texts: they filter nothing. */
function filterOf(given: URLSearchParams): DeadLettersOptions {
  const [id, model, reason, since] = ["id", "model", "reason", "since"].map((name) =>
    given.get(name) || undefined
  );
  const time = since === undefined ? undefined : parseSince(since);
  if (since !== undefined && time === undefined) {
    throw new UsageError(`since is "${since}": expected 30m, 2h, 7d or a time such as 2026-01-31T12:00Z`);
  }
  return defined({ ids: id === undefined ? undefined : [id], model, reason, since: time });
}

function matches(letter: DeadLetterInfo, { ids, model, reason, since }: DeadLettersOptions): boolean {
  return (ids === undefined || ids.includes(letter.id)) &&
    (model === undefined || letter.model === model) &&
    (reason === undefined || letter.error.code === reason) &&
    (since === undefined || Date.parse(letter.failedAt) >= since.getTime());
}
