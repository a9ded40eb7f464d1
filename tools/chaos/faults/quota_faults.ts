import { optionsFor } from "../../../testing/options_for.ts";
import { sleep } from "../../../lib/sleep.ts";
import { connect } from "../../../bus/connect.ts";
import { BusError } from "../../../bus/transport/errors.ts";
import type { Transport } from "../../../bus/transport/transport.ts";
import type { Act } from "./stage.ts";

const TENTH_MS = 100;
const AGAIN_MS = 20;
const TOPIC = "chaos.filler";
const GROUP = "chaos-filler";
/** Large ones first; the small ones take what is left, and what becomes free. */
const SIZES = [2 ** 21, 2 ** 16, 2 ** 11, 0];

/** The embedded bus is kept full for up to two seconds by messages that nobody reads. Then somebody does. */
export const fillQuota: Act = async ({ url, busOptions }, { amount }) => {
  await using bus = await connect(url, optionsFor(url, busOptions));
  const sent = await fill(bus.transport, amount * TENTH_MS);
  await release(bus.transport, sent);
};

async function fill(transport: Transport, ms: number): Promise<number> {
  let sent = 0;
  for (const size of SIZES) while (await fits(transport, size)) sent++;
  for (const until = performance.now() + ms; performance.now() < until;) {
    if (await fits(transport, SIZES.at(-1)!)) sent++;
    else await sleep(AGAIN_MS);
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

/** What a group is past is removed as soon as its place is needed. */
async function release(transport: Transport, count: number): Promise<void> {
  await using filler = await transport.subscribe([TOPIC], { group: GROUP });
  let left = count;
  for await (const { claim, messages } of filler) {
    await filler.commit(new Map([[claim, messages.at(-1)!.offset + 1]]));
    left -= messages.length;
    if (left <= 0) return;
  }
}
