import type { TopicInfo } from "../../bus/transport/transport.ts";
import { type Arguments, BUS_PERMISSIONS, defineCommand, NO_OPERANDS } from "../command.ts";
import type { OptionTable } from "../../lib/options.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus } from "../options.ts";
import { bold, columns, logError, print } from "../ui/terminal.ts";

const OPTIONS = {
  ...BUS_OPTIONS,
  group: { type: "text", default: "imagebus", value: "NAME", text: "group whose lag to show" },
  ...JSON_OPTION,
} as const satisfies OptionTable;
type Args = Arguments<typeof OPTIONS>;

/** Lists the topics of a bus. */
export const topics = defineCommand({
  name: "topics",
  summary: "List the topics of the bus, with the lag of a group",
  operands: NO_OPERANDS,
  options: OPTIONS,
  examples: [
    ["imagebus topics", "topics of the embedded bus"],
    ["imagebus topics --bus kafka://localhost:9092 --json", "topics of Kafka as JSON"],
  ],
  permissions: BUS_PERMISSIONS,
  run,
});

async function run(args: Args): Promise<number> {
  await using bus = await openBus(args);
  const infos = await bus.transport.topics(args.values.group);
  if (args.values.json) { for (const info of infos) print(JSON.stringify({ ...info, ...summary(info) })); }
  else if (infos.length > 0) print(columns([HEADER, ...infos.map(toCells)]));
  else logError(`No topics on ${bus.transport.url} yet; imagebus worker creates them`);
  return 0;
}

const HEADER = ["topic", "partitions", "kept", "waiting"].map(bold);

function toCells(info: TopicInfo): string[] {
  const { kept, waiting } = summary(info);
  return [info.name, String(info.partitions.length), String(kept), waiting === null ? "-" : String(waiting)];
}

/** `waiting` is `null` where the group has never committed: it does not read that topic. */
function summary({ partitions }: TopicInfo): { kept: number; waiting: number | null } {
  const kept = partitions.reduce((sum, { start, end }) => sum + end - start, 0);
  if (partitions.every(({ committed }) => committed === null)) return { kept, waiting: null };
  const waiting = partitions.reduce(
    (sum, { start, end, committed }) => sum + end - Math.max(committed ?? 0, start),
    0,
  );
  return { kept, waiting };
}
