import { DEFAULT_MAX_ATTEMPTS } from "../../../bus/dead_letter.ts";
import { type Arguments, type Command, UsageError } from "../../command.ts";
import { exportLetters } from "./export.ts";
import { list } from "./list.ts";
import { replay } from "./replay.ts";
import { show } from "./show.ts";
import { BUS_OPTIONS, JSON_OPTION, RESULTS_OPTION } from "../../options.ts";
import { didYouMean } from "../../ui/suggestion.ts";

/** Looks at what could not be classified, and has it tried again. */
export const deadLetters: Command = {
  name: "dead-letters",
  summary: "Show what could not be classified, keep it, or have it tried again",
  operands: "list | show ID | export DIR | replay",
  options: {
    ...BUS_OPTIONS,
    ...RESULTS_OPTION,
    id: {
      type: "string",
      value: "ID",
      multiple: true,
      description: "only this one; may be given several times",
    },
    model: { type: "string", value: "NAME", description: "only of this model" },
    reason: { type: "string", value: "CODE", description: "only what failed for this reason: damaged, …" },
    since: {
      type: "string",
      value: "WHEN",
      description: "only what failed since then: 30m, 2h, 7d, or 2026-01-31T12:00Z",
    },
    limit: {
      type: "number",
      value: "N",
      description: "the newest N; default: list 20, export and replay all",
      range: [1, 1_000_000_000],
    },
    all: { type: "boolean", description: "replay: everything" },
    "max-attempts": {
      type: "number",
      value: "N",
      description: `replay: leave what was tried so often; default ${DEFAULT_MAX_ATTEMPTS}`,
      range: [1, 1_000_000],
    },
    "dry-run": { type: "boolean", description: "replay: only say what would be sent" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus dead-letters list --since 2h", "what failed in the last two hours"],
    ["imagebus dead-letters show 42", "all that is known of one, and the picture"],
    ["imagebus dead-letters export ./failed --reason damaged", "the original bytes as files"],
    ["imagebus dead-letters replay --reason unknown_model", "when the model is there"],
    ["imagebus dead-letters replay --all --dry-run", "what would be tried again"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

const ACTIONS: Readonly<Record<string, (args: Arguments, operands: readonly string[]) => Promise<number>>> = {
  list,
  show,
  export: exportLetters,
  replay,
};

/** What has no meaning elsewhere, and would be missed there: who says `--dry-run` wants nothing to happen. */
const OF_REPLAY = ["all", "dry-run"];

async function run(args: Arguments): Promise<number> {
  const [action, ...operands] = args.operands;
  const known = Object.keys(ACTIONS);
  if (action === undefined) {
    throw new UsageError(`dead-letters needs one of ${known.join(", ")}: imagebus dead-letters list`);
  }
  const found = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (found === undefined) throw new UsageError(`dead-letters can't "${action}"${didYouMean(action, known)}`);
  const stray = action === "replay" ? undefined : OF_REPLAY.find((name) => args.flag(name));
  if (stray !== undefined) {
    throw new UsageError(`dead-letters ${action} has no option --${stray}: only replay has`);
  }
  return await found(args, operands);
}
