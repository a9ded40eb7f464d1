import { openKafkaTransport } from "../../../bus/transport/kafka/open.ts";
import type { Transport, TransportOptions } from "../../../bus/transport/transport.ts";
import { type Consumer, type ConsumerSpec, type Harness, startProcess, testTransport } from "./suite.ts";
import { BROKERS, NO_KAFKA, QUICK } from "../../../testing/brokers/kafka.ts";

class KafkaHarness implements Harness {
  readonly #transports: Transport[] = [];

  async open(options: TransportOptions = {}): Promise<Transport> {
    const transport = await openKafkaTransport(BROKERS, { ...QUICK, ...options });
    this.#transports.push(transport);
    return transport;
  }

  start(spec: ConsumerSpec): Promise<Consumer> {
    return startProcess(`kafka://${BROKERS}`, QUICK, spec);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }
}

testTransport({ name: "kafka", ignore: NO_KAFKA, create: () => Promise.resolve(new KafkaHarness()) });
