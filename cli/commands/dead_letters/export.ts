import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { mediaType } from "../../../bus/image_source.ts";
import { UsageError } from "../../command.ts";
import type { DeadLetterArguments } from "./options.ts";
import { filterOf } from "./filter.ts";
import { none } from "./list.ts";
import { toWholeObject } from "./text.ts";
import { openBus } from "../../options.ts";
import { logError, print } from "../../ui/terminal.ts";

/** Endings by media type. None is `json`: that is the file beside. */
const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/gif": "gif",
  "image/webp": "webp",
  "image/bmp": "bmp",
  "image/tiff": "tiff",
  "image/avif": "avif",
  "application/pdf": "pdf",
  "application/cloudevents+json": "cloudevent",
  "text/plain": "txt",
};

/**
 * `dead-letters export DIR`: per letter a file with the original bytes, and one with the rest as JSON. The directory appears
 * when all are in it, or not at all.
 */
export async function exportLetters(args: DeadLetterArguments): Promise<number> {
  const [dir = ""] = args.operands;
  const filter = filterOf(args);
  const target = resolve(dir);
  await refuseOccupied(target, dir);
  await using bus = await openBus(args);
  const draft = join(dirname(target), `.${basename(target)}-${crypto.randomUUID()}.tmp`);
  await Deno.mkdir(draft, { recursive: true });
  try {
    const count = await writeAll(draft, bus.deadLetters(filter), args.values.json);
    if (count === 0) logError(none(filter, bus.transport.url));
    else {
      await takePlace(draft, target);
      logError(`Exported ${count} dead letter${count === 1 ? "" : "s"} to ${dir}`);
    }
  } finally {
    await Deno.remove(draft, { recursive: true }).catch(() => {});
  }
  return 0;
}

async function refuseOccupied(target: string, dir: string): Promise<void> {
  try {
    for await (const _ of Deno.readDir(target)) {
      throw new UsageError(`${dir} is not empty: name a directory that is, or does not exist`);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return;
    if (cause instanceof Deno.errors.NotADirectory) {
      throw new UsageError(`${dir} is a file: name a directory`);
    }
    throw cause;
  }
}

/** An empty directory steps aside: not every system renames over one. */
async function takePlace(draft: string, target: string): Promise<void> {
  await Deno.remove(target).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.rename(draft, target);
}

async function writeAll(dir: string, letters: AsyncIterable<DeadLetter>, json: boolean): Promise<number> {
  const names = new Set<string>();
  for await (const letter of letters) {
    const name = unused(fileName(letter.id), names);
    const file = letter.omitted ? null : `${name}.${endingOf(letter)}`;
    const about = { ...toWholeObject(letter), file };
    if (file !== null) await Deno.writeFile(join(dir, file), letter.value, { createNew: true });
    await Deno.writeTextFile(join(dir, `${name}.json`), JSON.stringify(about, null, 2) + "\n", {
      createNew: true,
    });
    if (json) print(JSON.stringify({ id: letter.id, file }));
    else print(file ?? `${name}.json`);
  }
  return names.size;
}

function unused(name: string, names: Set<string>): string {
  let free = name;
  for (let i = 2; names.has(free); i++) free = `${name}-${i}`;
  names.add(free);
  return free;
}

/**
 * A file's name for an id, which can be any text: the id itself where it is a plain name, else what is left of it and a digest,
 * so that different ids have different names, also where case does not count.
 *
 * @param id Any text.
 * @returns A name without a path, at most 110 characters of `a-z 0-9 . _ -`, beginning with a letter or digit.
 */
export function fileName(id: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(id) && !/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/.test(id)) return id;
  const left = id.toLowerCase().replace(/[^a-z0-9._-]+/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 80);
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 16);
  return left === "" ? digest : `letter-${left}-${digest}`;
}

function endingOf({ headers, value }: DeadLetter): string {
  const said = headers["content-type"];
  const type = typeof said === "string" ? said.split(";")[0]!.trim().toLowerCase() : "";
  const ending = (name: string) => Object.hasOwn(ENDINGS, name) ? ENDINGS[name] : undefined;
  return ending(type) ?? ending(mediaType(value)) ?? "bin";
}
