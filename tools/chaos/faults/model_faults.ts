import type { Act } from "./stage.ts";

/** Terminates the Workers of a process, in the middle of their batches. */
export const endModel: Act = ({ workers }, { target }) => workers.command(target, "terminate");

/** The model throws on up to four consecutive batches. */
export const makeModelThrow: Act = ({ workers }, { target, amount }) =>
  workers.command(target, `throw ${1 + amount % 4}`);

/** The model hangs on one batch. */
export const makeModelHang: Act = ({ workers }, { target }) => workers.command(target, "hang 1");

/** The model leaks over up to 20 batches until it exceeds its memory limit: it has to be replaced. */
export const makeModelLeak: Act = ({ workers }, { target, amount }) => {
  const bytes = Math.ceil(workers.maxWorkerMemoryMb * 2 ** 20 / amount);
  return workers.command(target, `leak ${amount} ${bytes}`);
};
