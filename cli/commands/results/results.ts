import { BUS_PERMISSIONS, defineActions } from "../../command.ts";
import { BUS_OPTIONS } from "../../options.ts";
import { accuracy } from "./accuracy.ts";
import { exportImages } from "./export.ts";
import { list } from "./list.ts";
import { FILTER, RESULT_OPTIONS } from "./options.ts";

const BUS = Object.keys(BUS_OPTIONS) as (keyof typeof BUS_OPTIONS)[];
const SELECTED = ["results", ...FILTER, "limit", "json"] as const;
const IDS = { form: "[ID…]", min: 0, max: Infinity } as const;

/** Shows stored results, how many of them are right, and writes their images. */
export const results = defineActions({
  name: "results",
  summary: "Show stored results, newest last; their accuracy; their images",
  options: RESULT_OPTIONS,
  examples: [
    ["imagebus results", "the newest 20"],
    ["imagebus results --model mnist --since 2h --below 0.6", "uncertain ones of the last two hours"],
    ["imagebus results --wrong --csv --limit 100000", "what was not classified as its true label, as CSV"],
    ["imagebus results --follow", "print results as they are stored"],
    ["imagebus results --results postgres://me@localhost/images", "from PostgreSQL"],
    ["imagebus results accuracy --model mnist", "by label, and which labels are confused"],
    ["imagebus results export --labelled --images corrected", "a folder per class, to train on"],
  ],
  permissions: BUS_PERMISSIONS,
  otherwise: "list",
  actions: {
    list: { operands: IDS, options: [...SELECTED, "csv", "follow"], run: list },
    accuracy: {
      operands: IDS,
      options: SELECTED.filter((name) => name !== "limit" && name !== "failed"),
      run: accuracy,
    },
    export: { operands: IDS, options: [...BUS, ...SELECTED, "images"], run: exportImages },
  },
});
