const ROOT = new URL("../", import.meta.url);
const FLAGS = ["--allow-read", "--allow-write", "--allow-net", "--allow-env", "--allow-sys=hostname"];

/** The outcome of `imagebus status`. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The objects that it printed with `--json`. */
  readonly objects: readonly Record<string, unknown>[];
}

/** The command `imagebus status`, in its own process. */
export function statusCommand(stateDir: string, ...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...FLAGS, "cli.ts", "status", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", IMAGEBUS_STATE_DIR: stateDir, IMAGEBUS_URL: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs {@linkcode statusCommand} to its end. */
export async function status(stateDir: string, ...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await statusCommand(stateDir, ...args).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  const lines = args.includes("--json") ? out.split("\n").filter((line) => line !== "") : [];
  return { code, out, err, objects: lines.map((line) => JSON.parse(line)) };
}
