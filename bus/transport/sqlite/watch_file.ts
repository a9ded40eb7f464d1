/** Notifications of a file watch. */
export interface FileWatchEvents {
  /** The file was written to; several writes can be one notification. */
  readonly onWrite: () => void;
  /** The watch has ended. */
  readonly onEnd: () => void;
}

/**
 * Watches a file with inotify, on Linux. Elsewhere nothing is watched: other systems report writes to a file
 * that stays open late or never.
 *
 * @param path An existing file.
 * @param events Called for each event.
 * @returns Ends the watch; `null` if the file is not watched.
 */
export function watchFile(path: string, events: FileWatchEvents): (() => void) | null {
  if (Deno.build.os !== "linux") return null;
  // A prompt for the permission would interrupt the user for something that is optional.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return null;
  try {
    const watcher = Deno.watchFs(path, { recursive: false });
    follow(watcher, events);
    return () => watcher.close();
  } catch {
    // The limit of watches is reached, or the file system does not support them.
    return null;
  }
}

async function follow(watcher: Deno.FsWatcher, { onWrite, onEnd }: FileWatchEvents): Promise<void> {
  try {
    for await (const { kind } of watcher) if (kind === "modify") onWrite();
  } catch {
    // An error ends the watch like `close` does.
  }
  onEnd();
}
