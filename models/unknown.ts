import { fieldError } from "./errors.ts";
import type { JsonFields } from "../lib/json_fields.ts";
import { type Layer, parseLayer } from "./layers/layer.ts";
import { shapeLayer } from "./layers/layer_shape.ts";
import { parameterCount, type Shape, type ShapedLayer } from "./layers/layers.ts";
import { maxOf, sumOfExponentials } from "./logits.ts";
import { parseWeights, type WeightsSpec } from "./weights_spec.ts";

/** How a model recognises an image that shows none of its classes: its score is below a threshold. */
export type UnknownSpec = EnergyScore | FeaturesScore;

/**
 * Scored by the logarithm of the sum of the exponentials of the logits, the negative energy of the image. W. Liu, X. Wang,
 * J. Owens, Y. Li, "Energy-based Out-of-distribution Detection", 2020. It needs nothing but the model.
 */
export interface EnergyScore {
  /** Discriminates {@linkcode UnknownSpec}. */
  readonly score: "energy";
  /** Images with a lower score are unknown. */
  readonly threshold: number;
}

/**
 * Scored by a small network of its own, which has learned to separate images of the classes from others by what the last layer
 * of the model is given. Images of other kinds, noise and blank images stand for all that is not one of the classes, as in
 * D. Hendrycks, M. Mazeika, T. Dietterich, "Deep Anomaly Detection with Outlier Exposure", 2019. The last layer of the model
 * must be `dense`, without `from`.
 */
export interface FeaturesScore {
  /** Discriminates {@linkcode UnknownSpec}. */
  readonly score: "features";
  /** Images with a lower score are unknown. */
  readonly threshold: number;
  /** 1 to 10, first to last, all `dense`; the last one has one output, the score. */
  readonly layers: readonly Layer[];
  /** The trained parameters of these layers. */
  readonly weights: WeightsSpec;
}

/**
 * The score of {@linkcode EnergyScore}.
 *
 * @param logits Of one image.
 */
export function energyScore(logits: Float32Array): number {
  return maxOf(logits) + Math.log(sumOfExponentials(logits, 1));
}

/**
 * Checks the field `unknown` of a manifest.
 *
 * @param fields Its fields.
 * @param features Length of the vector that the last layer of the model is given; undefined if that layer is not dense.
 * @param where The file, for messages.
 * @throws {ModelError} `invalid_manifest`
 */
export function parseUnknown(fields: JsonFields, features: number | undefined, where: string): UnknownSpec {
  const score = fields.oneOf<UnknownSpec["score"]>("score", ["energy", "features"]);
  const threshold = fields.number("threshold", {});
  if (score === "energy") {
    fields.refuseOthers();
    return { score, threshold };
  }
  if (features === undefined) {
    throw fields.fail("score", score, 'must be "energy" unless the last layer is dense and has no "from"');
  }
  const layers = fields.objects("layers", 1, 10).map(parseLayer);
  const weights = parseWeights(fields.object("weights"));
  fields.refuseOthers();
  checkScorer({ score, threshold, layers, weights }, features, `${where}: unknown`);
  return { score, threshold, layers, weights };
}

function checkScorer({ layers, weights }: FeaturesScore, features: number, where: string): void {
  const fail = fieldError("invalid_manifest");
  const other = layers.find(({ type, from }) => type !== "dense" || from !== undefined);
  if (other) {
    throw fail(`${where}: each layer must be dense, without "from"; there is one of type ${other.type}`);
  }
  const shaped = shapeScorer(layers, features, where);
  const [outputs] = shaped.at(-1)!.output;
  if (outputs !== 1) {
    throw fail(`${where}: the last layer has ${outputs} outputs; it must have one, the score`);
  }
  const bytes = parameterCount(shaped) * (weights.dtype === "float16" ? 2 : 4);
  if (weights.bytes !== bytes) throw fail(`${where}.weights.bytes must be ${bytes}; it is ${weights.bytes}`);
}

/**
 * Shapes of the layers of a {@linkcode FeaturesScore}.
 *
 * @param layers As declared.
 * @param features Length of the vector that they are given.
 * @param where The file, for messages.
 * @throws {ModelError} `invalid_manifest`
 */
export function shapeScorer(layers: readonly Layer[], features: number, where: string): ShapedLayer[] {
  let shape: Shape = [features];
  return layers.map((layer, i) => {
    const shaped = shapeLayer(layer, [shape], `${where}.layers[${i}] (${layer.type})`);
    shape = shaped.output;
    return { layer, from: [i - 1], ...shaped };
  });
}

/**
 * Length of the vector that the last layer is given.
 *
 * @param layers Of a model.
 * @returns undefined if the last layer is not dense, or has its input from elsewhere than the layer before it.
 */
export function featureCount(layers: readonly ShapedLayer[]): number | undefined {
  const last = layers.at(-1)?.layer;
  return last?.type === "dense" && last.from === undefined ? layers.at(-2)?.output[0] : undefined;
}
