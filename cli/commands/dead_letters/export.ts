import { basename, dirname, join, resolve } from "node:path";
import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { mediaType } from "../../../bus/image_source.ts";
import { fileFailure, statIfAny } from "../../file_failure.ts";
import { fileNameOf } from "../../file_name_of.ts";
import { plural } from "../../../lib/plural.ts";
import { ifFound } from "../../../lib/if_found.ts";
import { UsageError } from "../../command.ts";
import { type DeadLetterArguments, filterOf } from "./options.ts";
import { noneMessage } from "./list.ts";
import { toWholeObject } from "./text.ts";
import { openExistingBus } from "../../options.ts";
import { logError, print } from "../../ui/terminal.ts";

/** File extensions by media type; never `json`, the extension of the description. */
const EXTENSIONS: Readonly<Record<string, string>> = {
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
 * `dead-letters export DIR`: per dead letter a file with the original bytes, and one with the rest as JSON. The directory
 * appears when it is complete, or not at all.
 */
export async function exportLetters(args: DeadLetterArguments): Promise<number> {
  const [dir = ""] = args.operands;
  const filter = filterOf(args);
  const target = resolve(dir);
  await checkEmpty(dir);
  await using bus = await openExistingBus(args);
  const draft = join(dirname(target), `.${basename(target)}-${crypto.randomUUID()}.tmp`);
  try {
    await written(dir, Deno.mkdir(draft, { recursive: true }));
    const count = await writeAll(draft, bus.deadLetters(filter), dir, args.values.json);
    if (count === 0) logError(noneMessage(filter, bus.transport.url));
    else {
      await written(dir, moveTo(draft, target));
      logError(`Exported ${plural(count, "dead letter")} to ${dir}`);
    }
  } finally {
    await Deno.remove(draft, { recursive: true }).catch(() => {});
  }
  return 0;
}

async function checkEmpty(dir: string): Promise<void> {
  if (await statIfAny(dir) === null) return;
  try {
    for await (const _ of Deno.readDir(dir)) {
      throw new UsageError(`Cannot export: ${dir} is not empty; expected an empty or new directory`);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotADirectory) {
      throw new UsageError(`Cannot export: ${dir} is a file; expected a directory`);
    }
    throw cause instanceof UsageError ? cause : fileFailure("read", dir, cause);
  }
}

/** Waits for a part of the export; a fault is that of the directory which the user named. */
async function written(dir: string, operation: Promise<void>): Promise<void> {
  try {
    await operation;
  } catch (cause) {
    throw fileFailure("write", dir, cause);
  }
}

/** Removes an empty target first: not every system renames over a directory. */
async function moveTo(draft: string, target: string): Promise<void> {
  await ifFound(Deno.remove(target));
  await Deno.rename(draft, target);
}

async function writeAll(
  draft: string,
  letters: AsyncIterable<DeadLetter>,
  dir: string,
  json: boolean,
): Promise<number> {
  const names = new Set<string>();
  for await (const letter of letters) {
    const name = uniqueName(fileNameOf(letter.id, "letter"), names);
    const file = letter.omitted ? null : `${name}.${extensionOf(letter)}`;
    const about = { ...toWholeObject(letter), file };
    const write = (file: string, content: Uint8Array) =>
      written(dir, Deno.writeFile(join(draft, file), content, { createNew: true }));
    if (file !== null) await write(file, letter.value);
    await write(`${name}.json`, new TextEncoder().encode(JSON.stringify(about, null, 2) + "\n"));
    if (json) print(JSON.stringify({ id: letter.id, file }));
    else print(file ?? `${name}.json`);
  }
  return names.size;
}

function uniqueName(name: string, names: Set<string>): string {
  let free = name;
  for (let i = 2; names.has(free); i++) free = `${name}-${i}`;
  names.add(free);
  return free;
}

function extensionOf({ headers, value }: DeadLetter): string {
  const header = headers["content-type"];
  const type = typeof header === "string" ? header.split(";")[0]!.trim().toLowerCase() : "";
  const extension = (name: string) => Object.hasOwn(EXTENSIONS, name) ? EXTENSIONS[name] : undefined;
  return extension(type) ?? extension(mediaType(value)) ?? "bin";
}
