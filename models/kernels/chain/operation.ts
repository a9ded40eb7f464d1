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

/**
 * How numbers of an operation are represented. A range means bytes: of the numbers from 0 to the range, 0 is the byte 0 and the
 * range the byte 127; what is larger is the range. Without one they are float32.
 */
export interface Precision {
  /** Of what it is given. If it is bytes, weights are bytes too, -127 to 127, with a scale per filter or unit. */
  readonly inputRange?: number;
  /** Of what it gives; only where the bounds have the floor 0. */
  readonly range?: number;
}

/** A convolution, with what follows it. */
export interface ConvolutionOperation extends Precision {
  readonly kind: "convolution";
  /** Position of the layer. */
  readonly layer: number;
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
export interface DenseOperation extends Precision {
  readonly kind: "dense";
  /** Position of the layer. */
  readonly layer: number;
  /** Inputs × units. */
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
  readonly bounds: Bounds;
}

/** What a chain consists of. */
export type Operation = ConvolutionOperation | DenseOperation;
