import type { Listener } from "../events.ts";
import type { ObservedBatch, Observer } from "../observer.ts";
import type { Settled } from "../sinks/sink.ts";
import { type Drift, ModelDrift, type Referenced } from "./model_drift.ts";

/** Compares the images of the models, and what they predict, with their test images. */
export class DriftWatch implements Observer {
  readonly #models: ReadonlyMap<string, ModelDrift>;
  readonly #listener: Listener;

  /**
   * @param models The models, with the reference of the version that is served.
   * @param listener Notified when the images or predictions of a model begin or cease to differ.
   */
  constructor(models: readonly Referenced[], listener: Listener) {
    this.#models = new Map(models.map((model) => [model.model, new ModelDrift(model)]));
    this.#listener = listener;
  }

  /** The last complete window of a model. */
  of(model: string): Drift {
    return this.#models.get(model)!.drift;
  }

  batch({ model, version, tones }: ObservedBatch): void {
    if (tones) this.#models.get(model)?.addTones(version, tones);
  }

  stored(results: readonly Settled[]): void {
    for (const { result } of results) {
      if (result.status !== "classified") continue;
      const model = this.#models.get(result.model);
      if (model?.add(result)) this.#listener({ type: "drift", model: result.model, ...model.drift });
    }
  }
}
