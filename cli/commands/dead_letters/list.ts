import type { DeadLetterInfo } from "../../../bus/dead_letter.ts";
import { listDeadLetters } from "../../../bus/dead_letters.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { size, toObject } from "./text.ts";
import { openExistingBus } from "../../options.ts";
import { openResultsIfAny } from "../../stored_results/stored_results.ts";
import { bold, columns, dim, green, logError, print, red } from "../../ui/terminal.ts";

const DEFAULT_LIMIT = 20;

/** `dead-letters list`: one line per id, newest last, with its status in the results of this machine. */
export async function list(args: DeadLetterArguments): Promise<number> {
  const { limit = DEFAULT_LIMIT, ...filter } = filterOf(args);
  await using bus = await openExistingBus(args);
  const infos = await listDeadLetters(bus.transport, filter);
  const shown = infos.slice(-limit);
  const statuses = await statusesOf(shown.map(({ id }) => id), args);
  const status = ({ id }: DeadLetterInfo) => statuses.get(id) ?? null;
  if (args.values.json) {
    for (const info of shown) print(JSON.stringify({ ...toObject(info), status: status(info) }));
  } else if (shown.length > 0) {
    print(columns([HEADER, ...shown.map((info) => toCells(info, status(info)))]));
  }
  if (infos.length === 0) logError(noneMessage(filter, bus.transport.url));
  else if (infos.length > shown.length) {
    logError(`Showing the newest ${shown.length} of ${infos.length}; --limit N shows more`);
  }
  return 0;
}

/** The status of requests by id: the results have it, the bus does not. */
async function statusesOf(
  ids: readonly string[],
  args: DeadLetterArguments,
): Promise<ReadonlyMap<string, string>> {
  await using results = await openResultsIfAny(args);
  return await results?.statuses(ids) ?? new Map();
}

/** The message that there is none. */
export function noneMessage(filter: object, url: string): string {
  return Object.keys(filter).length > 0 ? `No matching dead letters on ${url}` : `No dead letters on ${url}`;
}

const HEADER = ["failed at", "model", "reason", "bytes", "attempts", "now", "id"].map(bold);

function toCells(info: DeadLetterInfo, status: string | null): string[] {
  const { id, model, error, failedAt, attempts, bytes, acknowledgedAt } = info;
  return [
    dim(new Date(failedAt).toLocaleString("sv")),
    model ?? "-",
    red(error.code),
    size(bytes),
    String(attempts),
    status === "classified" ? green(status) : acknowledgedAt ? "acknowledged" : status ?? "-",
    id,
  ];
}
