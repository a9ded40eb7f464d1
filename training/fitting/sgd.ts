import type { Parameter } from "./parameters.ts";
import type { Lookahead, Optimiser } from "../recipes/recipe.ts";

/**
 * Learning rate of a step, relative to the maximum: it rises linearly over the warm-up and then falls
 * linearly.
 *
 * @param optimiser Warm-up and final rate.
 * @param step From 0.
 * @param total Number of all steps.
 * @returns 0 to 1.
 */
export function rateAt({ warmUp, finalRate }: Optimiser, step: number, total: number): number {
  const rising = Math.floor(warmUp * total);
  if (step < rising) return START + (1 - START) * step / rising;
  return 1 - (1 - finalRate) * (step - rising) / Math.max(1, total - rising);
}

/** Rate of the first step, relative to the maximum. */
const START = 0.2;

/**
 * Moves the parameters one step against the gradient.
 *
 * @param optimiser Step size, momentum and decay.
 * @param parameters From `listParameters`.
 * @param numbers All parameters; modified.
 * @param velocity Modified; zeros before the first step.
 * @param gradient Of the mean loss.
 * @param rate From {@linkcode rateAt}.
 */
export function sgdStep(
  { learningRate, momentum, nesterov, weightDecay, biasRate = 1 }: Optimiser,
  parameters: readonly Parameter[],
  numbers: Float32Array,
  velocity: Float32Array,
  gradient: Float32Array,
  rate: number,
): void {
  for (const { start, end, kind, normalised } of parameters) {
    if (kind === "fixed") continue;
    const factor = normalised ? biasRate : 1;
    const step = rate * learningRate * factor;
    const decay = weightDecay / factor;
    for (let i = start; i < end; i++) {
      const slope = gradient[i]! + decay * numbers[i]!;
      const speed = velocity[i] = momentum * velocity[i]! + slope;
      numbers[i]! -= step * (nesterov ? slope + momentum * speed : speed);
    }
  }
}

/**
 * Resets the parameters to their running average every few steps (Zhang et al., "Lookahead Optimizer", 2019).
 *
 * @param lookahead How often, and how much of the average is kept.
 * @param numbers All parameters; modified.
 * @param average Modified.
 * @param done Number of finished steps.
 * @param total Number of all steps.
 */
export function lookAhead(
  { every, decay }: Lookahead,
  numbers: Float32Array,
  average: Float32Array,
  done: number,
  total: number,
): void {
  if (done % every !== 0 && done !== total) return;
  // At the end the average itself is what remains.
  const keep = done === total ? 1 : decay ** every * (done / total) ** 3;
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = average[i] = keep * average[i]! + (1 - keep) * numbers[i]!;
  }
}
