import { Decoding } from "../../../actors/workers/decoding.ts";
import { HangWatch } from "../../../actors/workers/hang_watch.ts";
import { sleep } from "../../../lib/sleep.ts";
import { assertEquals } from "../../../testing/assert.ts";

/** A watch, and what it has reported so far. */
function watch(limits: { deadlineMs: number; maxDecodeMs: number }) {
  const decoding = new Decoding();
  decoding.image = null;
  const reports: string[] = [];
  const reported = Promise.withResolvers<void>();
  const report = (what: string) => {
    reports.push(what);
    reported.resolve();
  };
  const watching = new HangWatch(new Decoding(decoding.memory), {
    ...limits,
    onSilent: () => report("silent"),
    onDecodeTimeout: () => report("decode timeout"),
  });
  return { decoding, reports, reported: reported.promise, stop: () => watching.stop() };
}

Deno.test("hang watch: a Worker that gets on with its images is not silent, however long the batch takes", async () => {
  const { decoding, reports, reported } = watch({ deadlineMs: 500, maxDecodeMs: 60_000 });
  for (let image = 0; image < 15; image++) {
    decoding.image = image;
    await sleep(100);
  }
  assertEquals(reports, []);
  await reported;
  assertEquals(reports, ["silent"]);
});

Deno.test("hang watch: the time of an image ends before the deadline; nothing is reported after the first", async () => {
  const { decoding, reports, reported } = watch({ deadlineMs: 1_500, maxDecodeMs: 1 });
  decoding.image = 3;
  await reported;
  await sleep(1_600);
  assertEquals(reports, ["decode timeout"]);
});

Deno.test("hang watch: inference has the deadline, not the time of an image", async () => {
  const { reports, reported } = watch({ deadlineMs: 1_000, maxDecodeMs: 1 });
  await reported;
  assertEquals(reports, ["silent"]);
});

Deno.test("hang watch: nothing is reported once it is stopped", async () => {
  const { decoding, reports, stop } = watch({ deadlineMs: 50, maxDecodeMs: 1 });
  decoding.image = 3;
  stop();
  await sleep(200);
  assertEquals(reports, []);
});
