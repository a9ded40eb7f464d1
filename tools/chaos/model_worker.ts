/**
 * The shipped Worker of a model, which fails when it is told to. It has no permissions either; what it is told comes over a
 * BroadcastChannel, which all Workers of a process share.
 *
 * It never throws or hangs on an image alone: the second time would be that image's dead letter, and rightly so.
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

const left = { throw: 0, hang: 0, leak: 0 };
const leaked: Uint8Array[] = [];
let leakBytes = 0;

function isHit(how: Sabotage["how"]): boolean {
  return left[how] > 0 && left[how]-- > 0;
}

function hang(): never {
  for (;;);
}

/** Why the model shall throw on these images; `null` when it shall not. */
function sabotage(images: readonly Uint8Array[]): string | null {
  if (images.some(isPoisoned)) return "There is poison in this batch";
  if (isHit("leak")) leaked.push(new Uint8Array(leakBytes).fill(1));
  if (images.length < 2) return null;
  if (isHit("hang")) hang();
  return isHit("throw") ? "It was told to throw" : null;
}

const scope = globalThis as unknown as Scope;
const shipped = scope.onmessage!;

new BroadcastChannel(CHANNEL).onmessage = ({ data: { how, batches, bytes } }: MessageEvent<Sabotage>) => {
  left[how] += batches;
  leakBytes = bytes ?? leakBytes;
};

scope.onmessage = (event) => {
  const { data } = event;
  const reason = data.type === "run" ? sabotage(unpack(data)) : null;
  if (data.type === "run" && reason) scope.postMessage({ type: "failed", batch: data.batch, reason });
  else shipped(event);
};
