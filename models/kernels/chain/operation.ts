/** Height, width and channels of an image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Zeros around an image, in pixels. */
export interface Frame {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Bounds that are applied to the output; ReLU is 0 and ∞. */
export interface Bounds {
  readonly floor: number;
  readonly ceiling: number;
}

/** A convolution, with what follows it. */
export interface ConvolutionOperation {
  readonly kind: "convolution";
  /** Height × width × channels × filters. */
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly size: readonly [height: number, width: number];
  readonly stride: readonly [down: number, across: number];
  readonly frame: Frame;
  readonly bounds: Bounds;
  /** Side of the windows over which the maximum is taken; 1 for none. */
  readonly pool: number;
  /** After the maximum. */
  readonly output: ImageShape;
}

/** A dense layer. */
export interface DenseOperation {
  readonly kind: "dense";
  /** Inputs × units. */
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly bounds: Bounds;
}

/** What a chain consists of. */
export type Operation = ConvolutionOperation | DenseOperation;
