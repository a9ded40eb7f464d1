import { BROKERS, testKafka } from "../../testing/brokers/kafka.ts";
import { assertEquals } from "../../testing/assert.ts";
import { WorkerProcess } from "../../testing/harness/worker_process.ts";
import { OtlpCollector } from "../../testing/otlp_collector.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { pythonEnvironment, runPython } from "../../testing/python_environment.ts";
import { expectSevens, SEVEN, TOPIC } from "./sevens.ts";

const PACKAGES = ["kafka-python==3.0.12", "opentelemetry-sdk==1.45.2"];

testKafka("interop: the trace of a Python producer goes on through the bus to the sink", async () => {
  const environment = await pythonEnvironment(PACKAGES);
  if ("missing" in environment) return console.error(`skipped: ${environment.missing}`);
  await using directory = await temporaryDirectory("traces");
  await using collector = new OtlpCollector();
  let ids = "";
  {
    await using _worker = await WorkerProcess.start({
      bus: `kafka://${BROKERS}`,
      directory: directory.path,
      args: ["--models", "mnist", "--quiet"],
      env: collector.environment,
    });
    await expectSevens(["traced"], async () => {
      const script = new URL("traced_producer.py", import.meta.url);
      ids = await runPython(environment.python, script, [BROKERS.join(","), TOPIC, SEVEN.pathname]);
    });
  }
  const [trace, parent] = ids.trim().split(" ");
  const steps = ["classify", "store"].flatMap((step) => collector.named(`${step} ${TOPIC}`));
  assertEquals(steps.map(({ traceId, parentSpanId }) => [traceId, parentSpanId]), [[trace, parent], [
    trace,
    parent,
  ]]);
  const links = collector.named(`process ${TOPIC}`).flatMap(({ links = [] }) => links);
  assertEquals(links.map(({ traceId, spanId }) => [traceId, spanId]), [[trace, parent]]);
});
