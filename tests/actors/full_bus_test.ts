import { Bus } from "../../bus/bus.ts";
import { BusError } from "../../bus/transport/errors.ts";
import { assertRejects } from "../../testing/assert.ts";
import { SEVEN } from "../../testing/images.ts";
import { EmbeddedBus } from "../fixtures/embedded_bus.ts";
import { committed, RunningService } from "../fixtures/running_service.ts";
import { eventually } from "../bus/transport/suite/harness.ts";

for (const delivery of ["at-least-once", "exactly-once"] as const) {
  Deno.test(`When the bus filled up while no worker ran, ${delivery}: a worker that starts classifies all of it`, async () => {
    await using embedded = new EmbeddedBus({ sqlite: { maxQueueBytes: 200_000 } });
    await using sender = new Bus(await embedded.connect());
    let sent = 0;
    const fill = async () => {
      for (;; sent++) await sender.send(SEVEN.png, { model: "mnist" });
    };
    await assertRejects(fill, BusError, "maxQueueBytes");
    await using running = await RunningService.start(embedded, { models: ["mnist"], delivery });
    await eventually("all are committed", async () => await committed(running.bus) === sent);
    await sender.send(SEVEN.png, { model: "mnist" });
  });
}
