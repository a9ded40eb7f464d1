import type { Act } from "./stage.ts";

/** Kills a process and starts another one, as a process supervisor would. */
export const killWorker: Act = async ({ workers }, { target }) => {
  await workers.kill(target);
  await workers.add();
};

/** Stops a process until others own its partitions; then it continues as if they were still its own. */
export const freezeWorker: Act = async ({ workers, sessionTimeoutMs }, { target }) => {
  await workers.freeze(target, 1.5 * sessionTimeoutMs);
};

/** Starts a process; if there are twice as many as usual, another one is removed first. */
export const addWorker: Act = async ({ workers, usual }, { target }) => {
  if (workers.count >= 2 * usual) await workers.remove(target);
  await workers.add();
};

/** Removes a process; if it is the only one, another one is started first. */
export const removeWorker: Act = async ({ workers }, { target }) => {
  if (workers.count === 1) await workers.add();
  await workers.remove(target);
};
