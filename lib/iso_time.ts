let time = NaN;
let text = "";

/** The current time as ISO 8601, UTC. All calls within a millisecond share one text: to write it takes longer than to ask. */
export function isoNow(): string {
  const now = Date.now();
  if (now !== time) [time, text] = [now, new Date(now).toISOString()];
  return text;
}
