import { FusedNetwork } from "./fused_network.ts";
import { isFused, type LoadedNetwork, type NetworkPlan } from "./network_plan.ts";

/**
 * Loads a network into the memory of the kernels. TensorFlow.js is imported only where a layer needs it; then its backend was
 * started.
 *
 * @param plan From `planNetwork`.
 * @param batchSizes Ascending; see `Network`.
 */
export async function loadNetwork(plan: NetworkPlan, batchSizes: readonly number[]): Promise<LoadedNetwork> {
  if (isFused(plan)) return new FusedNetwork(plan, batchSizes);
  const { Network } = await import("./network.ts");
  return new Network(plan, batchSizes);
}
