import { BusError, type BusErrorCode, isRetriable as isRetriableBusError } from "../../errors.ts";

/** The error codes of Kafka's protocol that are handled. */
export const CODE = {
  OFFSET_OUT_OF_RANGE: 1,
  CORRUPT_MESSAGE: 2,
  UNKNOWN_TOPIC_OR_PARTITION: 3,
  LEADER_NOT_AVAILABLE: 5,
  MESSAGE_TOO_LARGE: 10,
  COORDINATOR_NOT_AVAILABLE: 15,
  RECORD_LIST_TOO_LARGE: 18,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  TOPIC_ALREADY_EXISTS: 36,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  INVALID_PRODUCER_ID_MAPPING: 49,
  CONCURRENT_TRANSACTIONS: 51,
  OPERATION_NOT_ATTEMPTED: 55,
  UNKNOWN_PRODUCER_ID: 59,
  MEMBER_ID_REQUIRED: 79,
  FENCED_INSTANCE_ID: 82,
  INVALID_RECORD: 87,
} as const;

/** Codes after which an operation is retried; the names are those of Kafka's documentation. */
const RETRIABLE: ReadonlySet<number> = new Set([
  -1, // UNKNOWN_SERVER_ERROR
  2, // CORRUPT_MESSAGE: damaged in transit
  3, // UNKNOWN_TOPIC_OR_PARTITION: recreated, or not known to this broker yet
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
  38, // INVALID_REPLICATION_FACTOR: too few brokers are running
  41, // NOT_CONTROLLER
  51, // CONCURRENT_TRANSACTIONS: the previous one is still being ended
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

/** A connection could not be opened, or broke. */
export class ConnectionFault extends Error {
  override readonly name = "ConnectionFault";
}

/** A broker answered with an error. */
export class BrokerFault extends Error {
  override readonly name = "BrokerFault";
  /** The error code of Kafka's protocol. */
  readonly code: number;

  /**
   * @param code The error code.
   * @param about What it concerns, for the message.
   * @param detail The error message of the broker, if there is one.
   */
  constructor(code: number, about: string, detail?: string | null) {
    super(`${about}: ${detail || nameOf(code)}`);
    this.code = code;
  }
}

let names: ReadonlyMap<number, string> = new Map();

/** Sets the names of error codes for messages. */
export function nameCodes(codes: readonly { readonly code: number; readonly type: string }[]): void {
  names = new Map(codes.map(({ code, type }) => [code, type]));
}

function nameOf(code: number): string {
  return `${names.get(code) ?? "error"} (${code})`;
}

/** Throws unless the code stands for success. */
export function expectSuccess(code: number | undefined, about: string, detail?: string | null): void {
  if (code) throw new BrokerFault(code, about, detail);
}

/** Whether the same operation may succeed later. */
export function isRetriable(error: unknown): boolean {
  if (error instanceof BrokerFault) return RETRIABLE.has(error.code);
  return error instanceof ConnectionFault || isRetriableBusError(error);
}

/** Whether it comes from the brokers or the connection to them, not from an error in the program. */
export function isFault(error: unknown): error is BrokerFault | ConnectionFault | BusError {
  return error instanceof BrokerFault || error instanceof ConnectionFault || error instanceof BusError;
}

/** Whether it is one of these error codes of a broker. */
export function isCode(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof BrokerFault && codes.includes(error.code);
}

/**
 * Translates faults for users of the transport.
 *
 * @param error What was thrown.
 * @param what Start of the message: "Cannot list the topics".
 * @returns A `BusError`; an error that is neither a fault nor a `BusError` is a bug, and is returned
 * unchanged.
 */
export function toBusError(error: unknown, what: string): unknown {
  if (!isFault(error) || error instanceof BusError) return error;
  return new BusError(busCode(error), `${what}: ${error.message}`, { cause: error });
}

function busCode(error: BrokerFault | ConnectionFault): BusErrorCode {
  if (isRetriable(error) || error instanceof ConnectionFault) return "unavailable";
  if (DENIED.has(error.code)) return "denied";
  return error.code === CODE.MESSAGE_TOO_LARGE ? "too_large" : "invalid";
}
