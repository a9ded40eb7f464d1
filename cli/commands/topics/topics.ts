import { BUS_PERMISSIONS, defineActions, NO_OPERANDS } from "../../command.ts";
import { BUS_OPTIONS } from "../../options.ts";
import { list } from "./list.ts";
import { TOPICS_OPTIONS } from "./options.ts";
import { plan } from "./plan.ts";

const BUS = Object.keys(BUS_OPTIONS) as (keyof typeof BUS_OPTIONS)[];

/** Lists the topics of a bus, or plans one. */
export const topics = defineActions({
  name: "topics",
  summary: "List the topics of the bus, with the lag of a group, or plan the partitions of one",
  options: TOPICS_OPTIONS,
  examples: [
    ["imagebus topics", "topics of the embedded bus"],
    ["imagebus topics --bus kafka://localhost:9092 --json", "topics of Kafka as JSON"],
    [
      "imagebus topics plan --rate 20000 --bytes 800 --model mnist",
      "partitions, worker threads and disk, from the speed of this machine",
    ],
  ],
  permissions: BUS_PERMISSIONS,
  otherwise: "list",
  actions: {
    list: { operands: NO_OPERANDS, options: [...BUS, "group", "json"], run: list },
    plan: {
      operands: NO_OPERANDS,
      options: ["rate", "bytes", "model", "waitMs", "retentionMs", "replicas", "modelsDirs", "json"],
      run: plan,
    },
  },
});
