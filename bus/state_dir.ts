/**
 * Default directory of the files of imagebus: `IMAGEBUS_STATE_DIR`, else the user's state directory
 * (XDG Base Directory Specification 0.8 on Linux; `Application Support` on macOS; `LOCALAPPDATA` on Windows).
 *
 * @returns A path; the directory may not exist yet.
 */
export function stateDir(): string {
  const own = Deno.env.get("IMAGEBUS_STATE_DIR");
  if (own) return own;
  if (Deno.build.os === "windows") return `${Deno.env.get("LOCALAPPDATA") ?? "."}\\imagebus`;
  const home = Deno.env.get("HOME") ?? ".";
  if (Deno.build.os === "darwin") return `${home}/Library/Application Support/imagebus`;
  return `${Deno.env.get("XDG_STATE_HOME") ?? `${home}/.local/state`}/imagebus`;
}
