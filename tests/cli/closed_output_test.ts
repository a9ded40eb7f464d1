import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals, assertStringIncludes } from "../../testing/assert.ts";
import { imagebus, imagebusCommand } from "../fixtures/imagebus.ts";

Deno.test("worker: it ends when nobody reads its output any more, and another one finishes its images", async () => {
  await using directory = await temporaryDirectory("closed-output");
  const env = { IMAGEBUS_STATE_DIR: directory.path, IMAGEBUS_MODELS: "mnist" };
  const sent = await imagebus(["send", "models/mnist/samples/7-7.png", "--model", "mnist", "--json"], env);
  assertEquals(sent.code, 0, sent.err);
  const worker = imagebusCommand(["worker"], env).spawn();
  await worker.stdout.cancel();
  const [{ code }, log] = await Promise.all([worker.status, new Response(worker.stderr).text()]);
  assertEquals(code, 1, log);
  assertStringIncludes(log, "Nobody reads the standard output any more");
  assertEquals([...Deno.readDirSync(`${directory.path}/workers`)], [], "its report is removed");
  const next = imagebusCommand(["worker"], env).spawn();
  const { id } = JSON.parse(sent.out);
  for await (const text of next.stdout.pipeThrough(new TextDecoderStream())) if (text.includes(id)) break;
  next.kill("SIGTERM");
  await Promise.all([next.status, next.stderr.cancel()]);
});
