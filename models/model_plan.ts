import type { ObserveLayer } from "./kernels/chain/chain.ts";
import { startInference } from "./kernels/own_heap.ts";
import { viewCount } from "./image/views.ts";
import { parameterCount, type ShapedLayer, shapeLayers, size } from "./layers/layers.ts";
import { loadNetwork } from "./layers/load_network.ts";
import { isFused, type LoadedNetwork, type NetworkPlan, planNetwork } from "./layers/network_plan.ts";
import { inBytes } from "./layers/precision.ts";
import type { Manifest } from "./manifest.ts";
import type { ModelFiles } from "./model_files.ts";
import { featureCount, shapeScorer } from "./unknown.ts";

/** Batches are padded to one of these sizes: varying shapes run out of memory (tfjs issue 6439). */
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64] as const;

/** Maximum output of one layer for a batch, in numbers; large inputs get smaller batches. */
const MAX_BATCH_ACTIVATIONS = 2 ** 26;

/** The networks of a model, and how they are run. */
export interface ModelPlan {
  /** The whole network, or all but its last layer if what that is given are features. */
  readonly body: NetworkPlan;
  readonly last: NetworkPlan | undefined;
  /** Of unknown images. */
  readonly scorer: NetworkPlan | undefined;
  /** Length of the vector that the last layer is given; `undefined` if that is not one vector. */
  readonly features: number | undefined;
  /** In images, ascending. */
  readonly batchSizes: readonly number[];
  /** Per image. */
  readonly views: number;
}

/** Its networks in memory. */
export type LoadedModel = Readonly<
  Record<"body", LoadedNetwork> & Record<"last" | "scorer", LoadedNetwork | undefined>
>;

/**
 * Plans the networks of a model.
 *
 * @param files The model.
 * @throws {ModelError} `invalid_manifest`: a layer that cannot be computed in the precision that it is to be.
 */
export function planModel({ manifest, weights, scorerWeights }: ModelFiles): ModelPlan {
  const { name, input, layers, weights: { dtype }, unknown } = manifest;
  const shaped = shapeLayers(input, layers, name);
  const views = viewCount(input);
  const features = featureCount(shaped);
  const [body, last] = features === undefined ? [shaped, []] : [shaped.slice(0, -1), shaped.slice(-1)];
  const cut = weights.length / parameterCount(shaped) * parameterCount(body);
  const shape = [input.height, input.width, input.channels] as const;
  const vector = [1, 1, features ?? 0] as const;
  const alone = last.map((layer) => ({ ...layer, from: [-1] }));
  return {
    body: planBody(manifest, planNetwork(shape, body, weights.subarray(0, cut), dtype)),
    last: features === undefined ? undefined : planNetwork(vector, alone, weights.subarray(cut), dtype),
    scorer: unknown?.score === "features"
      ? planNetwork(
        vector,
        shapeScorer(unknown.layers, features!, "unknown"),
        scorerWeights!,
        unknown.weights.dtype,
      )
      : undefined,
    features,
    batchSizes: affordable(shaped, views),
    views,
  };
}

function planBody({ name, calibration }: Manifest, plan: NetworkPlan): NetworkPlan {
  return calibration === undefined ? plan : inBytes(plan, calibration.ranges, name);
}

/** Starts what runs the networks. TensorFlow.js takes 0.1 s and 20 MB per thread: it is started only for layers that need it. */
export async function startModel({ body, last, scorer }: ModelPlan, wasm: WebAssembly.Module): Promise<void> {
  if ([body, last, scorer].every((plan) => plan === undefined || isFused(plan))) {
    return await startInference();
  }
  const { startBackend } = await import("./backend.ts");
  await startBackend(wasm);
}

/**
 * Loads the networks into memory.
 *
 * @param plan Of a model that was started.
 * @param observe Receives what the layers of the body give, as for `loadNetwork`.
 */
export async function loadPlan(
  { body, last, scorer, batchSizes, views }: ModelPlan,
  observe?: ObserveLayer,
): Promise<LoadedModel> {
  return {
    body: await loadNetwork(body, batchSizes.map((n) => n * views), observe),
    last: last && await loadNetwork(last, batchSizes),
    scorer: scorer && await loadNetwork(scorer, []),
  };
}

/** The views of an image count as images. */
function affordable(shaped: readonly ShapedLayer[], views: number): number[] {
  const largest = Math.max(...shaped.map((layer) => size(layer.output)));
  const max = Math.min(BATCH_SIZES.at(-1)!, MAX_BATCH_ACTIVATIONS / largest);
  return BATCH_SIZES.filter((batch) => batch === 1 || batch * views <= max);
}
