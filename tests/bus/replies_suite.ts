import { Bus } from "../../bus/bus.ts";
import { openTransport } from "../../bus/connect.ts";
import { encodeResult } from "../../bus/envelope.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { RESULTS_TOPIC } from "../../bus/topics.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { within } from "./transport/suite/harness.ts";

/** Stores a result as a worker does. */
async function answer(bus: Bus, id: string, label = "7"): Promise<void> {
  const result = {
    status: "failed" as const,
    id,
    model: "mnist",
    at: new Date().toISOString(),
    waitedMs: 1,
    tookMs: 1,
    error: { code: label, message: "" },
  };
  await bus.transport.send(RESULTS_TOPIC, [encodeResult(result, { id, key: id })]);
}

async function codeOf(bus: Bus, id: string, since?: Date): Promise<string> {
  const result = await within(bus.result(id, since ? { since } : {}), `the result of ${id}`);
  return result.status === "failed" ? result.error.code : "";
}

/** Two connections to one bus: one waits for results, the other stores them. */
type Case = (asker: Bus, other: Bus, id: string) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  async "finds a result that was stored before the call"(asker, other, id) {
    await answer(other, `${id}-another`, "wrong");
    await answer(other, id, "right");
    await answer(other, `${id}-third`, "wrong");
    assertEquals(await codeOf(asker, id), "right");
    assertEquals(await codeOf(asker, id, new Date()), "right");
  },

  async "waits for a result that is not stored yet"(asker, other, id) {
    await answer(other, `${id}-another`, "wrong");
    const waiting = codeOf(asker, id);
    const second = asker.result(`${id}-second`);
    await within(asker.results().ready, "a subscription after theirs");
    await answer(other, id, "right");
    await answer(other, `${id}-second`);
    assertEquals(await waiting, "right");
    assertEquals((await within(second, "the second result")).id, `${id}-second`);
  },

  async "returns the last of several results of an id that was replayed"(asker, other, id) {
    for (const code of ["first", "second", "last"]) await answer(other, id, code);
    assertEquals(await codeOf(asker, id), "last");
  },

  async "searches only results since `since`, and waits for later ones"(asker, other, id) {
    await answer(other, id, "old");
    const since = new Date(Date.now() + 120_000);
    const waiting = codeOf(asker, id, since);
    const beyond = await assertRejects(() => other.result(id, { since, timeoutMs: 500 }), BusError);
    assertEquals(beyond.code, "timeout");
    await answer(other, id, "new");
    assertEquals(await waiting, "new");
  },

  async "rejects at the timeout, or with the reason of an abort; then it can be called again"(
    asker,
    other,
    id,
  ) {
    const error = await assertRejects(() => asker.result(id, { timeoutMs: 300 }), BusError, id);
    assertEquals([error.code, error.retriable], ["timeout", true]);
    assertStringIncludes(error.message, "300 ms");
    const gone = new Error("gone");
    const thrown = await asker.result(id, { signal: AbortSignal.abort(gone) }).catch((error) => error);
    assertEquals(thrown, gone);
    const stop = new AbortController();
    const waiting = asker.result(id, { signal: stop.signal }).catch((error) => error);
    stop.abort(gone);
    assertEquals(await within(waiting, "the end of an aborted wait"), gone);
    await answer(other, id);
    assertEquals(await codeOf(asker, id), "7");
  },

  async "refuses invalid arguments at once"(asker) {
    for (const id of ["", "x".repeat(257)]) {
      await assertRejects(() => asker.result(id), BusError, "expected 1 to 256");
    }
    const since = new Date(NaN);
    await assertRejects(() => asker.result("x", { since }), BusError, "expected a valid Date");
    await assertRejects(() => asker.result("x", { timeoutMs: 0 }), BusError, "timeoutMs is 0");
  },
};

/**
 * Registers the tests of `Bus.result`.
 *
 * @param name Of the bus.
 * @param url Returns its URL; gets an empty directory.
 * @param skip Why they are skipped.
 */
export function testReplies(name: string, url: (directory: string) => string, skip: string | false): void {
  for (const [what, run] of Object.entries(CASES)) {
    Deno.test({
      name: `result on ${name}: ${what}${skip ? ` (skipped: ${skip})` : ""}`,
      ignore: Boolean(skip),
      async fn() {
        const directory = await Deno.makeTempDir({ prefix: "imagebus-replies-" });
        const [asker, other] = await Promise.all([1, 2].map(async () => {
          return new Bus(await openTransport(url(directory)));
        })) as [Bus, Bus];
        try {
          await run(asker, other, `reply-${crypto.randomUUID()}`);
        } finally {
          await asker.close();
          await other.close();
          await Deno.remove(directory, { recursive: true });
        }
      },
    });
  }
}
