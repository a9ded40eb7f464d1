import type { Act } from "./stage.ts";

/** The Workers of a process are terminated in the middle of whatever they do. */
export const endModel: Act = ({ workers }, { target }) => workers.tell(target, "terminate");

/** The model throws on up to four batches one after the other. */
export const makeModelThrow: Act = ({ workers }, { target, amount }) =>
  workers.tell(target, `throw ${1 + amount % 4}`);

/** The model never answers one batch. */
export const makeModelHang: Act = ({ workers }, { target }) => workers.tell(target, "hang 1");

/** The model keeps so much of up to 20 batches that in the end it is over its bound: it has to be replaced. */
export const makeModelLeak: Act = ({ workers }, { target, amount }) => {
  const bytes = Math.ceil(workers.maxWorkerMemoryMb * 2 ** 20 / amount);
  return workers.tell(target, `leak ${amount} ${bytes}`);
};
