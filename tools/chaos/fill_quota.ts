import { connect } from "../../bus/connect.ts";
import { BusError } from "../../bus/transport/errors.ts";
import type { Transport } from "../../bus/transport/transport.ts";
import { sleep } from "../../lib/sleep.ts";
import type { ChaosBus } from "./bus.ts";

const RETRY_MS = 20;
const TOPIC = "chaos.filler";
const GROUP = "chaos-filler";
/** Large messages first; small ones fill the rest, and what becomes free. */
const SIZES = [2 ** 21, 2 ** 16, 2 ** 11, 0];

/** Keeps the embedded bus full for `ms` milliseconds with messages that nobody reads; then reads them. */
export async function fillQuota({ url, options }: ChaosBus, ms: number): Promise<void> {
  await using bus = await connect(url, options);
  const sent = await fill(bus.transport, ms);
  await release(bus.transport, sent);
}

async function fill(transport: Transport, ms: number): Promise<number> {
  let sent = 0;
  for (const size of SIZES) while (await fits(transport, size)) sent++;
  for (const until = performance.now() + ms; performance.now() < until;) {
    if (await fits(transport, SIZES.at(-1)!)) sent++;
    else await sleep(RETRY_MS);
  }
  return sent;
}

async function fits(transport: Transport, size: number): Promise<boolean> {
  try {
    await transport.send(TOPIC, [{ value: new Uint8Array(size) }]);
    return true;
  } catch (error) {
    if (error instanceof BusError && error.code === "queue_full") return false;
    throw error;
  }
}

/** What a group has committed is removed as soon as its space is needed. */
async function release(transport: Transport, count: number): Promise<void> {
  await using filler = await transport.subscribe([TOPIC], { group: GROUP });
  let remaining = count;
  for await (const { claim, messages } of filler) {
    await filler.commit(new Map([[claim, messages.at(-1)!.offset + 1]]));
    remaining -= messages.length;
    if (remaining <= 0) return;
  }
}
