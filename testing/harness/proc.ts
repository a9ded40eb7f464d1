/**
 * Reads a file of Linux's /proc about a process. Deno itself reads /proc only with all permissions.
 *
 * @param pid The process.
 * @param file `status`, `stat`.
 */
export async function readProc(pid: number, file: string): Promise<string> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/${file}`] }).output();
  return new TextDecoder().decode(stdout);
}

/**
 * Memory of a process, in bytes (Linux).
 *
 * @param pid The process.
 * @param field `VmRSS`: what is resident now; `VmHWM`: the peak so far.
 */
export async function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+)`).exec(await readProc(pid, "status")) ?? [];
  return 1024 * Number(kibibytes);
}
