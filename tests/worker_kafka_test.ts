import { openTransport } from "../bus/connect.ts";
import { testWorker } from "./worker_suite.ts";

const BROKERS = Deno.env.get("KAFKA_BROKERS");
const TOPICS = ["imagebus.mnist", "imagebus.fashion-mnist", "topic_mnist", "topic_fashion"];

testWorker({
  name: "kafka",
  ignore: BROKERS === undefined ? "needs KAFKA_BROKERS, which deno task test sets" : undefined,
  url: () => `kafka://${BROKERS}`,
  /** Puts a new group at the end of what former cases left. */
  async prepare(group) {
    await using transport = await openTransport(`kafka://${BROKERS}`);
    await using _subscription = await transport.subscribe(TOPICS, { group, from: "end" });
  },
});
