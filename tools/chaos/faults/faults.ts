import type { FaultKind } from "../schedule.ts";
import { cutConnections, killBroker, killLeader, stopBroker, stopLeader } from "./broker_faults.ts";
import { endModel, makeModelHang, makeModelLeak, makeModelThrow } from "./model_faults.ts";
import { killPostgres, stopPostgres } from "./postgres_faults.ts";
import { fillQuota } from "./quota_faults.ts";
import type { Act } from "./stage.ts";
import { addWorker, freezeWorker, killWorker, removeWorker } from "./worker_faults.ts";

/** What causes each kind of fault. */
export const ACTS: Readonly<Record<FaultKind, Act>> = {
  "kill-worker": killWorker,
  "freeze-worker": freezeWorker,
  "add-worker": addWorker,
  "remove-worker": removeWorker,
  "end-model": endModel,
  "model-throws": makeModelThrow,
  "model-hangs": makeModelHang,
  "model-leaks": makeModelLeak,
  "stop-broker": stopBroker,
  "kill-broker": killBroker,
  "stop-leader": stopLeader,
  "kill-leader": killLeader,
  "cut-connections": cutConnections,
  "fill-quota": fillQuota,
  "stop-postgres": stopPostgres,
  "kill-postgres": killPostgres,
};
