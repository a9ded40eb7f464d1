/**
 * A batch job: sends every file of a folder, and writes a line of CSV for each result as it comes.
 *
 *     deno run --allow-read --allow-write --allow-net --allow-env --allow-sys=hostname \
 *       examples/batch_job.ts photos fashion-mnist > labels.csv
 *
 * Worker processes do the work; start as many as you like.
 */
import { type Bus, connect, type Result } from "../mod.ts";

const CONCURRENT = 64;

/** Sends the files; the ids are added before a result can come. */
async function send(bus: Bus, paths: readonly string[], model: string, pathOf: Map<string, string>) {
  const rest = paths.values();
  const sender = async () => {
    for (const path of rest) {
      const id = crypto.randomUUID();
      pathOf.set(id, path);
      await bus.send(await Deno.readFile(path), { id, model });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, sender));
}

function line(path: string, result: Result): string {
  const cells = result.status === "classified"
    ? [path, result.unknown ? "unknown" : result.label, result.confidence.toFixed(4)]
    : [path, "", result.error.code];
  return cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
}

const [folder = ".", model = "fashion-mnist"] = Deno.args;
const files = Array.fromAsync(Deno.readDir(folder));
const paths = (await files).filter(({ isFile }) => isFile).map(({ name }) => `${folder}/${name}`).sort();

await using bus = await connect();
await using results = bus.results({ model });
await results.ready;
const pathOf = new Map<string, string>();
const sending = send(bus, paths, model, pathOf);
let open = paths.length;
if (open > 0) {
  for await (const result of results) {
    const path = pathOf.get(result.id);
    if (path === undefined || !pathOf.delete(result.id)) continue;
    console.log(line(path, result));
    if (--open === 0) break;
  }
}
await sending;
