import { messageOf } from "../../../lib/coded_error.ts";
import type { OptionTable } from "../../../lib/options.ts";
import { BUS_PERMISSIONS, type Command, defineCommand, NO_OPERANDS } from "../../command.ts";
import type { LoadCommands } from "../../config_file.ts";
import { BUS_OPTIONS, JSON_OPTION, MODELS_DIRS_OPTION, RESULTS_OPTION } from "../../options.ts";
import { bold, columns, green, print, red } from "../../ui/terminal.ts";
import {
  type Check,
  checkBus,
  checkConfig,
  checkDeno,
  checkModels,
  checkPermissions,
  checkResults,
  checkStateDirectory,
  checkVariables,
  checkWorkers,
  type DoctorArguments,
  type Finding,
} from "./checks.ts";

/** Variables that are not those of options. */
const OTHER_VARIABLES = ["IMAGEBUS_STATE_DIR", "IMAGEBUS_CONFIG", "IMAGEBUS_DATA"];

/** Checks what imagebus needs, and shows what is wrong. */
export function doctorCommand(all: LoadCommands): Command {
  const doctor = defineCommand({
    name: "doctor",
    summary: "Check versions, permissions, models, bus and workers, and show what is wrong",
    operands: NO_OPERANDS,
    options: { ...BUS_OPTIONS, ...MODELS_DIRS_OPTION, ...RESULTS_OPTION, ...JSON_OPTION },
    examples: [
      ["imagebus doctor", "exit code 1 if something is wrong"],
      ["imagebus doctor --bus kafka://localhost:9092", "whether this Kafka answers, too"],
    ],
    permissions: BUS_PERMISSIONS,
    async run(args) {
      const tables = (await all()).map(({ options }): OptionTable => options);
      const checks: Readonly<Record<string, Check>> = {
        "deno": checkDeno,
        "permissions": () => checkPermissions(doctor as Command),
        "configuration file": checkConfig,
        "variables": () => checkVariables(tables, OTHER_VARIABLES),
        "state directory": checkStateDirectory,
        "models": checkModels,
        "bus": checkBus,
        "results": checkResults,
        "workers": checkWorkers,
      };
      const found = await examine(checks, args);
      if (args.values.json) { for (const finding of found) print(JSON.stringify(finding)); }
      else print(columns([["", "checked", ""].map(bold), ...found.map(toCells)]));
      return found.some(({ state }) => state === "wrong") ? 1 : 0;
    },
  });
  return doctor as Command;
}

type Named = Finding & { readonly check: string };

async function examine(checks: Readonly<Record<string, Check>>, args: DoctorArguments): Promise<Named[]> {
  const found: Named[] = [];
  for (const [check, look] of Object.entries(checks)) {
    try {
      for (const finding of [await look(args)].flat()) found.push({ check, ...finding });
    } catch (error) {
      found.push({ check, state: "wrong", text: messageOf(error) });
    }
  }
  return found;
}

function toCells({ check, state, text }: Named): string[] {
  return [state === "wrong" ? red(state) : state === "ok" ? green(state) : state, check, text];
}
