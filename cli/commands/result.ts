import { type Arguments, BUS_PERMISSIONS, defineCommand } from "../command.ts";
import type { OptionTable } from "../../lib/options.ts";
import { defined } from "../../lib/defined.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus, sinceOption, TIMEOUT_OPTION } from "../options.ts";
import { resultCells } from "../ui/result_cells.ts";
import { columns, dim, print } from "../ui/terminal.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  since: sinceOption("search only results since then; faster on a large bus"),
  ...TIMEOUT_OPTION,
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Waits for the result of an image that was sent earlier. */
export const result = defineCommand({
  name: "result",
  summary: "Wait for the result of an image that was sent earlier",
  operands: { form: "ID", min: 1, max: 1 },
  options: OPTIONS,
  examples: [
    ["imagebus result order-17", "print the result, as soon as there is one"],
    ["imagebus result order-17 --since 2h", "search only the results of the last two hours"],
    ["imagebus result order-17 --json --timeout-ms 10m", "print JSON; wait up to ten minutes"],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

async function run(args: Args): Promise<number> {
  const [id = ""] = args.operands;
  const { since, timeoutMs } = args.values;
  await using bus = await openBus(args);
  const found = await bus.result(id, defined({ since, timeoutMs }));
  print(args.values.json ? JSON.stringify(found) : columns([[...resultCells(found), dim(id)]]));
  return found.status === "failed" ? 1 : 0;
}
