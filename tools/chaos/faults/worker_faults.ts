import type { Act } from "./stage.ts";

/** A process is killed, and another one started, as whatever looks after processes would. */
export const killWorker: Act = async ({ workers }, { target }) => {
  await workers.kill(target);
  await workers.add();
};

/** A process is stopped until the others have taken its partitions; then it goes on, and believes they are its own. */
export const freezeWorker: Act = async ({ workers, sessionTimeoutMs }, { target }) => {
  await workers.freeze(target, 1.5 * sessionTimeoutMs);
};

/** One more. Where there are twice as many as usual, one goes first. */
export const addWorker: Act = async ({ workers, usual }, { target }) => {
  if (workers.count >= 2 * usual) await workers.remove(target);
  await workers.add();
};

/** One less. Where there is only one, another one comes first. */
export const removeWorker: Act = async ({ workers }, { target }) => {
  if (workers.count === 1) await workers.add();
  await workers.remove(target);
};
