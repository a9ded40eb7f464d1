/**
 * `deno task test:go`: producers in Go, as in producers_test.ts. It is a task of its own, since it downloads and compiles
 * their clients.
 *
 * @module
 */
import { assertEquals } from "../../testing/assert.ts";
import { BROKERS } from "../../testing/brokers/kafka.ts";
import { CODECS, expectSevens, SEVEN, testProducer, TOPIC } from "./sevens.ts";

testProducer("Go clients with each codec", async () => {
  const keys = ["franz-go", "kafka-go"].flatMap((client) => CODECS.map((codec) => `${client}/${codec}`));
  await expectSevens(keys, async () => {
    const { success, stderr } = await new Deno.Command("go", {
      args: ["run", ".", BROKERS.join(), TOPIC, SEVEN.pathname],
      cwd: new URL("go", import.meta.url),
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
  });
});
