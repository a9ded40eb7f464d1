import type { JsonFields } from "../../lib/json_fields.ts";
import type { Node } from "./network.ts";
import type { Tensor } from "./tensor.ts";

/** A layer of Keras that is being converted. */
export interface Step {
  /** File, class and name, for messages: `x.h5: Conv2D "conv2d_1"`. */
  readonly name: string;
  /** Its settings. */
  readonly config: JsonFields;
  /** Its inputs, at least one. */
  readonly inputs: readonly Node[];
  /** As of {@linkcode KerasLayer}. */
  readonly constants: readonly unknown[];
  /** As of {@linkcode KerasLayer}. */
  readonly constantFirst: boolean;
  /** Reads its trained parameters, one per role. */
  weights(...roles: readonly string[]): Tensor[];
}

/** Refuses another axis than that of the channels. */
export function lastAxis(step: Step, x: Node): void {
  const axis = [step.config.raw("axis") ?? -1].flat();
  if (axis.length === 1 && (axis[0] === -1 || axis[0] === x.shape.length)) return;
  throw step.config.fail("axis", axis, "must be the last one (channels)");
}

/** Refuses the other order of the axes. */
export function channelsLast({ config }: Step): void {
  if (config.has("data_format") && config.raw("data_format") !== null) {
    config.oneOf("data_format", ["channels_last"]);
  }
}

/** Refuses a setting with another value. */
export function refuseUnless({ config }: Step, setting: string, value: unknown): void {
  const actual = config.raw(setting);
  if (actual === undefined || actual === null || actual === value) return;
  throw config.fail(setting, actual, `must be ${value}`);
}
