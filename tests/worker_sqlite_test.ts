import { testWorker } from "./worker_suite.ts";

testWorker({ name: "sqlite", url: (directory) => `sqlite:${directory}/bus.db` });
