import type { Command, Permission } from "./command.ts";
import { logError } from "./ui/terminal.ts";

type Name = "read" | "write" | "env" | "net" | "sys";

const REASONS: Readonly<Record<Name, string>> = {
  env: "to read options from variables IMAGEBUS_… and to find your state directory",
  read: "to read images, models, the embedded bus and results.db",
  write: "to write the embedded bus and results.db",
  net: "to connect to Kafka or PostgreSQL, and to serve HTTP",
  sys: "to report the name of this machine to Kafka",
};

/** Looks up the state of a permission. */
export type Query = (
  descriptor: Deno.PermissionDescriptor,
) => Promise<{ readonly state: Deno.PermissionState }>;

const query: Query = (descriptor) => Deno.permissions.query(descriptor);

/**
 * Requests the permissions of a command up front: one per kind, not one per variable and file. Does nothing without a terminal.
 *
 * @param command The command that will run.
 * @param argv Its arguments.
 */
export async function askForPermissions(command: Command, argv: readonly string[]): Promise<void> {
  if (!Deno.stdin.isTerminal()) return;
  for await (const permission of undecided(command, argv)) {
    const name = nameOf(permission);
    const server = permission.startsWith("net=")
      ? `: to download from ${permission.slice("net=".length)}`
      : "";
    logError(`imagebus ${command.name} needs --allow-${permission}${server || `: ${REASONS[name]}`}`);
    await Deno.permissions.request(descriptorOf(permission));
  }
}

/**
 * The permissions of a command that flags neither grant nor deny, one after the other: whether `net` and `sys` are needed
 * is in variables, which are read once `env` is granted.
 *
 * @param command The command that will run.
 * @param argv Its arguments: without Kafka or PostgreSQL in them or in the environment, `net` and `sys` are not needed.
 * @param state Looks up a permission.
 */
export async function* undecided(
  command: Command,
  argv: readonly string[],
  state: Query = query,
): AsyncGenerator<Permission> {
  const isDecided = async (descriptor: Deno.PermissionDescriptor) =>
    (await state(descriptor)).state !== "prompt";
  for (const permission of command.permissions) {
    if (!await isNeeded(permission, argv, state)) continue;
    // Flags that grant or deny a part were chosen on purpose: the rest is not requested.
    if (await isDecided(descriptorOf(permission)) || await isDecided(sampleOf(permission))) continue;
    yield permission;
  }
}

/** The flags of permissions: `--allow-read --allow-sys=hostname`. */
export function permissionFlags(permissions: readonly Permission[]): string[] {
  return permissions.map((permission) => `--allow-${permission}`);
}

/**
 * The permissions of a command that are missing, when one was refused.
 *
 * @param message Of the error that Deno threw; `net` and `sys` count only where it names them.
 */
export async function missingPermissions(
  { permissions }: Command,
  message: string,
  state: Query = query,
): Promise<Permission[]> {
  const missing: Permission[] = [];
  for (const permission of permissions) {
    const name = nameOf(permission);
    if ((name === "net" || name === "sys") && !message.includes(`--allow-${name}`)) continue;
    if ((await state(descriptorOf(permission))).state !== "granted") missing.push(permission);
  }
  return missing;
}

function nameOf(permission: Permission): Name {
  return permission.replace(/=.*/, "") as Name;
}

function descriptorOf(permission: Permission): Deno.PermissionDescriptor {
  if (permission === "sys=hostname") return { name: "sys", kind: "hostname" };
  if (permission.startsWith("net=")) return { name: "net", host: permission.slice("net=".length) };
  return { name: permission as "read" | "write" | "env" | "net" };
}

/** A part of the permission that flags may decide alone. */
function sampleOf(permission: Permission): Deno.PermissionDescriptor {
  if (permission === "env") return { name: permission, variable: "IMAGEBUS_URL" };
  return permission === "read" || permission === "write"
    ? { name: permission, path: "." }
    : descriptorOf(permission);
}

/** Only Kafka, PostgreSQL, downloads and HTTP need the network. */
async function isNeeded(permission: Permission, argv: readonly string[], state: Query): Promise<boolean> {
  if (permission.startsWith("net=")) {
    return argv.includes("get") && !argv.some((text) => text.startsWith("--from"));
  }
  if (permission !== "net" && permission !== "sys=hostname") return true;
  if (permission === "net") {
    if (argv.some((text) => /^--http(=|$)/.test(text)) || await variable("IMAGEBUS_HTTP", state)) return true;
  }
  const servers = permission === "net" ? /kafka(\+ssl)?:|postgres(ql)?:/ : /kafka(\+ssl)?:/;
  const names = ["IMAGEBUS_URL", "IMAGEBUS_SINK", "IMAGEBUS_RESULTS"];
  const values = await Promise.all(names.map((name) => variable(name, state)));
  return [...argv, ...values].some((text) => servers.test(text));
}

/** Without the permission the variable is not used either; to read it would request that. */
async function variable(name: string, state: Query): Promise<string> {
  const isGranted = (await state({ name: "env", variable: name })).state === "granted";
  return isGranted ? Deno.env.get(name) ?? "" : "";
}
