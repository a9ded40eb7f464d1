import { connect } from "../../bus/connect.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { assertEquals } from "../../testing/assert.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { eventually } from "../bus/transport/suite/harness.ts";

Deno.test("worker: the second signal ends it at once, and its report is removed", async () => {
  await using directory = await temporaryDirectory("second-signal");
  const bus = `sqlite:${directory.path}/bus.db`;
  const args = ["--models", "mnist", "--sink", `jsonl:${directory.path}/out/results.jsonl`];
  await using worker = await WorkerProcess.start({ bus, directory: directory.path, args });
  await Deno.remove(`${directory.path}/out`, { recursive: true });
  await using client = await connect(bus);
  await client.send(new Uint8Array([1]), { model: "mnist" });
  const logged = (text: string) =>
    eventually(text, () => Promise.resolve(worker.log.some((line) => line.includes(text))));
  await logged("fails, retrying");
  worker.signal("SIGINT");
  await logged("Press Ctrl-C again");
  worker.signal("SIGTERM");
  assertEquals(await worker.ended(), 130);
  assertEquals([...Deno.readDirSync(`${directory.path}/workers`)], []);
});
