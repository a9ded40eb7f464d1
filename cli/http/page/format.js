const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact" });
const UNITS = ["B", "KB", "MB", "GB"];

/** 1,234 · 12.3 · – */
export function number(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 100 ? FINE.format(value) : WHOLE.format(value);
}

/** 950 · 1.5K · 20M: where there is little room. */
export function short(value) {
  return SHORT.format(value);
}

/** 0.4 ms · 120 ms · 3.1 s · 4 min */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1_000) return `${number(ms)} ms`;
  if (ms < 120_000) return `${FINE.format(ms / 1_000)} s`;
  return ms < 7_200_000 ? `${WHOLE.format(ms / 60_000)} min` : `${WHOLE.format(ms / 3_600_000)} h`;
}

/** 900 B · 41 MB */
export function bytes(count) {
  if (count === null) return "–";
  const unit = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10));
  return `${number(count / 1_024 ** unit)} ${UNITS[unit]}`;
}

/** 99.3 % */
export function percent(ratio) {
  return `${FINE.format(100 * ratio)} %`;
}

/** The time of day here, of a time in ISO 8601. */
export function clock(iso) {
  return new Date(iso).toLocaleTimeString("sv");
}

/** Day and time here, of a time in ISO 8601. */
export function moment(iso) {
  return new Date(iso).toLocaleString("sv");
}

/** How long ago. */
export function ago(iso) {
  return duration(Math.max(0, Date.now() - Date.parse(iso)));
}

/** 1 image · 2 images */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** The label of a classified image: Boot · unknown (Boot) */
export function labelOf({ label, unknown }) {
  return unknown ? `unknown (${label})` : label;
}
