/** How far and in what manner the parameters are moved. */
export interface Schedule {
  /** The highest learning rate. */
  readonly learningRate: number;
  /** Share of all steps in which the rate rises from 0; afterwards it falls to 0 in a straight line. */
  readonly warmUp: number;
  /** Share of itself that each parameter loses in a step, times the learning rate (decoupled weight decay). */
  readonly weightDecay: number;
}

/** What Adam remembers. */
export interface AdamState {
  /** Mean of the gradients. */
  readonly mean: Float32Array;
  /** Mean of their squares. */
  readonly square: Float32Array;
}

const KEEP_MEAN = 0.9;
const KEEP_SQUARE = 0.999;
const EPSILON = 1e-8;

/**
 * Reads the schedule.
 *
 * @param schedule Peak and warm-up.
 * @param step From 0.
 * @param steps All of them.
 * @returns The learning rate of that step.
 */
export function learningRateAt({ learningRate, warmUp }: Schedule, step: number, steps: number): number {
  const rising = Math.max(1, warmUp * steps);
  return learningRate * Math.min((step + 1) / rising, (steps - step) / Math.max(1, steps - rising));
}

/**
 * One step of Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019), in place.
 *
 * @param parameters Are moved.
 * @param gradient Of the loss by each parameter.
 * @param state Is brought up to date.
 * @param step From 0.
 * @param rate The learning rate of this step.
 * @param weightDecay See {@linkcode Schedule}.
 */
export function adamStep(
  parameters: Float32Array,
  gradient: Float32Array,
  { mean, square }: AdamState,
  step: number,
  rate: number,
  weightDecay: number,
): void {
  const meanShare = 1 - KEEP_MEAN ** (step + 1);
  const squareShare = 1 - KEEP_SQUARE ** (step + 1);
  for (let i = 0; i < parameters.length; i++) {
    const g = gradient[i]!;
    const m = mean[i] = KEEP_MEAN * mean[i]! + (1 - KEEP_MEAN) * g;
    const v = square[i] = KEEP_SQUARE * square[i]! + (1 - KEEP_SQUARE) * g * g;
    const move = m / meanShare / (Math.sqrt(v / squareShare) + EPSILON);
    parameters[i]! -= rate * (move + weightDecay * parameters[i]!);
  }
}
