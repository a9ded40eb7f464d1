import type { Classified } from "../../bus/result.ts";
import { populationStability } from "../../lib/population_stability.ts";
import { binOf, type Reference } from "../../models/reference.ts";

/** How much the predictions of a model differ from its reference. */
export type DriftState = "unknown" | "none" | "warning" | "alarm";

/** The predictions of a model, compared with its reference. */
export interface Drift {
  /** `unknown` without a reference, and before the first window is complete. */
  readonly state: DriftState;
  /** Population stability index of the predicted classes in the last window; `null` before it is complete. */
  readonly label: number | null;
  /** The same of the confidences. */
  readonly confidence: number | null;
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

const UNKNOWN: Drift = { state: "unknown", label: null, confidence: null };

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
  #count = 0;
  #before = 0;

  /** @param model The model. */
  constructor(model: Referenced) {
    this.#model = model;
  }

  /** @returns Whether the state has changed. */
  add({ modelVersion, index, confidence }: Classified): boolean {
    const { version, reference } = this.#model;
    if (version !== this.#version) this.#restart(version);
    if (reference === undefined || modelVersion !== version) return false;
    this.#labels[index] = (this.#labels[index] ?? 0) + 1;
    const bin = binOf(reference.edges, confidence);
    this.#confidences[bin] = (this.#confidences[bin] ?? 0) + 1;
    return ++this.#count >= WINDOW && this.#complete(reference);
  }

  #restart(version: string): void {
    this.#version = version;
    this.drift = UNKNOWN;
    this.#before = 0;
    this.#clear();
  }

  #clear(): void {
    [this.#labels, this.#confidences, this.#count] = [[], [], 0];
  }

  #complete({ labels, confidences }: Reference): boolean {
    const label = populationStability(...frequent(labels, this.#labels));
    const confidence = populationStability(confidences, confidences.map((_, i) => this.#confidences[i] ?? 0));
    this.#clear();
    const now = Math.max(label, confidence);
    const sustained = Math.min(now, this.#before);
    this.#before = now;
    const state = sustained > ALARM ? "alarm" : sustained > WARNING ? "warning" : "none";
    const isNew = state !== this.drift.state && (state !== "none" || this.drift.state !== "unknown");
    this.drift = { state, label, confidence };
    return isNew;
  }
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
