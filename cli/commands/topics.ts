import type { TopicInfo } from "../../bus/transport/transport.ts";
import { BUS_PERMISSIONS, defineCommand, NO_OPERANDS } from "../command.ts";
import { kept, lagOf } from "../lag.ts";
import { BUS_OPTIONS, JSON_OPTION, openExistingBus } from "../options.ts";
import { bold, columns, logError, print } from "../ui/terminal.ts";

/** Lists the topics of a bus. */
export const topics = defineCommand({
  name: "topics",
  summary: "List the topics of the bus, with the lag of a group",
  operands: NO_OPERANDS,
  options: {
    ...BUS_OPTIONS,
    group: { type: "text", default: "imagebus", value: "NAME", text: "group whose lag to show" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus topics", "topics of the embedded bus"],
    ["imagebus topics --bus kafka://localhost:9092 --json", "topics of Kafka as JSON"],
  ],
  permissions: BUS_PERMISSIONS,
  async run(args) {
    await using bus = await openExistingBus(args);
    const infos = await bus.transport.topics(args.values.group);
    if (args.values.json) { for (const info of infos) print(JSON.stringify({ ...info, ...summary(info) })); }
    else if (infos.length > 0) print(columns([HEADER, ...infos.map(toCells)]));
    else logError(`No topics on ${bus.transport.url} yet; imagebus worker creates them`);
    return 0;
  },
});

const HEADER = ["topic", "partitions", "kept", "waiting"].map(bold);

function toCells(info: TopicInfo): string[] {
  const { kept, waiting } = summary(info);
  return [info.name, String(info.partitions.length), String(kept), waiting === null ? "-" : String(waiting)];
}

/** `waiting` is `null` where the group has never committed: it does not read that topic. */
function summary({ partitions }: TopicInfo): { kept: number; waiting: number | null } {
  const reads = partitions.some(({ committed }) => committed !== null);
  return { kept: kept(partitions), waiting: reads ? lagOf(partitions) : null };
}
