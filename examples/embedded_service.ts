/**
 * A program that runs the models itself: no worker process, no Kafka, no file.
 *
 *     deno run --unstable-worker-options --allow-read examples/embedded_service.ts photo.png …
 *
 * Reading is for the images and the models.
 */
import { connect, serve } from "../mod.ts";

await using bus = await connect("memory:");
await using _service = await serve(bus, { models: ["fashion-mnist"], sinks: [] });

const results = Deno.args.map(async (path) => {
  const result = await bus.classify(await Deno.readFile(path), { model: "fashion-mnist" });
  const answer = result.status === "classified" ? result.label : `failed: ${result.error.message}`;
  console.log(`${path}\t${answer}`);
});
await Promise.all(results);
