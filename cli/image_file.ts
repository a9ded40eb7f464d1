import { pathToFileURL } from "node:url";
import { type ImageSource, readImage } from "../bus/image_source.ts";
import { BusError } from "../bus/transport/errors.ts";
import { UsageError } from "./command.ts";
import { fileFailure } from "./file_failure.ts";

/**
 * Checks that the operands of a command are files, so that a mistake is found before anything is done.
 *
 * @param action What is going to be done, for messages: `"send"`.
 * @param files Paths; `-` is standard input.
 * @throws {UsageError} For the first that is missing or is not a regular file.
 */
export async function checkImageFiles(action: string, files: readonly string[]): Promise<void> {
  for (const file of files) if (file !== "-") await checkFile(action, file);
}

async function checkFile(action: string, file: string): Promise<void> {
  const info = await Deno.stat(file).catch((cause) => {
    throw fileFailure("read", file, cause);
  });
  if (!info.isFile) throw new UsageError(`Cannot ${action} ${file}: it is not a regular file`);
}

/** The image of an operand: a path, or `-` for standard input. */
export function imageSource(file: string): ImageSource {
  return file === "-" ? Deno.stdin.readable : pathToFileURL(file);
}

/**
 * Reads the image of an operand.
 *
 * @param file A path, or `-` for standard input.
 * @param maxBytes Largest size of the file.
 * @throws {BusError} `too_large`.
 * @throws {UsageError} If it cannot be read.
 */
export async function readImageFile(file: string, maxBytes: number): Promise<Uint8Array> {
  try {
    return await readImage(imageSource(file), maxBytes);
  } catch (cause) {
    throw cause instanceof BusError ? cause : fileFailure("read", file, cause);
  }
}
