/**
 * Where results go: the contract of a sink, and the sinks there are.
 *
 * @module
 */
export type { ClosableSink, Settled, Sink } from "./sink.ts";
export { consoleSink, type ConsoleSinkOptions } from "./console.ts";
export { jsonlSink, type JsonlSinkOptions } from "./jsonl.ts";
export { postgresSink, type PostgresSinkOptions } from "./postgres.ts";
export { sqliteSink } from "./sqlite.ts";
export { SinkError, type SinkErrorCode } from "./errors.ts";
export type { Answer, Comparison } from "../../bus/comparison.ts";
export type { Origin } from "../../bus/envelope.ts";
