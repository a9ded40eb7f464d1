import { KAFKA } from "../fixtures/worker_bus.ts";
import { testWorker } from "./worker_suite.ts";

testWorker(KAFKA);
