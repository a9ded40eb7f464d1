#!/usr/bin/env node
// The command of the npm package: runs cli.ts on the Deno that came as a dependency.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const FLAGS = [
  "--allow-read", // images, models, the embedded bus
  "--allow-write", // the embedded bus, results, models that are trained
  "--allow-net", // Kafka, PostgreSQL, data sets
  "--allow-env", // IMAGEBUS_*, PG*, the state directory
  "--allow-sys=hostname", // Kafka's client names this machine
];

const require = createRequire(import.meta.url);
// What npm's own start script of Deno uses: the path of the executable, also where install scripts do not run.
const deno = require("deno/install_api.cjs").runInstall();

/** Deno runs no TypeScript below node_modules, so the sources are copied to the user's cache, once per build. */
function sources() {
  const { version, build } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const place = join(cache, "imagebus", `npm-${version}-${build}`);
  if (existsSync(place)) return place;
  const draft = `${place}-${randomUUID()}`;
  cpSync(fileURLToPath(new URL("sources", import.meta.url)), draft, { recursive: true });
  try {
    renameSync(draft, place);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(place)) throw error; // Otherwise another process was first.
  }
  return place;
}

const args = ["run", "--quiet", "--no-prompt", ...FLAGS, join(sources(), "cli.ts"), ...process.argv.slice(2)];
const child = spawn(deno, args, { stdio: "inherit" });
// A terminal sends SIGINT to both processes; what is sent to this one alone is passed on.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  console.error(`imagebus: cannot start ${deno}: ${error.message}`);
  process.exitCode = 1;
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exitCode = code ?? 1;
  else process.kill(process.pid, signal);
});
