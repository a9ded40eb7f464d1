import { Bus } from "../../bus/bus.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { Sender } from "../../cli/commands/send/sender.ts";
import { assertEquals, assertRejects } from "../../testing/assert.ts";
import { imagesOf } from "../../testing/images.ts";

Deno.test("sender: once nobody takes outcomes, those of the other files are not reported, and the bus can be closed", async () => {
  const path = await Deno.makeTempDir();
  const files = imagesOf("mnist").map(({ png }, i) => ({ file: `${path}/${i}.png`, png }));
  for (const { file, png } of files) await Deno.writeFile(file, png);
  const bus = new Bus(createMemoryBroker().connect());
  const sender = new Sender(bus, {
    request: { model: "mnist" },
    idFrom: undefined,
    actualFromFolder: false,
    labels: [],
    timeoutMs: 1_000,
    signal: new AbortController().signal,
  });
  let calls = 0;
  const rejected = assertRejects(
    () =>
      sender.send(ReadableStream.from(files), () => {
        calls++;
        throw new Deno.errors.BrokenPipe("nobody reads");
      }),
    Deno.errors.BrokenPipe,
  );
  await bus.close();
  await rejected;
  await Promise.resolve();
  assertEquals(calls, 1);
});
