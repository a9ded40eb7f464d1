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
 * @param options Whether its standard input and standard error are piped, and variables besides those of this process.
 */
export function spawnWorker(
  program: URL,
  settings: unknown,
  options: {
    readonly stdin: "piped" | "null";
    readonly stderr: "piped" | "inherit";
    readonly env?: Record<string, string>;
  },
): Deno.ChildProcess {
  const args = ["run", ...PERMISSIONS, "--unstable-worker-options", program.href, JSON.stringify(settings)];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", ...options }).spawn();
}
