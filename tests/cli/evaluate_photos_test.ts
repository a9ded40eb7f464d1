import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SAMPLES = `${ROOT}models/fashion-mnist/samples`;

/** As `deno task evaluate`, but without the network. */
async function evaluate(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const permissions = ["--allow-read", "--allow-env"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, "cli.ts", "evaluate", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", IMAGEBUS_URL: "" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Photographs of boots, a bag among the boots, and a hat. */
async function withPhotos(run: (path: string, mapping: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const [path, mapping] = [`${directory}/photos`, `${directory}/classes.json`];
  try {
    await Deno.mkdir(path);
    await Deno.mkdir(`${path}/shoes`);
    await Deno.mkdir(`${path}/hat`);
    await Deno.copyFile(`${SAMPLES}/9-ankle-boot.png`, `${path}/shoes/boot.png`);
    await Deno.copyFile(`${SAMPLES}/8-bag.png`, `${path}/shoes/bag.png`);
    await Deno.copyFile(`${SAMPLES}/8-bag.png`, `${path}/hat/hat.png`);
    await Deno.writeTextFile(`${path}/shoes/broken.png`, "no image");
    await Deno.writeTextFile(mapping, '{ "shoes": ["Sneaker", "Ankle boot"], "hat": [] }');
    await run(path, mapping);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("evaluate --photos: counts each class and lists the wrong files, whatever a class is called", () =>
  withPhotos(async (path, mapping) => {
    const { code, out, err } = await evaluate("fashion-mnist", "--photos", path, "--classes", mapping);
    assertEquals([code, err], [0, ""]);
    assertMatch(out, /shoes +3 +1 +33\.3 % +\d +Bag 1, \(not_an_image\) 1\n/);
    assertMatch(out, /all +3 +1 +33\.3 %/);
    assertMatch(out, /95 % interval/);
    assertMatch(out, /shoes\/bag\.png +Bag +\d/);
    assertMatch(out, /shoes\/broken\.png +\(not_an_image\)/);
  }));

Deno.test("evaluate --photos --json: one line per image, then the accuracy", async () => {
  const { code, out } = await evaluate("fashion-mnist", "--photos", SAMPLES, "--json");
  assertEquals(code, 0);
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.length, 11);
  assertEquals(lines[9].file, "9-ankle-boot.png");
  assertEquals([lines[9].expected, lines[9].label, lines[9].correct], [["Ankle boot"], "Ankle boot", true]);
  const { images, correct, accuracy } = lines[10];
  assertEquals([images, accuracy], [10, correct / 10]);
});

Deno.test("evaluate --photos: a class that is no label is refused by name, and so are contradicting options", () =>
  withPhotos(async (path) => {
    const unknown = await evaluate("fashion-mnist", "--photos", path);
    assertEquals(unknown.code, 2);
    assertStringIncludes(unknown.err, 'Unknown class "hat"');
    const both = await evaluate("fashion-mnist", "--photos", path, "--on", "mnist");
    assertEquals(both.code, 2);
    assertStringIncludes(both.err, "--on");
  }));
