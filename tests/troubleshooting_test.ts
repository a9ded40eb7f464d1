import { assertEquals } from "../testing/assert.ts";

const ROOT = new URL("../", import.meta.url);

async function sources(): Promise<string> {
  const texts: string[] = [];
  const read = async (folder: URL) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory) await read(new URL(`${name}/`, folder));
      else if (name.endsWith(".ts")) texts.push(await Deno.readTextFile(new URL(name, folder)));
    }
  };
  for (const room of ["lib", "bus", "models", "training", "convert", "actors", "cli"]) {
    await read(new URL(`${room}/`, ROOT));
  }
  return texts.join("\n");
}

Deno.test("docs/troubleshooting.md: its messages are those of the program", async () => {
  const page = await Deno.readTextFile(new URL("docs/troubleshooting.md", ROOT));
  const messages = [...page.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, message]) => message!);
  const text = await sources();
  assertEquals(messages.length > 20, true);
  assertEquals(messages.filter((message) => !text.includes(message)), []);
});
