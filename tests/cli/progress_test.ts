import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals } from "../../testing/assert.ts";
import { ended } from "../fixtures/imagebus.ts";

const FIXTURE = new URL("../fixtures/progress.ts", import.meta.url).pathname;
const CLEAR = "\r\x1b[2K";
/** With the methods that the package has. */
const SPINNER = `const CLEAR = ${JSON.stringify(CLEAR)};
export class Spinner {
  constructor({ output }) { this.write = (text) => output.writeSync(new TextEncoder().encode(text)); }
  start() { this.write(CLEAR + "spins: " + this.message); }
  stop() { this.write(CLEAR + "stops"); }
}`;
const hasScript = Deno.build.os === "linux" &&
  await new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false);

Deno.test({
  name:
    `progress: drawn by the spinner of @std/cli where that is found, else as a plain line; removed before other text${
      hasScript ? "" : " (skipped: script is not installed)"
    }`,
  ignore: !hasScript,
  fn: async () => {
    await using directory = await temporaryDirectory("progress-test");
    const imports = { "@std/cli/unstable-spinner": `data:text/javascript,${encodeURIComponent(SPINNER)}` };
    const map = `${directory.path}/imports.json`;
    await Deno.writeTextFile(map, JSON.stringify({ imports }));
    assertEquals(await onTerminal(`--import-map=${map}`), ["first", "spins: second", "stops", "done"]);
    assertEquals(await onTerminal(""), ["first", "second", "done"]);
  },
});

/** What is shown, each time after the line was cleared. */
async function onTerminal(flags: string): Promise<string[]> {
  const command = `"${Deno.execPath()}" run --no-lock ${flags} "${FIXTURE}"`;
  const { out } = await ended(
    new Deno.Command("script", { args: ["-qec", command, "/dev/null"], stdin: "null" }),
  );
  return out.trimEnd().split(CLEAR).slice(1);
}
