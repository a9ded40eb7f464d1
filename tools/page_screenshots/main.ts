/**
 * `deno task page-screenshots DIR`: screenshots of the live page in Chromium, for whoever changes it to look at: idle, under
 * load, with a model that is down, without its bus, with many dead letters; on a phone, a tablet and a screen, light and dark.
 *
 * @module
 */
import { UsageError } from "../../cli/command.ts";
import { runTask } from "../../cli/task.ts";
import { logError, print } from "../../cli/ui/terminal.ts";
import { count, flag } from "../../lib/options.ts";
import { sleep } from "../../lib/sleep.ts";
import { CHROMIUM, launchBrowser } from "../../testing/browser.ts";
import { SCENES, Stage } from "./scenes.ts";

const WIDTHS = [390, 768, 1_440];

await runTask({
  name: "page-screenshots",
  summary: "Take screenshots of the live page in Chromium",
  operands: { form: "DIR", min: 1, max: 1 },
  options: {
    scenes: {
      type: "texts",
      commas: true,
      otherwise: "all",
      value: "A,B",
      text: `of ${Object.keys(SCENES).join(", ")}`,
    },
    top: flag("only what is seen without scrolling"),
    seconds: { ...count(3_600), default: 20, text: "how long each scene runs before it is looked at" },
  },
  examples: [["deno task page-screenshots shots --scenes load", "one scene: six of them"]],
  async run({ operands: [directory = ""], values: { scenes = Object.keys(SCENES), seconds, top } }) {
    if (CHROMIUM === null) throw new UsageError("Chromium is not on the PATH");
    await Deno.mkdir(directory, { recursive: true });
    for (const name of scenes) {
      const scene = SCENES[name];
      if (!scene) {
        throw new UsageError(`There is no scene "${name}": expected ${Object.keys(SCENES).join(", ")}`);
      }
      logError(`${name}: ${seconds} s`);
      await using stage = new Stage();
      await scene(stage);
      const browser = await launchBrowser(CHROMIUM);
      stage.stack.defer(() => browser.close());
      const page = await browser.newPage();
      await page.goto(stage.http.url, { waitUntil: "domcontentloaded" });
      await page.waitForSelector(".tiles");
      await sleep(1_000 * seconds);
      for (const value of ["light", "dark"]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
        for (const width of WIDTHS) {
          await page.setViewport({ width, height: 900 });
          await sleep(500);
          const path = `${directory}/${name}-${width}-${value}.png`;
          await page.screenshot({ path, fullPage: !top });
          print(path);
        }
      }
    }
    return 0;
  },
});
