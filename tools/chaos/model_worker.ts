/**
 * The shipped Worker of a model, which fails on command. It has no permissions either; commands arrive on a
 * BroadcastChannel that all Workers of a process share.
 *
 * It never throws or hangs on a single image: the second failure would correctly make that image a dead
 * letter.
 *
 * @module
 */
import "../../actors/workers/model_worker.ts";
import { type FromWorker, type ToWorker, unpack } from "../../actors/workers/protocol.ts";
import { isPoisoned } from "./poison.ts";
import { CHANNEL, type Sabotage } from "./sabotage.ts";

interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const remaining = { throw: 0, hang: 0, leak: 0 };
const leaked: Uint8Array[] = [];
let leakBytes = 0;

function isHit(how: Sabotage["how"]): boolean {
  return remaining[how] > 0 && remaining[how]-- > 0;
}

function hang(): never {
  for (;;);
}

/** @returns Why the model throws on these images; `null` when it does not. */
function sabotage(images: readonly Uint8Array[]): string | null {
  if (images.some(isPoisoned)) return "This batch contains poison";
  if (isHit("leak")) leaked.push(new Uint8Array(leakBytes).fill(1));
  if (images.length < 2) return null;
  if (isHit("hang")) hang();
  return isHit("throw") ? "The fault model-throws" : null;
}

const scope = globalThis as unknown as Scope;
const shipped = scope.onmessage!;

new BroadcastChannel(CHANNEL).onmessage = ({ data: { how, batches, bytes } }: MessageEvent<Sabotage>) => {
  remaining[how] += batches;
  leakBytes = bytes ?? leakBytes;
};

scope.onmessage = (event) => {
  const { data } = event;
  const reason = data.type === "run" ? sabotage(unpack(data)) : null;
  if (data.type === "run" && reason) scope.postMessage({ type: "failed", batch: data.batch, reason });
  else shipped(event);
};
