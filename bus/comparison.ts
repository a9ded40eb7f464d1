/**
 * What two versions of a model answered for one image: on the topic `imagebus.comparisons`, as JSON, with the
 * `ce_type` `imagebus.compared` and the id of the request as its key.
 *
 * @module
 */
import type { OutgoingMessage } from "./transport/transport.ts";

/** The answer of a version. */
export interface Answer {
  /** The version. */
  readonly version: string;
  /** The predicted label; `null` for a failure. */
  readonly label: string | null;
  /** Probability of the label, 0 to 1; `null` for a failure. */
  readonly confidence: number | null;
}

/** Two answers for one image. */
export interface Comparison {
  /** The id of the request. */
  readonly id: string;
  /** The model. */
  readonly model: string;
  /** The true label, if the sender provided it. */
  readonly actual: string | null;
  /** The result: of the version that is served. */
  readonly served: Answer;
  /** What the other version would have answered. */
  readonly other: Answer;
  /** When they were compared: ISO 8601, UTC. */
  readonly at: string;
}

/**
 * Encodes a comparison.
 *
 * @param comparison The answers.
 */
export function encodeComparison(comparison: Comparison): OutgoingMessage {
  return {
    key: comparison.id,
    value: new TextEncoder().encode(JSON.stringify(comparison)),
    headers: {
      ce_specversion: "1.0",
      ce_id: comparison.id,
      ce_source: "imagebus/worker",
      ce_type: "imagebus.compared",
      ce_time: comparison.at,
      "content-type": "application/json",
    },
  };
}
