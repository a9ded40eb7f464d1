import type { ServeOptions } from "../../actors/options.ts";
import { serveWith } from "../../actors/serve.ts";
import { type StartWorker, startWorker } from "../../actors/workers/worker_handle.ts";
import { Bus } from "../../bus/bus.ts";
import { connect } from "../../bus/connect.ts";
import { createMemoryBroker } from "../../bus/transport/memory.ts";
import { WorkerHttp } from "../../cli/http/worker_http.ts";
import { sleep } from "../../lib/sleep.ts";
import { startKafka } from "../../testing/brokers/kafka_broker.ts";
import { wrapWorker } from "../../testing/harness/wrapped_worker.ts";
import { imagesOf } from "../../testing/images.ts";
import { writeTinyModel } from "../../testing/tiny_model.ts";

/** A worker process in this one. */
export class Stage implements AsyncDisposable {
  readonly stack: AsyncDisposableStack = new AsyncDisposableStack();
  readonly http: WorkerHttp = this.stack.use(
    new WorkerHttp({ hostname: "127.0.0.1", port: 0, token: undefined, actions: true, images: true }),
  );
  #bus: Bus | undefined;

  /** Serves models on a bus, which {@linkcode send} sends to. */
  async serve(bus: Bus, options: ServeOptions, start: StartWorker = startWorker): Promise<void> {
    this.#bus = bus;
    const { observer } = this.http;
    const onEvent: ServeOptions["onEvent"] = (event) => this.http.note(event);
    const service = this.stack.use(await serveWith(start, bus, { ...options, observer, onEvent }));
    this.http.serving({ bus, service, group: "imagebus" });
  }

  /** Serves them on a bus in memory. */
  async serveInMemory(options: ServeOptions, start?: StartWorker): Promise<void> {
    await this.serve(this.stack.use(new Bus(createMemoryBroker().connect())), options, start);
  }

  /** Sends images to models in turn, `rate` per second, until the stage is left; each hundredth is none. */
  sendAlways(models: readonly string[], rate: number): void {
    let sent = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < rate / 20; i++, sent++) {
        const model = models[sent % models.length]!;
        const images = imagesOf(model in KNOWN ? model : "mnist");
        const { png } = images[sent % images.length]!;
        void this.#bus!.send(sent % 100 === 99 ? NO_IMAGE : png, { model }).catch(() => {});
      }
    }, 50);
    this.stack.defer(() => clearInterval(timer));
  }

  /** Sends bytes that are no image. */
  async sendBad(count: number): Promise<void> {
    for (let i = 0; i < count; i += 500) {
      const batch = Array.from({ length: Math.min(500, count - i) }, (_, j) => `scan-${i + j}.png`);
      await Promise.all(batch.map((id) => this.#bus!.send(NO_IMAGE, { model: "mnist", id })));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

const KNOWN = { "mnist": true, "fashion-mnist": true, "cifar-10": true };
const SHIPPED = Object.keys(KNOWN);
const NO_IMAGE = new TextEncoder().encode("This is not an image.");

/** A model of which each Worker dies at its first batch. */
const dying: StartWorker = async (files, options) => {
  const worker = await startWorker(files, options);
  if (files.manifest.name !== "cifar-10") return worker;
  return wrapWorker(worker, (images) => {
    worker.terminate();
    return worker.run(images);
  });
};

async function eightModels(stage: Stage): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-page-" });
  stage.stack.defer(() => Deno.remove(directory, { recursive: true }));
  const own = ["bags", "gates", "labels", "plates", "scans"];
  for (const name of own) await writeTinyModel(directory, name);
  const models = [...SHIPPED, ...own];
  await stage.serveInMemory({ models, modelsDirs: [directory], workersPerModel: 1 });
  stage.sendAlways(models, 100);
}

async function unavailable(stage: Stage): Promise<void> {
  const kafka = stage.stack.use(await startKafka());
  const bus = stage.stack.use(await connect(`kafka://${kafka.brokers}`));
  await stage.serve(bus, { models: ["mnist"] });
  stage.sendAlways(["mnist"], 20);
  await sleep(10_000);
  await kafka.kill();
}

/** What the page is looked at with. Each resolves when there is something to see. */
export const SCENES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  "starting": () => Promise.resolve(),
  "idle": (stage) => stage.serveInMemory({ models: ["mnist"] }),
  "load": eightModels,
  "model-down": async (stage) => {
    await stage.serveInMemory({ models: SHIPPED, workersPerModel: 1 }, dying);
    stage.sendAlways(SHIPPED, 30);
  },
  "bus-unavailable": unavailable,
  "dead-letters": async (stage) => {
    await stage.serveInMemory({ models: ["mnist"] });
    await stage.sendBad(10_000);
  },
};
