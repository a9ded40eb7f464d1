import { BROKERS, testKafka } from "../../testing/brokers/kafka.ts";
import { DeadLetterStage, liveDeadLetters } from "./dead_letters_suite.ts";

testKafka(
  "dead letters: what is replayed after its cause is gone is one row, and replayed twice no second one",
  async () => {
    const topics = ["imagebus.mnist", "topic_mnist"];
    await using stage = await DeadLetterStage.set(() => `kafka://${BROKERS.join(",")}`, topics);
    await liveDeadLetters(stage);
  },
);
