import { EMBEDDED } from "../fixtures/worker_bus.ts";
import { testWorker } from "./worker_suite.ts";

testWorker(EMBEDDED);
