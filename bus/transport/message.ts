/** Text, or bytes that are not valid UTF-8. What is received as valid UTF-8 is always a string. */
export type Text = string | Uint8Array;

/** Header names with their values. Names are case-sensitive; of a repeated name the last value counts. */
export type MessageHeaders = Readonly<Record<string, Text>>;

/** Headers in the order in which they were sent: a name can be repeated, and a value can be null. */
export type HeaderList = readonly (readonly [name: string, value: Text | null])[];

/** A message to be sent. */
export interface OutgoingMessage {
  /** Messages with equal keys keep their order. Without a key they are spread over the partitions. */
  readonly key?: Text | null;
  /** The payload: at most `maxMessageBytes` of the transport. Must not change before `send` resolves. */
  readonly value: Uint8Array;
  /** Together with the key at most 65,536 bytes. */
  readonly headers?: MessageHeaders;
  /** In place of `headers`, where they cannot hold what is to be sent. */
  readonly headerList?: HeaderList;
}

/** A stored message. */
export interface Message {
  /** The topic that it was read from. */
  readonly topic: string;
  /** The partition, from 0. */
  readonly partition: number;
  /** Its number in the partition, from 0 to 2^53 - 1. */
  readonly offset: number;
  /** When it was stored, in milliseconds since 1970-01-01 UTC, by the clock of the machine that stored it. */
  readonly timestamp: number;
  /** The key it was sent with. */
  readonly key: Text | null;
  /** The payload. The receiver owns it, but must copy it before transferring its buffer: it can be a view. */
  readonly value: Uint8Array;
  /** The headers it was sent with; a null is an empty text. */
  readonly headers: MessageHeaders;
  /** All headers, if `headers` cannot hold them: a name is repeated, or a value is null. */
  readonly headerList?: HeaderList;
  /**
   * If this is not a message, but a part of the log that cannot be decoded: why, and which offsets it has. It is
   * delivered like one message, at its last offset, with the bytes of the log as its value, so that it costs only itself.
   * Only Kafka stores messages in such parts, batches.
   */
  readonly undecodable?: string;
}

/**
 * One uninterrupted ownership of a partition by a subscription. Compared by identity: a partition that is
 * lost and comes back is a new claim, and is delivered again from the committed offset of the group.
 */
export interface Claim {
  /** The topic. */
  readonly topic: string;
  /** The partition, from 0. */
  readonly partition: number;
  /** Aborted as soon as this side knows that it no longer owns the partition. */
  readonly lost: AbortSignal;
}

/** Consecutive messages of one claim: at least one. */
export interface Batch {
  /** The claim under which they were read; `commit` wants it back. */
  readonly claim: Claim;
  /** In ascending order of their offsets. */
  readonly messages: readonly Message[];
}
