import { Buffer } from "node:buffer";
import { openKafkaTransport } from "../../../../bus/transport/kafka/open.ts";
import type { TransportEvent } from "../../../../bus/transport/transport.ts";
import { assertEquals, assertStringIncludes } from "../../../../testing/assert.ts";
import { NO_OWN_KAFKA, testKafka } from "../../../../testing/brokers/kafka.ts";
import { Phoenix } from "../../../fixtures/phoenix.ts";
import { unique } from "../suite/harness.ts";
import { numbered, Reader } from "../suite/reader.ts";

/** Cuts the last batches off a log, as an unclean election does. */
async function truncate(directory: string, batches: number): Promise<void> {
  const segment = `${directory}/00000000000000000000`;
  const log = Buffer.from(await Deno.readFile(`${segment}.log`));
  let end = 0;
  for (let i = 0; i < batches; i++) end += 12 + log.readInt32BE(end + 8);
  await Deno.truncate(`${segment}.log`, end);
  // They are built anew.
  for (const name of ["index", "timeindex"]) await Deno.remove(`${segment}.${name}`);
}

testKafka("after the end of a log was lost, what was read of it is not delivered again", async () => {
  await using phoenix = await Phoenix.start();
  const topic = unique("truncated");
  const reasons: string[] = [];
  const onEvent = (event: TransportEvent) => event.type === "lost" && reasons.push(event.reason ?? "");
  await using transport = await openKafkaTransport(phoenix.brokers, { partitions: 1, onEvent });
  await using reader = await Reader.open(transport, [topic]);
  for (let sent = 1; sent <= 10; sent++) {
    await transport.send(topic, numbered(1, `${sent} `));
    await reader.until(sent);
  }
  await using atEnd = await Reader.open(transport, [topic], { from: "end" });
  await phoenix.stop();
  await truncate(`${phoenix.dataDir}/log/${topic}-0`, 6);
  await phoenix.restart();
  await transport.send(topic, numbered(1, "new "));
  await reader.until(11);
  assertEquals(reader.messages.map(({ offset }) => offset), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6]);
  assertEquals(reader.texts.at(-1), "new 0");
  await atEnd.until(1);
  assertEquals(atEnd.texts, ["new 0"]);
  assertEquals(reasons.length, 2);
  for (const reason of reasons) assertStringIncludes(reason, "the log ends before offset 10");
}, NO_OWN_KAFKA);
