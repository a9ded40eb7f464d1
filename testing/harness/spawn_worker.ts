const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net=127.0.0.1",
  "--allow-env",
  "--allow-sys=hostname",
];

/**
 * Starts a program that serves models in a process of its own. It says on standard output what whoever started it listens for.
 *
 * @param program A module that reads its settings, as JSON, from its first argument.
 * @param settings These.
 * @param stdio Whether it is also spoken to, and whether its standard error is read or shown.
 */
export function spawnWorker(
  program: URL,
  settings: unknown,
  stdio: { stdin: "piped" | "null"; stderr: "piped" | "inherit" },
): Deno.ChildProcess {
  const args = ["run", ...PERMISSIONS, "--unstable-worker-options", program.href, JSON.stringify(settings)];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", ...stdio }).spawn();
}
