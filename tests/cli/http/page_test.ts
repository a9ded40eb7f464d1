import type { ElementHandle, Page } from "npm:puppeteer-core@25.16.0";
import { serve } from "../../../actors/serve.ts";
import { Bus } from "../../../bus/bus.ts";
import { createMemoryBroker } from "../../../bus/transport/memory.ts";
import { WorkerHttp } from "../../../cli/http/worker_http.ts";
import { assert, assertEquals, assertStringIncludes } from "../../../testing/assert.ts";
import { CHROMIUM, launchBrowser } from "../../../testing/browser.ts";
import { SEVEN } from "../../../testing/images.ts";

const NO_IMAGE = new TextEncoder().encode("This is not an image.");
const LONG = `${"a-long-name-".repeat(5)}x`;
const MARKUP = "<img src=x onerror=alert(1)>";

/** A worker process in this one, with a page that is open. */
class OpenPage implements AsyncDisposable {
  private constructor(
    readonly bus: Bus,
    readonly page: Page,
    /** What the browser complained about. */
    readonly complaints: string[],
    readonly url: string,
    readonly stack: AsyncDisposableStack,
  ) {}

  static async open(): Promise<OpenPage> {
    const stack = new AsyncDisposableStack();
    const broker = createMemoryBroker();
    const http = stack.use(
      new WorkerHttp({ hostname: "127.0.0.1", port: 0, token: undefined, actions: true, images: true }),
    );
    const bus = stack.use(new Bus(broker.connect()));
    const service = stack.use(await serve(bus, { models: ["mnist"], observer: http.observer }));
    http.serving({ bus, service, group: "imagebus" });
    const browser = await launchBrowser(CHROMIUM!);
    stack.defer(() => browser.close());
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => message.type() !== "log" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.setViewport({ width: 1_440, height: 900 });
    await page.goto(http.url, { waitUntil: "domcontentloaded" });
    await page.waitForSelector(".tiles");
    return new OpenPage(bus, page, complaints, http.url, stack);
  }

  /** The element of a name that a screen reader reads out. */
  async named(role: string, name: string): Promise<ElementHandle> {
    const element = await this.page.waitForSelector(`aria/${name}[role="${role}"]`);
    return element!;
  }

  /** Waits until the page holds a text. */
  async shows(text: string): Promise<void> {
    await this.page.waitForFunction("(text) => document.body.innerText.includes(text)", {}, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

Deno.test({
  name: `page: live numbers, a drawn digit, and dead letters, in Chromium${
    CHROMIUM ? "" : ": needs chromium, which is not installed"
  }`,
  ignore: CHROMIUM === null,
  async fn(test) {
    await using open = await OpenPage.open();
    const { bus, page } = open;

    await test.step("the last images and their labels appear while the page is open", async () => {
      await bus.classify(SEVEN.png, { model: "mnist", id: MARKUP });
      await open.shows(MARKUP);
      await page.waitForFunction("document.querySelector('.images img')?.naturalWidth === 28");
      await open.shows("mnist 2.");
    });

    await test.step("a drawn line is answered by the model", async () => {
      const box = (await (await page.$(".draw canvas"))!.boundingBox())!;
      await page.mouse.move(box.x + box.width / 2, box.y + 30);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height - 30, { steps: 8 });
      await page.mouse.up();
      await page.waitForFunction("document.querySelector('.answer .label')?.innerText === '1'");
    });

    await test.step("a dead letter is found, looked at and replayed by keyboard alone", async () => {
      await bus.classify(NO_IMAGE, { model: "mnist", id: "b<b>" });
      await (await open.named("button", "Look again")).press("Enter");
      await (await open.named("button", "b<b>")).press("Enter");
      await open.shows("not_an_image");
      await (await open.named("button", "Replay it…")).press("Enter");
      await (await open.named("button", "Send 1 now")).press("Enter");
      await open.shows("Replayed 1, refused 0.");
    });

    await test.step("a dead letter is acknowledged by keyboard alone, and then no longer listed", async () => {
      await bus.classify(NO_IMAGE, { model: "mnist", id: "seen" });
      await (await open.named("button", "Look again")).press("Enter");
      await (await open.named("button", "seen")).press("Enter");
      await (await open.named("button", "Acknowledge it…")).press("Enter");
      await (await open.named("button", "Acknowledge 1 now")).press("Enter");
      await page.waitForFunction("!document.querySelector('.tall')?.innerText.includes('seen')");
      assertEquals((await Array.fromAsync(bus.deadLetters())).map(({ id }) => id), ["b<b>"]);
    });

    await test.step("nothing overflows on a phone, a tablet and a screen, light and dark, with long names", async () => {
      await bus.classify(SEVEN.png, { model: LONG });
      await (await open.named("button", "Look again")).press("Enter");
      await page.waitForSelector(`option[value="${LONG}"]`);
      for (const value of ["light", "dark"]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
        for (const width of [390, 768, 1_440]) {
          await page.setViewport({ width, height: 900 });
          const excess = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
          assert(Number(excess) <= 0, `${excess} pixels too wide at ${width}`);
        }
      }
    });

    await test.step("each control has a name", async () => {
      const unnamed = await page.evaluate(`[...document.querySelectorAll("button, input, select, img, meter")]
        .filter((one) => !(one.innerText || one.alt || one.ariaLabel || one.closest("label") || one.closest("li")))
        .map((one) => one.outerHTML)`);
      assertEquals(unnamed, []);
    });

    await test.step("another site can neither read it nor change anything", async () => {
      const foreign = await fetch(`${open.url}/api/replay?count=1`, {
        method: "POST",
        headers: { "x-imagebus": "1", origin: "http://evil.example", "sec-fetch-site": "cross-site" },
      });
      assertEquals([foreign.status, await foreign.text()], [403, "The request comes from another site\n"]);
      for (const action of ["replay", "acknowledge"]) {
        const other = await fetch(`${open.url}/api/${action}?count=7`, {
          method: "POST",
          headers: { "x-imagebus": "1" },
        });
        assertEquals(other.status, 409);
        assertStringIncludes(await other.text(), "There are 2 now, not 7");
      }
    });

    await test.step("the browser had nothing to complain about", () => assertEquals(open.complaints, []));
  },
});

Deno.test({
  name: `page: one that was refused, because too many are open, connects when another one has gone${
    CHROMIUM ? "" : ": needs chromium, which is not installed"
  }`,
  ignore: CHROMIUM === null,
  async fn() {
    await using open = await OpenPage.open();
    const others = await Promise.all(Array.from({ length: 15 }, () => fetch(`${open.url}/api/events`)));
    const browser = await launchBrowser(CHROMIUM!);
    open.stack.defer(() => browser.close());
    const page = await browser.newPage();
    const refused = page.waitForResponse((response) => response.url().endsWith("/api/events"));
    await page.goto(open.url, { waitUntil: "domcontentloaded" });
    assertEquals((await refused).status(), 503);
    for (const { body } of others) await body!.cancel();
    await page.waitForSelector(".tiles", { timeout: 15_000 });
  },
});
