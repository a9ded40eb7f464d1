import type { ServiceEvent } from "../../../actors/events.ts";
import { createMemoryBroker } from "../../../bus/transport/memory.ts";
import { assert, assertEquals } from "../../../testing/assert.ts";
import { SEVEN } from "../../../testing/images.ts";
import { RunningService } from "../../fixtures/running_service.ts";

Deno.test("drift: a service that is sent one image again and again reports its class, and how it looks", async () => {
  const drift = Promise.withResolvers<ServiceEvent>();
  await using running = await RunningService.start(createMemoryBroker(), {
    models: ["mnist"],
    onEvent: (event) => void (event.type === "drift" && drift.resolve(event)),
  });
  for (let i = 0; i < 2_000; i++) await running.bus.send(SEVEN.png, { model: "mnist" });
  const event = await drift.promise;
  assert(event.type === "drift");
  assertEquals([event.model, event.state], ["mnist", "alarm"]);
  assert(event.label! > 2 && event.image! > 2, `${event.label}, ${event.image}`);
});
