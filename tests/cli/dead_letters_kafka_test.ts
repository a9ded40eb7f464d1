import { BROKERS, testKafka } from "../../testing/brokers/kafka.ts";
import { DeadLetterStage, liveDeadLetters } from "./dead_letters_suite.ts";

testKafka(
  "dead letters: one row per id after the cause is fixed, also if replayed twice",
  async () => {
    const topics = ["imagebus.mnist", "topic_mnist"];
    await using stage = await DeadLetterStage.set(() => `kafka://${BROKERS.join(",")}`, topics);
    await liveDeadLetters(stage);
  },
);
