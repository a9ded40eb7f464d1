/**
 * What a model folder says about itself: `manifest.json`, beside `weights.bin`, `card.md` and `samples/`.
 *
 * A folder is a model: whatever has a valid manifest is served under its {@linkcode Manifest.name}. The architecture is
 * data, so a new model needs no code.
 *
 * @module
 */

/** A trained classifier, as declared by its `manifest.json`. */
export interface Manifest {
  /** Format of this file; 1. */
  readonly format: 1;
  /** The name it is asked by: `[a-z0-9][a-z0-9-]{0,62}`, equal to the name of its folder. */
  readonly name: string;
  /** Changes whenever the weights or the architecture change, e.g. `"1.0.0"`. */
  readonly version: string;
  /** One line for people. */
  readonly description: string;
  /** The classes, in the order of the outputs: 2 to 10,000, no two the same. */
  readonly labels: readonly string[];
  /** What the first layer expects. */
  readonly input: InputSpec;
  /** The layers, first to last; the last one has as many outputs as there are labels and no activation (logits). */
  readonly layers: readonly Layer[];
  /** Divides the logits before the softmax, so that confidences are calibrated (> 0). @default {1} */
  readonly temperature?: number;
  /** Where the trained numbers are. */
  readonly weights: WeightsSpec;
  /** What was measured, on data never used for a choice; shown by `imagebus models`. */
  readonly evaluation?: {
    /** The data, e.g. `"Fashion-MNIST test, 10,000 images"`. */
    readonly data: string;
    /** How many images. */
    readonly images: number;
    /** Share of right answers, 0 to 1. */
    readonly accuracy: number;
  };
}

/** The form that every image is brought into before the first layer. */
export interface InputSpec {
  /** In pixels, 1 to 1,024. */
  readonly width: number;
  /** In pixels, 1 to 1,024. */
  readonly height: number;
  /** 1 is grey (ITU-R BT.601 luma), 3 is RGB. */
  readonly channels: 1 | 3;
  /** For each channel: subtracted from the value scaled to 0…1. */
  readonly mean: readonly number[];
  /** For each channel: then divided by (> 0). */
  readonly std: readonly number[];
}

/** What a convolution or a dense layer does last. */
export type Activation = "linear" | "relu";

/** One layer. Tensors are laid out NHWC; convolution kernels height, width, in, out; dense kernels in, out. */
export type Layer =
  | {
    readonly type: "conv2d";
    readonly filters: number;
    readonly kernel: number;
    readonly stride?: number;
    readonly padding?: "same" | "valid";
    readonly activation?: Activation;
  }
  | { readonly type: "maxPool2d"; readonly size: number; readonly stride?: number }
  | { readonly type: "flatten" }
  | { readonly type: "dense"; readonly units: number; readonly activation?: Activation };

/** The trained numbers: one file with all tensors one after the other, in the order of the layers (kernel, then bias). */
export interface WeightsSpec {
  /** File name inside the folder; no path. */
  readonly file: string;
  /** How each number is stored, little-endian. */
  readonly dtype: "float32" | "float16";
  /** Size of the file in bytes. */
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}
