import { BUS_PERMISSIONS, defineCommand } from "../command.ts";
import { defined } from "../../lib/defined.ts";
import { BUS_OPTIONS, JSON_OPTION, openExistingBus, sinceOption, TIMEOUT_OPTION } from "../options.ts";
import { resultCells } from "../ui/result_cells.ts";
import { columns, dim, print } from "../ui/terminal.ts";

/** Waits for the result of an image that was sent earlier. */
export const result = defineCommand({
  name: "result",
  summary: "Wait for the result of an image that was sent earlier",
  operands: { form: "ID", min: 1, max: 1 },
  options: {
    ...BUS_OPTIONS,
    since: sinceOption("search only results since then; faster on a large bus"),
    ...TIMEOUT_OPTION,
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus result order-17", "print the result, as soon as there is one"],
    ["imagebus result order-17 --since 2h", "search only the results of the last two hours"],
    ["imagebus result order-17 --json --timeout-ms 10m", "print JSON; wait up to ten minutes"],
  ],
  permissions: BUS_PERMISSIONS,
  async run(args) {
    const [id = ""] = args.operands;
    const { since, timeoutMs, json } = args.values;
    await using bus = await openExistingBus(args);
    const found = await bus.result(id, defined({ since, timeoutMs }));
    const file = found.fileName === undefined ? [] : [found.fileName];
    print(json ? JSON.stringify(found) : columns([[...file, ...resultCells(found), dim(id)]]));
    return found.status === "failed" ? 1 : 0;
  },
});
