import { EMBEDDED, KAFKA } from "../../fixtures/worker_bus.ts";
import { testWorkerHttp } from "./worker_http_suite.ts";

for (const bus of [EMBEDDED, KAFKA]) testWorkerHttp(bus);
