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

/**
 * CPU time of a process since its start, in seconds (Linux).
 *
 * @param pid The process.
 */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await readProc(pid, "stat");
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}
