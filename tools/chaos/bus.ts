import type { ConnectOptions } from "../../bus/connect.ts";
import type { ChaosSettings } from "./options.ts";
import { OwnKafka } from "./own_kafka.ts";

const MIN_QUEUE_BYTES = 4 * 2 ** 20;
const BYTES_PER_MESSAGE = 2_048;

/** The bus of a run. */
export interface ChaosBus extends AsyncDisposable {
  /** URL that senders and workers connect to. */
  readonly url: string;
  /** Options of every connection to it. */
  readonly options: ConnectOptions;
  /** Its brokers; `null` for a bus that is only a file. */
  readonly brokers: OwnKafka | null;
}

/**
 * Starts the bus of a run. The embedded one has room for all results, and none expires: the audit reads them at the end.
 *
 * @param settings Of the run.
 * @param directory Directory of its data.
 * @throws {ServerError} `unavailable` without Java or Maven.
 */
export async function startBus(settings: ChaosSettings, directory: string): Promise<ChaosBus> {
  if (settings.bus === "kafka") {
    return await OwnKafka.start(`${directory}/kafka`, Number(settings.brokers), settings.secured);
  }
  const maxQueueBytes = MIN_QUEUE_BYTES + BYTES_PER_MESSAGE * settings.messages;
  return {
    url: `sqlite:${directory}/bus.db`,
    options: { sqlite: { maxQueueBytes, expiringTopics: [] } },
    brokers: null,
    [Symbol.asyncDispose]: async () => {},
  };
}
