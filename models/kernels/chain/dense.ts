import type { KernelMemory } from "../kernel_memory.ts";
import type { DenseOperation } from "./operation.ts";
import { imageStride, type Place } from "./place.ts";
import { finish, inUnitOfOutput, panels, type Prepared } from "./prepared.ts";

/**
 * Prepares a dense layer.
 *
 * @param operation The layer.
 * @param from Where its input lies.
 * @param to Where its output goes.
 * @param images Maximum number of images.
 * @param memory For its weights.
 */
export function prepareDense(
  operation: DenseOperation,
  from: Place,
  to: Place,
  images: number,
  memory: KernelMemory,
): Prepared {
  const { kernel, bias } = inUnitOfOutput(operation);
  const inputs = kernel.length / bias.length;
  const layer = memory.struct([
    from.address,
    imageStride(from),
    to.isBytes ? memory.zeros(images * imageStride(to)) : to.address,
    imageStride(to),
    to.address,
    imageStride(to),
    panels(kernel, inputs, bias.length, memory),
    ...finish(operation, memory),
    inputs,
    to.shape[2],
  ]);
  return { run: (images) => memory.kernels.dense(layer, images) };
}
