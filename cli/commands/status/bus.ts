import { abortable } from "../../../lib/abortable.ts";
import { messageOf } from "../../../lib/coded_error.ts";
import type { Bus } from "../../../bus/bus.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import { isLegacyTopic } from "../../../bus/legacy_format.ts";
import { DEAD_LETTERS_TOPIC, modelOfTopic } from "../../../bus/topics.ts";
import type { PartitionInfo, TopicInfo } from "../../../bus/transport/transport.ts";
import { type Arguments, UsageError } from "../../command.ts";
import type { TextRow } from "../../../lib/options.ts";
import { kept, lagOf } from "../../lag.ts";
import { type BUS_OPTIONS, isMissing, openExistingBus, urlOf } from "../../options.ts";
import { absoluteBus, type FoundReport } from "../../worker_report.ts";

/** The lag of a group on a topic of requests. */
export interface TopicLag {
  readonly topic: string;
  /** Number of messages that the group has not committed. */
  readonly lag: number;
  readonly partitions: readonly (PartitionInfo & { readonly lag: number })[];
}

/** The lag of a group on a bus. */
export interface BusStatus {
  readonly url: string;
  readonly group: string;
  /** Of all topics of requests. */
  readonly lag: number;
  readonly topics: readonly TopicLag[];
  /** Number of messages in the topic of dead letters; one per failure, thus several for an id that failed again after a replay. */
  readonly deadLetters: number;
}

/** A bus that does not answer. */
export interface BusFailure {
  readonly url: string;
  readonly error: string;
}

const TIMEOUT_MS = 10_000;

type StatusArguments = Arguments<typeof BUS_OPTIONS & { readonly group: TextRow }>;

/** The buses whose lag is shown; connections stay open between reads. */
export class StatusBuses implements AsyncDisposable {
  readonly #args: StatusArguments;
  readonly #opening = new Map<string, Promise<Bus>>();
  readonly #open = new AsyncDisposableStack();

  /** @param args Of `imagebus status`. */
  constructor(args: StatusArguments) {
    this.#args = args;
  }

  /**
   * Reads the lag on the bus of the arguments; else on those of the running worker processes; else on the embedded bus.
   *
   * @param reports The worker processes.
   * @throws {UsageError} For an invalid bus.
   */
  async read(reports: readonly FoundReport[]): Promise<(BusStatus | BusFailure)[]> {
    const alive = reports.filter(({ silent }) => !silent);
    const used = this.#args.values.bus === undefined ? new Set(alive.map(({ bus }) => bus)) : [];
    const urls = [...used];
    const found = await Promise.all((urls.length > 0 ? urls : [""]).map((url) => this.#readOne(url, alive)));
    return found.flat();
  }

  async #readOne(url: string, alive: readonly FoundReport[]): Promise<(BusStatus | BusFailure)[]> {
    try {
      const statuses = await abortable(this.#statuses(url, alive), AbortSignal.timeout(TIMEOUT_MS));
      if (statuses !== null) return statuses;
      throw new Error(`no answer within ${TIMEOUT_MS} ms`);
    } catch (error) {
      if (isUserError(error)) throw error;
      return [{ url: url || (this.#args.values.bus ?? "the embedded bus"), error: messageOf(error) }];
    }
  }

  async #statuses(url: string, alive: readonly FoundReport[]): Promise<BusStatus[]> {
    const name = absoluteBus(url || urlOf(this.#args.values));
    const own = this.#args.values.group;
    const groups = new Set(
      own === undefined ? alive.filter((report) => report.bus === name).map(({ group }) => group) : [own],
    );
    if (groups.size === 0) groups.add("imagebus");
    return await Promise.all([...groups].map(async (group) => ({
      url: name,
      group,
      ...summarise(await this.#topics(url, group)),
    })));
  }

  /** None where there is no bus yet; one that was typed must exist. */
  async #topics(url: string, group: string): Promise<TopicInfo[]> {
    const { bus } = this.#args.values;
    if (bus === undefined && await isMissing(url || urlOf(this.#args.values))) return [];
    const { transport } = await this.#connect(url);
    return await transport.topics(group, (name) => isOfRequests(name) || name === DEAD_LETTERS_TOPIC);
  }

  #connect(url: string): Promise<Bus> {
    const known = this.#opening.get(url);
    if (known) return known;
    const opening = openExistingBus(this.#args, url === "" ? {} : { url }).then((bus) => this.#open.use(bus));
    this.#opening.set(url, opening);
    opening.catch(() => this.#opening.delete(url));
    return opening;
  }

  /** Closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.disposeAsync();
  }
}

/**
 * The lag of a group, summed over all topics of requests.
 *
 * @param infos All topics, with the offsets that the group has committed.
 */
export function summarise(infos: readonly TopicInfo[]): Pick<BusStatus, "lag" | "topics" | "deadLetters"> {
  const requests = infos.filter(({ name }) => isOfRequests(name));
  const topics = requests.map(({ name, partitions }) => ({
    topic: name,
    lag: lagOf(partitions),
    partitions: partitions.map((partition) => ({ ...partition, lag: lagOf([partition]) })),
  }));
  const deadLetters = infos.find(({ name }) => name === DEAD_LETTERS_TOPIC)?.partitions ?? [];
  return {
    lag: lagOf(requests.flatMap(({ partitions }) => partitions)),
    topics,
    deadLetters: kept(deadLetters),
  };
}

function isOfRequests(topic: string): boolean {
  return modelOfTopic(topic) !== null || isLegacyTopic(topic);
}

function isUserError(error: unknown): boolean {
  return error instanceof UsageError || error instanceof Deno.errors.NotCapable ||
    (error instanceof BusError && error.code === "invalid");
}
