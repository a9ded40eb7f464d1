import { join } from "node:path";
import { UsageError } from "../../command.ts";

/** A file to send, as a path or `-`; or a folder that could not be read, and why. */
export interface Listed {
  readonly file: string;
  readonly error?: unknown;
}

/** Endings of the formats that can be decoded. */
const IMAGE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|bmp|dib|tiff?|avif|hei[cf]|p[bgpn]m|ico)$/i;
const MAX_LINE = 65_536;

/**
 * Lists the files of paths. Whether each exists and can be read is not checked here.
 *
 * @param paths Files and folders.
 * @param options `recursive`: folders are replaced by the images in them, sorted by name, with those in their
 * folders. Hidden entries are left out, and links to folders are not followed. `onSkipped` is called for each
 * file in a folder that is not named as an image.
 */
export async function* listFiles(
  paths: Iterable<string> | AsyncIterable<string>,
  { recursive, onSkipped }: { readonly recursive: boolean; onSkipped(): void },
): AsyncGenerator<Listed, void, void> {
  for await (const path of paths) {
    if (recursive && await isFolder(path)) yield* filesIn(path, onSkipped);
    else yield { file: path };
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false; // The sender reports what is wrong with it.
  }
}

async function* filesIn(folder: string, onSkipped: () => void): AsyncGenerator<Listed, void, void> {
  const entries: Deno.DirEntry[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) if (!entry.name.startsWith(".")) entries.push(entry);
  } catch (error) {
    return yield { file: folder, error };
  }
  entries.sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (isDirectory) yield* filesIn(join(folder, name), onSkipped);
    else if (IMAGE_NAME.test(name)) yield { file: join(folder, name) };
    else onSkipped();
  }
}

/**
 * Reads a list of paths as it is written, one per line; empty lines are left out.
 *
 * @param path The file with the list; `-` is standard input.
 * @throws {UsageError} If a line is too long to be a path.
 * @throws {Deno.errors.NotFound} and other errors of the file system.
 */
export async function* readList(path: string): AsyncGenerator<string, void, void> {
  const bytes = path === "-" ? Deno.stdin.readable : (await Deno.open(path)).readable;
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_LINE) {
      throw new UsageError(
        `Cannot read the list ${path}: a line has more than ${MAX_LINE} characters; expected one path per line`,
      );
    }
    yield* lines.flatMap(pathIn);
  }
  yield* pathIn(rest);
}

function pathIn(line: string): string[] {
  const path = line.replace(/\r$/, "");
  return path === "" ? [] : [path === "-" ? "./-" : path];
}
