/**
 * Models as folders: the contract of a manifest, and how models are found.
 *
 * @module
 */
export { ModelError, type ModelErrorCode } from "./errors.ts";
export type {
  Activation,
  ActivationFunction,
  Calibration,
  Convolution,
  Edge,
  EnergyScore,
  Extent,
  FeaturesScore,
  InputSpec,
  Layer,
  Manifest,
  Operation,
  Padding,
  Pool,
  UnknownSpec,
  View,
  WeightsSpec,
} from "./manifest.ts";
export { parseManifest } from "./manifest.ts";
export { listModels, loadModels, type ModelEntry, type ModelPlace, type ModelSearch } from "./registry.ts";
export type { ModelFiles } from "./classifier.ts";
export type { Histogram, Reference } from "./reference.ts";
export type { Tone } from "./image/tone.ts";
export type { FormName } from "./image/canonical/forms.ts";
