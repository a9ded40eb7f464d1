import type { TopicInfo } from "../../bus/transport/transport.ts";
import { type Arguments, defineCommand, NO_OPERANDS } from "../command.ts";
import type { OptionTable } from "../../lib/options.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus } from "../options.ts";
import { bold, columns, logError, print } from "../ui/terminal.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  group: { type: "text", default: "imagebus", value: "NAME", text: "group whose lag to show" },
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Shows what is on the bus. */
export const topics = defineCommand({
  name: "topics",
  summary: "Show the topics of the bus, and the lag of a group",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["imagebus topics", "of the embedded bus"],
    ["imagebus topics --bus kafka://localhost:9092 --json", "of Kafka, for programs"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
});

async function run(args: Args): Promise<number> {
  await using bus = await openBus(args);
  const infos = await bus.transport.topics(args.values.group);
  if (args.values.json) { for (const info of infos) print(JSON.stringify({ ...info, ...summary(info) })); }
  else if (infos.length > 0) print(columns([HEADER, ...infos.map(toCells)]));
  else logError(`There are no topics on ${bus.transport.url} yet: imagebus worker creates them`);
  return 0;
}

const HEADER = ["topic", "partitions", "kept", "waiting"].map(bold);

function toCells(info: TopicInfo): string[] {
  const { kept, waiting } = summary(info);
  return [info.name, String(info.partitions.length), String(kept), waiting === null ? "-" : String(waiting)];
}

/** `waiting` is `null` where the group never committed: it does not read that topic. */
function summary({ partitions }: TopicInfo): { kept: number; waiting: number | null } {
  const kept = partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  if (partitions.every(({ committed }) => committed === null)) return { kept, waiting: null };
  const waiting = partitions.reduce(
    (sum, { start, end, committed }) => sum + end - Math.max(committed ?? 0, start),
    0,
  );
  return { kept, waiting };
}
