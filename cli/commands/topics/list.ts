import type { TopicInfo } from "../../../bus/transport/transport.ts";
import { kept, lagOf } from "../../lag.ts";
import { openExistingBus } from "../../options.ts";
import { bold, columns, logError, print } from "../../ui/terminal.ts";
import type { TopicsArguments } from "./options.ts";

/** Lists the topics of a bus. */
export async function list(args: TopicsArguments): Promise<number> {
  await using bus = await openExistingBus(args);
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
  const reads = partitions.some(({ committed }) => committed !== null);
  return { kept: kept(partitions), waiting: reads ? lagOf(partitions) : null };
}
