import type { TopicInfo } from "../../bus/transport/transport.ts";
import type { Arguments, Command } from "../command.ts";
import { BUS_OPTIONS, JSON_OPTION, openBus } from "../options.ts";
import { bold, columns, print, say } from "../ui/terminal.ts";

/** Shows what is on the bus. */
export const topics: Command = {
  name: "topics",
  summary: "Show the topics of the bus, and how far a group has come",
  operands: "",
  options: {
    ...BUS_OPTIONS,
    group: { type: "string", value: "NAME", description: "whose progress to show; default imagebus" },
    ...JSON_OPTION,
  },
  examples: [
    ["imagebus topics", "of the embedded bus"],
    ["imagebus topics --bus kafka://localhost:9092 --json", "of Kafka, for programs"],
  ],
  permissions: ["env", "read", "write", "net", "sys"],
  run,
};

async function run(args: Arguments): Promise<number> {
  await using bus = await openBus(args);
  const infos = await bus.transport.topics(args.text("group") ?? "imagebus");
  if (args.flag("json")) { for (const info of infos) print(JSON.stringify({ ...info, ...summary(info) })); }
  else if (infos.length > 0) print(columns([HEADER, ...infos.map(toCells)]));
  else say(`There are no topics on ${bus.transport.url} yet: imagebus worker makes them`);
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
