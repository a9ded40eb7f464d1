import { flagOf } from "../../../lib/options.ts";
import { valueForm } from "../../arguments.ts";
import { type Command, readsVariables } from "../../command.ts";

/** What a shell completes after a command. */
export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  /** Names of sub-commands, or of other operands that are known. */
  readonly operands: readonly string[];
  readonly flags: readonly FlagWords[];
}

/** An option, as it is typed. */
export interface FlagWords {
  /** With its dashes. */
  readonly flag: string;
  /** A letter. */
  readonly short?: string;
  readonly text: string;
  /** What stands for the value; `undefined` for a flag without one. */
  readonly value?: string;
  /** The values that there are, if they are known. */
  readonly values?: readonly string[];
}

const SHARED: readonly FlagWords[] = [
  { flag: "--help", text: "print how the command is used" },
];
const CONFIG: FlagWords = { flag: "--config", text: "configuration file", value: "FILE" };

/** The words of a command, from its table of options. */
export function wordsOf(command: Command): CommandWords {
  const { name, summary, options } = command;
  const flags = Object.entries(options).flatMap(([option, row]): FlagWords[] => {
    if (row.type === "api") return [];
    const { text, short } = row;
    const flag = flagOf(option);
    if (row.type === "flag" && row.default === true) return [{ flag: flag.replace("--", "--no-"), text }];
    return [{
      flag,
      text,
      ...short !== undefined && { short },
      ...row.type !== "flag" && { value: valueForm(row) },
      ...row.type === "choice" && { values: row.values },
    }];
  });
  const operands = "actions" in command ? Object.keys(command.actions) : alternatives(command.operands.form);
  return {
    name,
    summary,
    operands,
    flags: [...flags, ...readsVariables(command) ? [CONFIG] : [], ...SHARED],
  };
}

/** `bash|zsh|fish` as words. */
function alternatives(form: string): readonly string[] {
  return /^[a-z]+(\|[a-z]+)+$/.test(form) ? form.split("|") : [];
}
