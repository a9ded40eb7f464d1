import { findStateDir, stateDir } from "../../../bus/state_dir.ts";
import { messageOf } from "../../../lib/coded_error.ts";
import { explainFileError } from "../../../lib/file_errors.ts";
import { ifFound } from "../../../lib/if_found.ts";
import { type OptionTable, variableOf } from "../../../lib/options.ts";
import { plural } from "../../../lib/plural.ts";
import { didYouMean } from "../../../lib/suggestion.ts";
import { listModels, loadModel } from "../../../models/registry.ts";
import type { Arguments, Command } from "../../command.ts";
import { modelSearch } from "../../models_directory.ts";
import type { BUS_OPTIONS, MODELS_DIRS_OPTION, RESULTS_OPTION } from "../../options.ts";
import { missingPermissions, permissionFlags } from "../../permissions.ts";
import { resultsPlace, withoutResults } from "../../results_file.ts";
import { openResultsIfAny } from "../../stored_results/stored_results.ts";
import { readReports } from "../../worker_report.ts";
import { StatusBuses } from "../status/bus.ts";
import { silence } from "../status/table.ts";

/** What a check found. */
export interface Finding {
  /** `note`: nothing is wrong, but it may not be what was meant. */
  readonly state: "ok" | "note" | "wrong";
  /** What is there; if it is wrong, what would be right. */
  readonly text: string;
}

/** The arguments of `imagebus doctor`. */
export type DoctorArguments = Arguments<
  typeof BUS_OPTIONS & typeof MODELS_DIRS_OPTION & typeof RESULTS_OPTION
>;

/** Looks at one thing. What it throws is wrong, too. */
export type Check = (
  args: DoctorArguments,
) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>;

/** The oldest Deno on which the tests run. */
const OLDEST_DENO = "2.9";

/** The version of Deno. */
export function checkDeno(): Finding {
  const { deno } = Deno.version;
  const text = `Deno ${deno}, ${Deno.build.os} ${Deno.build.arch}`;
  if (deno.localeCompare(OLDEST_DENO, "en", { numeric: true }) >= 0) return ok(text);
  return wrong(`${text}: expected ${OLDEST_DENO} or newer; deno upgrade`);
}

/** Whether all permissions that commands with a bus need are there. */
export async function checkPermissions(command: Command): Promise<Finding> {
  const missing = permissionFlags(await missingPermissions(command, "--allow-net --allow-sys"));
  if (missing.length === 0) return ok("all that a command needs");
  return note(`without ${missing.join(" ")}: commands that need more name what is missing`);
}

/** The configuration file, which was read before. */
export function checkConfig({ configPath }: DoctorArguments): Finding {
  return ok(configPath ?? "none");
}

/** Variables that no option has. */
export function checkVariables(
  tables: readonly OptionTable[],
  others: readonly string[],
): readonly Finding[] {
  const rows = tables.flatMap((table) => Object.entries(table)).filter(([, row]) => row.type !== "api");
  const known = new Set([...others, ...rows.map(([name, row]) => variableOf(name, row))]);
  const set = Object.keys(Deno.env.toObject()).filter((name) => name.startsWith("IMAGEBUS_")).sort();
  const unknown = set.filter((name) => !known.has(name));
  if (unknown.length === 0) return [ok(set.length === 0 ? "none" : set.join(", "))];
  return unknown.map((name) => wrong(`${name} is the variable of no option${didYouMean(name, [...known])}`));
}

/** Whether files can be written into the state directory. */
export async function checkStateDirectory(): Promise<Finding> {
  const directory = findStateDir() ?? stateDir();
  if (await ifFound(Deno.stat(directory)) === null) {
    return ok(`${directory}: does not exist yet; the first command that needs it creates it`);
  }
  try {
    const probe = await Deno.makeTempFile({ dir: directory, prefix: ".doctor-" });
    await Deno.remove(probe);
    return ok(directory);
  } catch (cause) {
    return wrong(explainFileError("write", directory, cause).message);
  }
}

/** Whether the weights of each model are those of its manifest. */
export async function checkModels(args: DoctorArguments): Promise<readonly Finding[]> {
  const entries = await listModels(await modelSearch(args));
  return await Promise.all(entries.map(async (entry) => {
    try {
      const { manifest } = await loadModel(entry);
      return ok(`${manifest.name} ${manifest.version}`);
    } catch (error) {
      return wrong(messageOf(error));
    }
  }));
}

/** Whether the bus answers. */
export async function checkBus(args: DoctorArguments): Promise<readonly Finding[]> {
  await using buses = new StatusBuses({ ...args, values: { ...args.values, group: undefined } });
  return (await buses.read(await readReports())).map((bus) =>
    "error" in bus
      ? wrong(`${bus.url}: ${bus.error}`)
      : ok(`${bus.url}: ${bus.lag} waiting, ${plural(bus.deadLetters, "dead letter")}`)
  );
}

/** Worker processes of this machine. */
export async function checkWorkers(): Promise<readonly Finding[]> {
  const reports = await readReports();
  if (reports.length === 0) return [note("none on this machine; imagebus worker starts one")];
  return reports.map(({ pid, health, silent, ageMs, models }) => {
    const text = `process ${pid} is ${health.state}: ${models.map(({ model }) => model).join(", ")}`;
    if (silent) return wrong(`process ${pid} is ${silence(ageMs)}; it was killed, or its machine sleeps`);
    return health.state === "ready" ? ok(text) : wrong([text, ...health.reasons].join("; "));
  });
}

/** Whether the results can be read. */
export async function checkResults(args: DoctorArguments): Promise<Finding> {
  const place = resultsPlace(args);
  await using results = await openResultsIfAny(args);
  return results ? ok(results.name) : note(withoutResults(place));
}

function ok(text: string): Finding {
  return { state: "ok", text };
}

function note(text: string): Finding {
  return { state: "note", text };
}

function wrong(text: string): Finding {
  return { state: "wrong", text };
}
