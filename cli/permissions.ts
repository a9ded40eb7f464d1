import type { Command, Permission } from "./command.ts";
import { logError } from "./ui/terminal.ts";

const REASONS: Readonly<Record<Permission, string>> = {
  env: "options can come from variables IMAGEBUS_…, and others say where your state directory is",
  read: "images, models, the embedded bus, results.db",
  write: "the embedded bus, results.db",
  net: "Kafka, PostgreSQL",
  sys: "Kafka's client says the name of this machine",
  run: "other programs",
};

/**
 * Asks for what a command will need, once for each kind, instead of once for each variable and file. Does nothing where
 * flags say something about that kind already, or where there is no terminal to ask on.
 *
 * @param command What will be run.
 * @param argv Its arguments.
 */
export async function askForPermissions(command: Command, argv: readonly string[]): Promise<void> {
  if (!Deno.stdin.isTerminal()) return;
  for (const name of command.permissions) {
    if (!isNeeded(command, name, argv)) continue;
    if (await isDecided({ name }) || await isDecided(sampleOf(name))) continue;
    logError(`imagebus ${command.name} needs ${name}: ${reasonOf(command, name)}.`);
    await Deno.permissions.request({ name });
  }
}

async function isDecided(descriptor: Deno.PermissionDescriptor): Promise<boolean> {
  return (await Deno.permissions.query(descriptor)).state !== "prompt";
}

/** A part of the permission: where it was given or refused, flags were typed with thought. */
function sampleOf(name: Permission): Deno.PermissionDescriptor {
  if (name === "env") return { name, variable: "IMAGEBUS_URL" };
  return name === "read" || name === "write" ? { name, path: "." } : { name };
}

function reasonOf(command: Command, name: Permission): string {
  return name === "net" && command.name === "data" ? "the servers of the data sets" : REASONS[name];
}

/** Only Kafka and PostgreSQL need the network, and what is to be downloaded. */
function isNeeded(command: Command, name: Permission, argv: readonly string[]): boolean {
  if (name !== "net" && name !== "sys") return true;
  if (command.name === "data") return argv.includes("get") && !argv.some((text) => text.startsWith("--from"));
  const servers = name === "net" ? /kafka:|postgres(ql)?:/ : /kafka:/;
  return [...argv, environment("IMAGEBUS_URL"), environment("IMAGEBUS_SINK")].some((text) =>
    servers.test(text)
  );
}

function environment(name: string): string {
  try {
    return Deno.env.get(name) ?? "";
  } catch {
    return ""; // Not granted: then it is not used either.
  }
}
