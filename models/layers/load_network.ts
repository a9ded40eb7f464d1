import type { ObserveLayer } from "../kernels/chain/chain.ts";
import { FusedNetwork } from "./fused_network.ts";
import { isFused, type LoadedNetwork, type NetworkPlan } from "./network_plan.ts";

/**
 * Loads a network into the memory of the kernels. TensorFlow.js is imported only where a layer needs it; then its backend was
 * started.
 *
 * @param plan From `planNetwork`.
 * @param batchSizes Ascending; see `Network`.
 * @param observe Receives what the layers on the project's own kernels give, where that is float32.
 */
export async function loadNetwork(
  plan: NetworkPlan,
  batchSizes: readonly number[],
  observe?: ObserveLayer,
): Promise<LoadedNetwork> {
  if (isFused(plan)) return new FusedNetwork(plan, batchSizes, observe);
  const { Network } = await import("./network.ts");
  return new Network(plan, batchSizes, observe);
}
