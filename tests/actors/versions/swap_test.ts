import { ServiceError } from "../../../actors/errors.ts";
import { type StartWorker, startWorker } from "../../../actors/workers/worker_handle.ts";
import type { Result } from "../../../bus/result.ts";
import { assert, assertEquals, assertStringIncludes } from "../../../testing/assert.ts";
import { SEVEN } from "../../../testing/images.ts";
import { VersionedService } from "../../fixtures/versioned_service.ts";

/** Version 4.0.0 is sound on disk, but its Workers do not start. */
const startSome: StartWorker = (files, options) => {
  if (files.manifest.version !== "4.0.0") return startWorker(files, options);
  return Promise.reject(new ServiceError("worker_failed", "It does not start"));
};

Deno.test("versions: under load, each image has one result, of the version that computed it; a broken version is refused", async () => {
  await using service = await VersionedService.start(startSome);
  const { bus, sink } = service.running;
  let [sent, isDone] = [0, false];
  const send = async () => {
    while (!isDone) await bus.classify(SEVEN.png, { model: "tiny", id: String(sent++) });
  };
  const sending = Promise.all(Array.from({ length: 64 }, send));
  const changes: string[] = [];
  for (const version of ["2.0.0", "3.0.0", "4.0.0", "1.0.0"]) {
    const { change, version: which } = await service.exchange({ serve: version });
    changes.push(`${change} ${which}`);
  }
  isDone = true;
  await sending;
  assertEquals(changes, ["serving 2.0.0", "refused 3.0.0", "refused 4.0.0", "serving 1.0.0"]);
  assertEquals(sink.results.length, sent);
  assertEquals(new Set(sink.results.map(({ id }) => id)).size, sent);
  assertEquals(sink.results.filter((result) => !isOfItsVersion(result)), []);
  assertEquals(new Set(sink.results.map(({ modelVersion }) => modelVersion)), new Set(["1.0.0", "2.0.0"]));
});

function isOfItsVersion(result: Result): boolean {
  return result.status === "classified" && result.label.endsWith(` ${result.modelVersion}`);
}

Deno.test("versions: the status shows what is refused, until something else is to be served; the model stays up", async () => {
  await using service = await VersionedService.start(startSome);
  const status = () => service.running.service.status()[0]!;
  await service.exchange({ serve: "3.0.0" });
  assertEquals([status().version, status().state], ["1.0.0", "up"]);
  assertStringIncludes(status().refused[0]?.reason ?? "", "20 bytes; its manifest specifies 40");
  assertEquals(service.running.service.health().state, "ready");
  await service.exchange({ serve: "2.0.0" });
  assertEquals([status().version, status().refused], ["2.0.0", []]);
  assert(service.running.log.some((line) => line.startsWith("Serving tiny 2.0.0 instead of 1.0.0; ")));
});

Deno.test("versions: a service that is closed while versions are started leaves no Worker behind", async () => {
  const running = new Set<string>();
  const closing = Promise.withResolvers<void>();
  const service = await VersionedService.start(async (files, options) => {
    const { version } = files.manifest;
    if (version === "2.0.0") closing.resolve();
    const worker = await startWorker(files, options);
    running.add(version);
    void worker.gone.then(() => running.delete(version));
    return worker;
  });
  await service.serve({ serve: "2.0.0", shadow: "4.0.0" });
  await closing.promise;
  await service[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assertEquals([...running], []);
});
