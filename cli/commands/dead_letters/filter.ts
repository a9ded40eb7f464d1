import type { DeadLettersOptions } from "../../../bus/dead_letters.ts";
import { type Arguments, UsageError } from "../../command.ts";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads which dead letters are meant.
 *
 * @param args Of the command dead-letters.
 * @throws {UsageError} For a time that is none.
 */
export function filterOf(args: Arguments): DeadLettersOptions {
  const [ids, since] = [args.texts("id"), args.text("since")];
  const [model, reason, limit] = [args.text("model"), args.text("reason"), args.number("limit")];
  return {
    ...(ids.length > 0 && { ids }),
    ...(model !== undefined && { model }),
    ...(reason !== undefined && { reason }),
    ...(since !== undefined && { since: parseSince(since) }),
    ...(limit !== undefined && { limit }),
  };
}

/**
 * Reads a time in the past.
 *
 * @param text How long ago (`90s`, `30m`, `2h`, `7d`), or when: a date, or a date with a time, ISO 8601.
 * @param now Milliseconds since 1970-01-01 UTC.
 * @throws {UsageError} When it is neither.
 */
export function parseSince(text: string, now = Date.now()): Date {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(now - Number(count) * UNITS_MS[unit!]!);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text);
  const time = isDate ? Date.parse(text) : NaN;
  if (!Number.isNaN(time)) return new Date(time);
  throw new UsageError(
    `--since is "${text}": expected how long ago, as 30m, 2h or 7d, or a time, as 2026-01-31T12:00Z`,
  );
}
