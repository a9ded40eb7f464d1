/**
 * Sizes and times as people write them: `64MiB`, `30s`.
 *
 * @module
 */

/** What a number counts: `bytes` (written `64MiB`), or milliseconds (written `30s`). */
export type Unit = "bytes" | "ms";

/** Names of the units with their factor; the first with a factor is how it is shown. IEC 80000-13 and SI for sizes. */
const FACTORS: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  bytes: {
    TiB: 2 ** 40,
    GiB: 2 ** 30,
    MiB: 2 ** 20,
    KiB: 2 ** 10,
    TB: 1e12,
    GB: 1e9,
    MB: 1e6,
    kB: 1e3,
    B: 1,
  },
  ms: { d: 86_400_000, h: 3_600_000, min: 60_000, s: 1_000, ms: 1, m: 60_000 },
};

/**
 * Reads a size or a time.
 *
 * @param text `1048576`, `1MiB`, `1.5 GB`; `500`, `500ms`, `30s`, `5min`, `2h`, `7d`. Without a unit: bytes, milliseconds.
 * @param unit What is counted.
 * @returns Bytes or milliseconds; `NaN` when it is neither.
 */
export function parseQuantity(text: string, unit: Unit): number {
  const [, digits, name = ""] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
  const known = Object.entries(FACTORS[unit]).find(([known]) => known.toLowerCase() === name.toLowerCase());
  const factor = name === "" ? 1 : known?.[1];
  return digits === undefined || factor === undefined ? NaN : Math.round(Number(digits) * factor * 1e6) / 1e6;
}

/**
 * Writes a size or a time in the largest unit that divides it.
 *
 * @param value Bytes or milliseconds.
 * @param unit What is counted.
 * @returns `64MiB`, `30s`, `1500ms`; `0` for nothing.
 */
export function formatQuantity(value: number, unit: Unit): string {
  if (value === 0) return "0";
  const shown = Object.entries(FACTORS[unit]).find(([name, factor]) =>
    value % factor === 0 && !/^[TGMk]B$/.test(name)
  );
  return shown === undefined ? String(value) : `${value / shown[1]}${shown[0]}`;
}
