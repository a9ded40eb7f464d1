import { type Arguments, type Command, UsageError } from "../command.ts";
import { parseSince } from "./dead_letters/filter.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus } from "../options.ts";
import { resultCells } from "../ui/result_cells.ts";
import { columns, dim, print } from "../ui/terminal.ts";

/** Waits for the result of an image that was sent before. */
export const result: Command = {
  name: "result",
  summary: "Wait for the result of an image that was sent before",
  operands: "ID",
  options: {
    ...BUS_OPTIONS,
    since: {
      type: "string",
      value: "TIME",
      description: "when it was sent, as 30m, 2h or a time: found sooner on a bus with many results",
    },
    "timeout-ms": {
      type: "number",
      value: "MS",
      description: "how long to wait for the result; default 30000",
      range: [1, 2_147_483_647],
    },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus result order-17", "print what it is, now or when it is known"],
    ["imagebus result order-17 --since 2h", "look only through the results of two hours"],
    ["imagebus result order-17 --json --timeout-ms 600000", "the same for programs, with patience"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [id, ...others] = args.operands;
  if (id === undefined || others.length > 0) {
    throw new UsageError("result needs the one id that send printed: imagebus result ID");
  }
  const since = args.text("since");
  const timeoutMs = args.number("timeout-ms");
  const options = {
    ...(since !== undefined && { since: parseSince(since) }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  await using bus = await openBus(args);
  const found = await bus.result(id, options);
  print(args.flag("json") ? JSON.stringify(found) : columns([[...resultCells(found), dim(id)]]));
  return found.status === "failed" ? 1 : 0;
}
