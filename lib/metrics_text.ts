import { type Family, Histogram, type Series, type Value } from "./metrics.ts";

/** Media type of {@linkcode metricsText}. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Metrics in the text format of Prometheus, version 0.0.4.
 *
 * @param families What to write; one without a series has only its description.
 */
export function metricsText(families: Iterable<Family>): string {
  let text = "";
  for (const family of families) {
    text += `# HELP ${family.name} ${escape(family.help)}\n# TYPE ${family.name} ${family.type}\n`;
    for (const series of family) text += lines(family, series);
  }
  return text;
}

function lines({ name, labels }: Family, { values, series }: Series<Value | Histogram>): string {
  const pairs = labels.map((label, i) => `${label}="${escape(values[i]!, true)}"`);
  const braced = (...more: string[]) => {
    const all = [...pairs, ...more];
    return all.length > 0 ? `{${all.join(",")}}` : "";
  };
  if (!(series instanceof Histogram)) return `${name}${braced()} ${number(series.value)}\n`;
  const { bounds, counts, sum } = series;
  let total = 0;
  let text = "";
  for (const [i, count] of counts.entries()) {
    total += count;
    text += `${name}_bucket${braced(`le="${number(bounds[i] ?? Infinity)}"`)} ${total}\n`;
  }
  return `${text}${name}_sum${braced()} ${number(sum)}\n${name}_count${braced()} ${total}\n`;
}

function number(value: number): string {
  return value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value);
}

function escape(text: string, quoted = false): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return quoted ? escaped.replaceAll('"', '\\"') : escaped;
}
