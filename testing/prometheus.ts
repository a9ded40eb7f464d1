/**
 * A reader of Prometheus' text format that refuses what Prometheus refuses, and `promtool` where it is installed.
 *
 * @module
 */

/** A family as it was read. */
export interface ScrapedFamily {
  readonly type: string;
  readonly help: string;
  /** By name and labels, as they are written: `a_total{model="mnist"}`. */
  readonly samples: Map<string, number>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$/;
const LABELS = /^\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-z])|(?=\})))*\}$/;

/**
 * Reads a scrape.
 *
 * @throws {SyntaxError} With the line that is wrong.
 */
export function parseMetrics(text: string): Map<string, ScrapedFamily> {
  if (!text.endsWith("\n")) throw new SyntaxError("The last line does not end");
  const families = new Map<string, ScrapedFamily>();
  const helps = new Map<string, string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, keyword, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") helps.set(name, rest);
    else if (keyword === "TYPE") {
      if (families.has(name)) throw new SyntaxError(`${name} is declared twice`);
      families.set(name, { type: rest, help: helps.get(name) ?? "", samples: new Map() });
      current = name;
    } else addSample(line, current, families);
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function addSample(line: string, current: string, families: ReadonlyMap<string, ScrapedFamily>): void {
  const [, name = "", labels = "", value = ""] = SAMPLE.exec(line) ?? [];
  const family = families.get(current);
  const isOfFamily = family?.type === "histogram"
    ? new RegExp(`^${current}_(bucket|sum|count)$`).test(name)
    : name === current;
  if (!family || !isOfFamily || (labels !== "" && !LABELS.test(labels))) throw new SyntaxError(line);
  const number = value === "+Inf" ? Infinity : Number(value);
  const key = name + labels;
  if (value === "" || Number.isNaN(number) || family.samples.has(key)) throw new SyntaxError(line);
  family.samples.set(key, number);
}

/** Its buckets grow, and the last one holds all. */
function checkHistogram(name: string, { samples }: ScrapedFamily): void {
  let [series, last] = ["", 0];
  for (const [key, value] of samples) {
    const [, labels = "", le = ""] = /_bucket\{(.*?),?le="([^"]+)"\}$/.exec(key) ?? [];
    if (!key.startsWith(`${name}_bucket`)) continue;
    if (labels !== series) [series, last] = [labels, 0];
    if (value < last) throw new SyntaxError(`${key} is less than the bucket before it`);
    const count = samples.get(`${name}_count${labels && `{${labels}}`}`);
    if (le === "+Inf" && count !== value) throw new SyntaxError(`${key} is not the count`);
    last = le === "+Inf" ? 0 : value;
  }
}

/** Sum of a family over all series whose labels include these: `sumOf(scrape, "a_total", 'model="mnist"')`. */
export function sumOf(
  families: ReadonlyMap<string, ScrapedFamily>,
  name: string,
  ...labels: readonly string[]
): number {
  const family = families.get(name) ?? families.get(name.replace(/_(count|sum)$/, ""));
  if (family === undefined) throw new Error(`No metric ${name}`);
  return [...family.samples].filter(([key]) =>
    key.replace(/\{.*/, "") === name && labels.every((label) => key.includes(label))
  ).reduce((sum, [, value]) => sum + value, 0);
}

/**
 * Runs `promtool`.
 *
 * @param args Of promtool.
 * @param input Its standard input.
 * @returns What it printed, and its exit code; `null` where it is not installed.
 */
export async function promtool(
  args: readonly string[],
  input = "",
): Promise<{ readonly code: number; readonly output: string } | null> {
  try {
    const child = new Deno.Command("promtool", {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
