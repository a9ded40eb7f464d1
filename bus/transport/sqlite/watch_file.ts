/** What a watch tells. */
export interface FileWatchEvents {
  /** The file was written to; several writes may be told as one. */
  readonly onWrite: () => void;
  /** The watch can't go on. */
  readonly onEnd: () => void;
}

/**
 * Watches a file with Linux's inotify. Elsewhere nothing is watched: there, writes to a file that stays open are told late
 * or never.
 *
 * @param path An existing file.
 * @param events Whom to tell.
 * @returns Ends the watch; `null` when there is none.
 */
export function watchFile(path: string, events: FileWatchEvents): (() => void) | null {
  if (Deno.build.os !== "linux") return null;
  // Asking for the permission would interrupt a person for what can be done without it.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return null;
  try {
    const watcher = Deno.watchFs(path, { recursive: false });
    follow(watcher, events);
    return () => watcher.close();
  } catch {
    // The user's watches are used up, or the file system has none.
    return null;
  }
}

async function follow(watcher: Deno.FsWatcher, { onWrite, onEnd }: FileWatchEvents): Promise<void> {
  try {
    for await (const { kind } of watcher) if (kind === "modify") onWrite();
  } catch {
    // It ends as it would without an error.
  }
  onEnd();
}
