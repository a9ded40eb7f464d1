import { BusError, type BusErrorCode } from "../../errors.ts";

/** Numbers of errors in Kafka's protocol that are acted upon. */
export const CODE = {
  OFFSET_OUT_OF_RANGE: 1,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  MESSAGE_TOO_LARGE: 10,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  INVALID_TOPIC: 17,
  RECORD_LIST_TOO_LARGE: 18,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_ALREADY_EXISTS: 36,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  CONCURRENT_TRANSACTIONS: 51,
  OPERATION_NOT_ATTEMPTED: 55,
  MEMBER_ID_REQUIRED: 79,
} as const;

/** What an operation is repeated for; the names are those of Kafka's documentation. */
const RETRIABLE: ReadonlySet<number> = new Set([
  -1, // UNKNOWN_SERVER_ERROR
  2, // CORRUPT_MESSAGE: damaged on its way
  3, // UNKNOWN_TOPIC_OR_PARTITION: made again, or not known to this broker yet
  5, // LEADER_NOT_AVAILABLE
  6, // NOT_LEADER_OR_FOLLOWER
  7, // REQUEST_TIMED_OUT
  8, // BROKER_NOT_AVAILABLE
  9, // REPLICA_NOT_AVAILABLE
  13, // NETWORK_EXCEPTION
  14, // COORDINATOR_LOAD_IN_PROGRESS
  15, // COORDINATOR_NOT_AVAILABLE
  16, // NOT_COORDINATOR
  19, // NOT_ENOUGH_REPLICAS
  20, // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  38, // INVALID_REPLICATION_FACTOR: too few brokers are up
  41, // NOT_CONTROLLER
  51, // CONCURRENT_TRANSACTIONS: the one before is just being ended
  56, // KAFKA_STORAGE_ERROR
  74, // FENCED_LEADER_EPOCH
  75, // UNKNOWN_LEADER_EPOCH
  78, // OFFSET_NOT_AVAILABLE
  81, // GROUP_MAX_SIZE_REACHED
  88, // UNSTABLE_OFFSET_COMMIT
  89, // THROTTLING_QUOTA_EXCEEDED
]);

const DENIED: ReadonlySet<number> = new Set([
  29, // TOPIC_AUTHORIZATION_FAILED
  30, // GROUP_AUTHORIZATION_FAILED
  31, // CLUSTER_AUTHORIZATION_FAILED
  33, // UNSUPPORTED_SASL_MECHANISM
  34, // ILLEGAL_SASL_STATE
  44, // POLICY_VIOLATION
  53, // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  58, // SASL_AUTHENTICATION_FAILED
]);

/** A connection could not be made, or broke. */
export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
}

/** A broker answered with an error. */
export class BrokerFault extends Error {
  override readonly name = "BrokerFault";
  /** Its number in Kafka's protocol. */
  readonly code: number;

  /**
   * @param code The number.
   * @param about What was asked for.
   * @param said What the broker said about it, if it did.
   */
  constructor(code: number, about: string, said?: string | null) {
    super(`${about}: ${said || nameOf(code)}`);
    this.code = code;
  }
}

let names: ReadonlyMap<number, string> = new Map();

/** Gives the numbers their names in messages. */
export function nameCodes(codes: readonly { readonly code: number; readonly type: string }[]): void {
  names = new Map(codes.map(({ code, type }) => [code, type]));
}

function nameOf(code: number): string {
  return `${names.get(code) ?? "error"} (${code})`;
}

/** Throws unless the code stands for success. */
export function expectSuccess(code: number | undefined, about: string, said?: string | null): void {
  if (code) throw new BrokerFault(code, about, said);
}

/** Whether the same may succeed later. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof BrokerFault) return RETRIABLE.has(error.code);
  return error instanceof ConnectionFault || error instanceof BusError && error.retriable;
}

/** Whether it is this answer of a broker. */
export function isCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof BrokerFault && codes.includes(error.code);
}

/**
 * The error that users of the transport see.
 *
 * @param error What happened.
 * @param what What was being done, for the message.
 * @returns A `BusError`; an unknown error, which is a fault of ours, is returned as it is.
 */
export function toBusError(error: unknown, what: string): unknown {
  if (error instanceof BusError) return error;
  if (!(error instanceof BrokerFault || error instanceof ConnectionFault)) return error;
  return new BusError(busCode(error), `${what}: ${error.message}`, { cause: error });
}

function busCode(error: BrokerFault | ConnectionFault): BusErrorCode {
  if (isRetriable(error) || error instanceof ConnectionFault) return "unavailable";
  if (DENIED.has(error.code)) return "denied";
  return error.code === CODE.MESSAGE_TOO_LARGE ? "too_large" : "invalid";
}
