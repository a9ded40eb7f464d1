import type { SERVE_OPTIONS } from "../../../actors/options.ts";
import { consoleSink } from "../../../actors/sinks/console.ts";
import { jsonlSink, type JsonlSinkOptions } from "../../../actors/sinks/jsonl.ts";
import { postgresSink } from "../../../actors/sinks/postgres.ts";
import type { Sink } from "../../../actors/sinks/sink.ts";
import { sqliteSink } from "../../../actors/sinks/sqlite.ts";
import { type Arguments, UsageError } from "../../command.ts";
import { flag, type OptionTable } from "../../../lib/options.ts";
import type { JSON_OPTION, RESULTS_OPTION } from "../../options.ts";
import { createDirectoryOf, isPostgres, resultsPlace } from "../../results_file.ts";
import { didYouMean } from "../../../lib/suggestion.ts";

/** Where results go, besides the topics. */
export const SINK_OPTIONS = {
  sink: {
    type: "texts",
    value: "SINK",
    otherwise: "console,sqlite",
    text: "where results go: console, sqlite[:PATH], postgres://USER@HOST/DATABASE or jsonl:PATH; " +
      "replaces the default; repeat it for several",
  },
  quiet: { ...flag("do not print results: omit the sink console"), short: "q" },
} as const satisfies OptionTable;

type Used =
  & typeof SINK_OPTIONS
  & typeof RESULTS_OPTION
  & typeof JSON_OPTION
  & Pick<typeof SERVE_OPTIONS, "maxInFlight">;
type SinkArguments = Arguments<Used>;

/** Opens a sink; `rest` is the text after the colon, `onUnread` as {@linkcode openSinks} has it. */
type Opener = (rest: string, args: SinkArguments, onUnread: () => void) => Promise<Sink>;

const OPENERS: Readonly<Record<string, Opener>> = {
  console: (rest, args, onUnread) => {
    if (rest !== "") throw new UsageError(`--sink console:${rest}: expected console; --json prints JSON`);
    const sink = consoleSink({ format: args.values.json ? "json" : "text" });
    const write: Sink["write"] = async (batch) => {
      try {
        await sink.write(batch);
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) onUnread();
        throw error;
      }
    };
    return Promise.resolve({ ...sink, write });
  },
  sqlite: async (rest, args) => {
    const path = rest || resultsPlace(args);
    if (isPostgres(path)) {
      throw new UsageError(
        "Cannot use the sink sqlite: --results is a PostgreSQL database; expected sqlite:PATH",
      );
    }
    if (rest.includes("?")) {
      throw new UsageError(`Invalid sink "sqlite:${rest}": it has no options; expected sqlite:PATH`);
    }
    await createDirectoryOf(path);
    return await sqliteSink(path);
  },
  jsonl: async (rest, args) => {
    const [path, options] = readJsonl(rest);
    await createDirectoryOf(path);
    // The images in flight when a process is killed are redelivered: their ids must still be known.
    const remember = Math.max(65_536, 4 * args.values.maxInFlight);
    return await jsonlSink(path, { remember, ...options });
  },
  postgres: (rest) => postgresSink(`postgres:${rest}`),
  postgresql: (rest) => postgresSink(`postgresql:${rest}`),
};

const NAMES = ["console", "sqlite:PATH", "jsonl:PATH", "postgres://USER@HOST/DATABASE"];

/** A comma separates sinks only before the name of a sink: paths and lists of hosts may contain commas. */
const SEPARATOR = new RegExp(`,\\s*(?=(?:${Object.keys(OPENERS).join("|")})(?:[:,]|$))`);

/**
 * Opens the sinks of `--sink`, else console and SQLite; with `--quiet` no console.
 *
 * @param args Of a command with the options sink, results, json and quiet.
 * @param onUnread Called when nobody reads what the console prints any more: to try again is of no use.
 * @throws {UsageError} For a malformed or unknown sink.
 * @throws {SinkError} For one that cannot be opened; the others are closed.
 */
export async function openSinks(args: SinkArguments, onUnread: () => void = () => {}): Promise<Sink[]> {
  const given = (args.values.sink ?? []).flatMap((text) => text.split(SEPARATOR)).map((text) => text.trim());
  const place = resultsPlace(args);
  const texts = given.length > 0 ? given : ["console", isPostgres(place) ? place : "sqlite"];
  if (new Set(texts).size < texts.length) throw new UsageError("--sink contains the same sink twice");
  checkUsed(texts, args);
  await using opened = new AsyncDisposableStack();
  const sinks: Sink[] = [];
  for (const text of texts) {
    if (text === "console" && args.values.quiet) continue;
    const sink = await openSink(text, args, onUnread);
    opened.defer(async () => await sink.close?.());
    sinks.push(sink);
  }
  opened.move();
  return sinks;
}

/** Options of a sink that is not used are rejected if they were typed. */
function checkUsed(texts: readonly string[], { values, sources }: SinkArguments): void {
  const check = (name: "json" | "results", sink: string, used: boolean) => {
    if (used || sources.get(name) !== "flag") return;
    // Only the names are shown: the rest can contain a password.
    const names = texts.map((text) => text.replace(/:.*/s, "")).join(", ");
    throw new UsageError(`Cannot use --${name}: it is for the sink ${sink}, and results go to ${names}`);
  };
  check("json", "console", texts.includes("console") && !values.quiet);
  check("results", "sqlite", ["sqlite", values.results].some((used) => used && texts.includes(used)));
}

async function openSink(text: string, args: SinkArguments, onUnread: () => void): Promise<Sink> {
  const [, name = "", rest = ""] = /^([^:]*):?(.*)$/s.exec(text) ?? [];
  if (Object.hasOwn(OPENERS, name)) return await OPENERS[name]!(rest, args, onUnread);
  // Only the name is shown: the rest can contain a password.
  throw new UsageError(`Unknown sink "${name}"${didYouMean(name, NAMES)}`);
}

/** `PATH?max-bytes=N&keep=N&remember=N` */
function readJsonl(text: string): [path: string, options: JsonlSinkOptions] {
  const [path = "", query = ""] = text.split("?", 2);
  if (path === "") throw new UsageError("--sink jsonl: expected a file: jsonl:PATH");
  const names = { "max-bytes": "maxBytes", keep: "keep", remember: "remember" } as const;
  const options: Record<string, number> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const name = Object.hasOwn(names, key) ? names[key as keyof typeof names] : undefined;
    if (name === undefined) {
      throw new UsageError(`jsonl has no option "${key}"${didYouMean(key, Object.keys(names))}`);
    }
    if (!/^\d{1,15}$/.test(value)) {
      throw new UsageError(`${key} of jsonl:${path} is "${value}": expected a whole number`);
    }
    options[name] = Number(value);
  }
  return [path, options];
}
