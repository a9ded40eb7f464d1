const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net=127.0.0.1",
  "--allow-env",
  "--allow-sys=hostname",
];

/**
 * Starts a program that serves models, in its own process. Its standard output is piped.
 *
 * @param program A module that reads its settings, as JSON, from its first argument.
 * @param settings The settings.
 * @param stdio Whether its standard input and standard error are piped.
 */
export function spawnWorker(
  program: URL,
  settings: unknown,
  stdio: { stdin: "piped" | "null"; stderr: "piped" | "inherit" },
): Deno.ChildProcess {
  const args = ["run", ...PERMISSIONS, "--unstable-worker-options", program.href, JSON.stringify(settings)];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", ...stdio }).spawn();
}
