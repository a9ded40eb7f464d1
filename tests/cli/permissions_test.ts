import { COMMANDS } from "../../cli/commands.ts";
import { missingPermissions, permissionFlags, type Query, undecided } from "../../cli/permissions.ts";
import { assertEquals } from "../../testing/assert.ts";

const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));

/** Answers as Deno does with the flags of a task: a kind is granted as a whole, or in the parts that are listed. */
function flagsOf(task: string): Query {
  const flags = new Map<string, readonly string[] | null>(
    [...tasks[task].command.matchAll(/--allow-(\w+)(?:=(\S+))?/g)]
      .map(([, name, parts]: string[]) => [name!, parts?.split(",") ?? null]),
  );
  return (descriptor) => {
    const { name, kind, host, variable } = descriptor as
      & { name: string }
      & Record<string, string | undefined>;
    const part = kind ?? host ?? variable;
    const parts = flags.get(name);
    const granted = parts === null ||
      (part !== undefined && !!parts?.some((one) => new RegExp(`^${one.replace("*", ".*")}$`).test(part)));
    return Promise.resolve({ state: granted ? "granted" : "prompt" });
  };
}

const none: Query = () => Promise.resolve({ state: "prompt" });

Deno.test("permissions: the tasks of worker, evaluate and data grant all that their commands request", async () => {
  const cases = [
    ["worker", ["--bus", "kafka://localhost:9092"]],
    ["evaluate", ["mnist", "--bus", "kafka://localhost:9092"]],
    ["data", ["get", "mnist"]],
  ] as const;
  for (const [name, argv] of cases) {
    assertEquals(await Array.fromAsync(undecided(await COMMANDS[name]!(), argv, flagsOf(name))), [], name);
  }
});

Deno.test("permissions: Kafka needs the network and the host name, the embedded bus neither", async () => {
  const worker = await COMMANDS["worker"]!();
  const local = ["env", "read", "write"] as const;
  assertEquals(await Array.fromAsync(undecided(worker, ["--bus", "sqlite:x"], none)), [...local]);
  assertEquals(await Array.fromAsync(undecided(worker, ["--bus", "kafka://h"], none)), [
    ...local,
    "net",
    "sys=hostname",
  ]);
  assertEquals(await Array.fromAsync(undecided(worker, ["--sink", "postgres://h/d"], none)), [
    ...local,
    "net",
  ]);
});

Deno.test("permissions: data requests the servers of the data sets, one by one, for a download only", async () => {
  const data = await COMMANDS["data"]!();
  const servers = async (...argv: string[]) =>
    (await Array.fromAsync(undecided(data, argv, none))).filter((permission) => permission.startsWith("net"));
  assertEquals(await servers("list"), []);
  assertEquals(await servers("get", "mnist", "--from=x"), []);
  const granted = /--allow-net=(\S+)/.exec(tasks.data.command)![1]!.split(",").map((host) => `net=${host}`);
  assertEquals((await servers("get", "mnist")).sort(), granted.sort());
});

Deno.test("permissions: a part that flags deny is not requested", async () => {
  const denied: Query = ({ name }) => Promise.resolve({ state: name === "read" ? "denied" : "granted" });
  assertEquals(await Array.fromAsync(undecided(await COMMANDS["models"]!(), [], denied)), []);
});

Deno.test("permissions: the missing flags are those of the command, the network only if it was refused", async () => {
  const worker = await COMMANDS["worker"]!();
  const missing = async (message: string) => permissionFlags(await missingPermissions(worker, message, none));
  assertEquals(await missing("run again with --allow-read"), [
    "--allow-env",
    "--allow-read",
    "--allow-write",
  ]);
  assertEquals((await missing("run again with --allow-sys")).at(-1), "--allow-sys=hostname");
});

Deno.test("permissions: variables are read once env is granted, so Deno requests none of them alone", async () => {
  let isGranted = false;
  const state: Query = ({ name }) =>
    Promise.resolve({ state: name === "env" && isGranted ? "granted" : "prompt" });
  Deno.env.set("IMAGEBUS_HTTP", "true");
  try {
    const worker = await COMMANDS["worker"]!();
    assertEquals(await Array.fromAsync(undecided(worker, [], state)), ["env", "read", "write"]);
    const requested: string[] = [];
    for await (const permission of undecided(worker, [], state)) {
      requested.push(permission);
      isGranted = true;
    }
    assertEquals(requested, ["env", "read", "write", "net"]);
  } finally {
    Deno.env.delete("IMAGEBUS_HTTP");
  }
});
