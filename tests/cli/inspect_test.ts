import { SaxesParser } from "npm:saxes@6.0.0";
import { decodeImage } from "../../models/image/decode.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { encodePng } from "../../models/image/encode_png.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../testing/assert.ts";
import { width } from "../../cli/ui/terminal.ts";

const ROOT = new URL("../../", import.meta.url);
const IMAGES = "tests/fixtures/images";
const SEVEN = "models/mnist/samples/7-7.png";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function inspect(...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--allow-write", "--allow-env", "cli.ts", "inspect", ...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test("inspect: an image in the form of the model passes unchanged, and the three best classes are shown", async () => {
  const { code, stdout, stderr } = await inspect(SEVEN, "--model", "mnist");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "PNG");
  assertStringIncludes(stdout, "28 × 28 pixels, 8 bits, grey");
  assertStringIncludes(stdout, "it is in this form");
  assertStringIncludes(stdout, "what the model sees");
  assertMatch(stdout, /\n.*7\n.* 9\d\.\d %|100\.0 %/);
});

Deno.test("inspect: without a terminal there is no colour, and every line fits 80 columns", async () => {
  const { stdout } = await inspect(
    `${IMAGES}/orientation-6.jpg`,
    `${IMAGES}/alpha.avif`,
    "--model",
    "cifar-10",
  );
  assert(!stdout.includes("\x1b"));
  for (const line of stdout.split("\n")) assert(width(line) <= 80, line);
  assertStringIncludes(stdout, "turned 90° to the right (orientation 6)");
  assertStringIncludes(stdout, "21 × 13 pixels, 8 bits, YCbCr 4:");
});

Deno.test("inspect: with --json each image is one object, with the steps of the form and the bounds", async () => {
  const { code, stdout } = await inspect(`${IMAGES}/rgb-filtered.png`, SEVEN, "--model", "mnist", "--json");
  assertEquals(code, 0);
  const [first, second] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals([first.format, first.bits, first.orientation, first.form], ["PNG", 8, 1, "digit"]);
  const [original, ...others] = first.stages;
  assertEquals(original, { name: "original", width: 21, height: 13, channels: 3 });
  assertEquals(others.at(-1), { name: "what the model sees", width: 28, height: 28, channels: 1 });
  assert(others.length > 1, "the steps of the form are shown");
  assertEquals(first.limits.maxPixels, 50_000_000);
  assertEquals(second.stages.length, 2);
  assertEquals(second.top.length, 3);
  assertEquals(second.top[0].label, "7");
});

Deno.test("inspect: a refused image is explained, the others are shown, and the exit code is 1", async () => {
  const { code, stdout } = await inspect(
    "README.md",
    SEVEN,
    "--model",
    "mnist",
    "--max-message-bytes",
    "4000",
    "--json",
  );
  assertEquals(code, 1);
  const [first, second] = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(first.error.code, "too_large");
  assertEquals(second.top[0].label, "7");
  await using folder = await temporaryDirectory("inspect");
  await Deno.writeFile(`${folder.path}/x.png`, new Uint8Array(1));
  assertMatch((await inspect(`${folder.path}/x.png`, "--model", "mnist")).stdout, /file +1 byte$/m);
  const refused = await inspect(SEVEN, "--max-pixels", "100", "--json");
  const { error, format, width } = JSON.parse(refused.stdout);
  assertEquals([refused.code, error.code, format, width], [1, "too_many_pixels", "PNG", 28]);
});

Deno.test("inspect: a missing file, an unknown model or another extension of --out is a mistake: one line, exit code 2", async () => {
  for (
    const [args, text] of [
      [["missing.png"], "Cannot read missing.png: there is no such file or directory"],
      [[SEVEN, "--model", "mnits"], 'There is no model "mnits"'],
      [[SEVEN, "--out", "x.gif"], '--out is "x.gif": expected a name that ends in .png or .html'],
    ] as const
  ) {
    const { code, stdout, stderr } = await inspect(...args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, text);
    assertEquals(stderr.trim().split("\n").length, 1);
  }
});

Deno.test("inspect: --out writes a PNG, or a page that is well-formed and loads nothing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = [`${IMAGES}/rgb-progressive.jpg`, "README.md"];
    await inspect(...files, "--out", `${folder}/a.png`);
    const sheet = decodeImage(await Deno.readFile(`${folder}/a.png`));
    assert(sheet.width >= 4 * 224 && sheet.height > 224);
    await inspect(...files, "--out", `${folder}/a.html`);
    const page = await Deno.readTextFile(`${folder}/a.html`);
    const urls: string[] = [];
    const parser = new SaxesParser();
    parser.on("opentag", ({ attributes }) => {
      for (const name of ["src", "href"]) if (name in attributes) urls.push(String(attributes[name]));
    });
    parser.write(page).close();
    assert(urls.length >= 3 && urls.every((url) => url.startsWith("data:image/png;base64,")));
    assertStringIncludes(page, "not_an_image: The ");
    assert(!/<script|url\(|@import/.test(page));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("inspect: a blank page is unknown, in the terminal and on the page", async () => {
  await using folder = await temporaryDirectory("inspect");
  const [blank, page] = [`${folder.path}/blank.png`, `${folder.path}/blank.html`];
  await Deno.writeFile(
    blank,
    encodePng({ width: 120, height: 90, channels: 1, data: new Uint8Array(10_800).fill(255) }),
  );
  const { stdout } = await inspect(blank, "--model", "mnist");
  assertStringIncludes(stdout, "unknown: probably none of its classes");
  await inspect(blank, "--model", "mnist", "--out", page);
  assertStringIncludes(await Deno.readTextFile(page), '<dt class="best">unknown</dt>');
});
