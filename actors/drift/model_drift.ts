import type { Classified } from "../../bus/result.ts";
import { populationStability } from "../../lib/population_stability.ts";
import { binOf, type Reference } from "../../models/reference.ts";

/** How much the images and predictions of a model differ from its reference. */
export type DriftState = "unknown" | "none" | "warning" | "alarm";

/** The images and predictions of a model, compared with its reference. */
export interface Drift {
  /** `unknown` without a reference, and before the first window is complete. */
  readonly state: DriftState;
  /** Population stability index of the predicted classes in the last window; `null` before it is complete. */
  readonly label: number | null;
  /** The same of the confidences. */
  readonly confidence: number | null;
  /**
   * The same of the images as they were sent: of their brightness or their contrast, whichever is larger; also `null` if
   * the reference has none of them.
   */
  readonly image: number | null;
}

/** A model whose served version has a reference. */
export interface Referenced {
  /** Its name. */
  readonly model: string;
  /** The version that is served. */
  readonly version: string;
  /** The reference of that version. */
  readonly reference: Reference | undefined;
}

/** Results per window: with fewer, chance alone exceeds the bounds. */
const WINDOW = 1_000;
/** Of the classes; the others share one more. */
const MAX_BINS = 19;
const WARNING = 0.1;
const ALARM = 0.25;

const UNKNOWN: Drift = { state: "unknown", label: null, confidence: null, image: null };

/**
 * Windows of results of the version that is served. One window can differ by chance: a state holds when two windows
 * in a row exceed its bound.
 */
export class ModelDrift {
  /** The last complete window. */
  drift: Drift = UNKNOWN;
  readonly #model: Referenced;
  #version = "";
  #labels: number[] = [];
  #confidences: number[] = [];
  #brightness: number[] = [];
  #contrast: number[] = [];
  #count = 0;
  #before = 0;

  /** @param model The model. */
  constructor(model: Referenced) {
    this.#model = model;
  }

  /** @returns Whether the state has changed. */
  add({ modelVersion, index, confidence }: Classified): boolean {
    const reference = this.#referenceOf(modelVersion);
    if (reference === undefined) return false;
    count(this.#labels, index);
    count(this.#confidences, binOf(reference.edges, confidence));
    return ++this.#count >= WINDOW && this.#complete(reference);
  }

  /**
   * Counts images of the current window. They come before what is predicted for them.
   *
   * @param modelVersion That classified them.
   * @param tones As in `Done.tones`.
   */
  addTones(modelVersion: string, tones: Float64Array): void {
    const tone = this.#referenceOf(modelVersion)?.tone;
    if (tone === undefined) return;
    for (let i = 0; i < tones.length; i += 2) {
      if (Number.isNaN(tones[i])) continue;
      count(this.#brightness, binOf(tone.brightness.edges, tones[i]!));
      count(this.#contrast, binOf(tone.contrast.edges, tones[i + 1]!));
    }
  }

  /** @returns undefined for a version that is not served. */
  #referenceOf(modelVersion: string): Reference | undefined {
    const { version, reference } = this.#model;
    if (version !== this.#version) this.#restart(version);
    return modelVersion === version ? reference : undefined;
  }

  #restart(version: string): void {
    this.#version = version;
    this.drift = UNKNOWN;
    this.#before = 0;
    this.#clear();
  }

  #clear(): void {
    [this.#labels, this.#confidences, this.#brightness, this.#contrast, this.#count] = [[], [], [], [], 0];
  }

  #complete({ labels, confidences, tone }: Reference): boolean {
    const label = populationStability(...frequent(labels, this.#labels));
    const confidence = stabilityOf(confidences, this.#confidences);
    const image = tone === undefined ? null : Math.max(
      stabilityOf(tone.brightness.counts, this.#brightness),
      stabilityOf(tone.contrast.counts, this.#contrast),
    );
    this.#clear();
    const now = Math.max(label, confidence, image ?? 0);
    const sustained = Math.min(now, this.#before);
    this.#before = now;
    const state = sustained > ALARM ? "alarm" : sustained > WARNING ? "warning" : "none";
    const isNew = state !== this.drift.state && (state !== "none" || this.drift.state !== "unknown");
    this.drift = { state, label, confidence, image };
    return isNew;
  }
}

function count(bins: number[], bin: number): void {
  bins[bin] = (bins[bin] ?? 0) + 1;
}

function stabilityOf(reference: readonly number[], observed: readonly number[]): number {
  return populationStability(reference, reference.map((_, i) => observed[i] ?? 0));
}

/** The most frequent classes of the reference, and the others together. */
function frequent(reference: readonly number[], observed: readonly number[]): [number[], number[]] {
  const order = reference.map((_, i) => i).sort((a, b) => reference[b]! - reference[a]!);
  const [first, others] = [order.slice(0, MAX_BINS), order.slice(MAX_BINS)];
  const binned = (counts: readonly number[]) => {
    const of = (i: number) => counts[i] ?? 0;
    return [...first.map(of), ...others.length > 0 ? [others.reduce((sum, i) => sum + of(i), 0)] : []];
  };
  return [binned(reference), binned(observed)];
}
