/**
 * A sink of your own: counts the labels, and prints the table when the service ends (Ctrl-C).
 *
 *     deno run --unstable-worker-options --allow-read --allow-write --allow-net --allow-env --allow-sys=hostname \
 *       examples/custom_sink.ts
 *
 * It serves the bus of `IMAGEBUS_URL`, or the embedded one, as `deno task worker` does.
 */
import { connect, serve } from "../mod.ts";
import { consoleSink, type Settled, type Sink } from "../actors/sinks/mod.ts";

class LabelCount implements Sink {
  readonly name = "label count";
  /** The label of each id, because a batch can arrive twice. */
  readonly #labels = new Map<string, string>();

  // deno-lint-ignore require-await -- nothing to wait for: the labels are in memory
  async write(batch: readonly Settled[]): Promise<void> {
    for (const { result } of batch) {
      if (result.status === "classified") this.#labels.set(result.id, `${result.model}\t${result.label}`);
    }
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    for (const [label, ids] of Map.groupBy(this.#labels.keys(), (id) => this.#labels.get(id))) {
      console.log(`${label}\t${ids.length}`);
    }
  }
}

await using bus = await connect();
await using service = await serve(bus, { sinks: [consoleSink(), new LabelCount()] });
const stop = Promise.withResolvers<null>();
Deno.addSignalListener("SIGINT", () => stop.resolve(null));
Deno.addSignalListener("SIGTERM", () => stop.resolve(null));
const error = await Promise.race([service.closed, stop.promise]);
if (error !== null) throw error;
