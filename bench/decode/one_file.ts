/**
 * Measures the decoding of one file, and prints it as JSON; a process of its own, since the peak of memory is the process's.
 *
 * @module
 */
import { decodeImage, loadDecoders } from "../../models/image/decode.ts";
import { memoryOf } from "../../testing/harness/proc.ts";
import { medianTime } from "./median_time.ts";

/** What one image costs. */
export interface Cost {
  readonly decoded: string;
  readonly coldMs: number;
  readonly medianMs: number;
  /** Peak of memory above the idle process after the first image, and after all, which are garbage for a while. */
  readonly megabytes: number;
  readonly finalMegabytes: number;
}

async function measure(path: string): Promise<Cost> {
  const megabytesAbove = async (idle: number) => (await memoryOf(Deno.pid, "VmHWM") - idle) / 1e6;
  const idle = await memoryOf(Deno.pid, "VmRSS");
  const bytes = await Deno.readFile(path);
  const decode = () => decodeImage(bytes, { maxDecodedBytes: Infinity, maxDecodeMs: Infinity });
  const start = performance.now();
  await loadDecoders([bytes]);
  const { width, height } = decode();
  const coldMs = performance.now() - start;
  const megabytes = await megabytesAbove(idle);
  const medianMs = medianTime(decode);
  const finalMegabytes = await megabytesAbove(idle);
  return { decoded: `${width}×${height}`, coldMs, medianMs, megabytes, finalMegabytes };
}

if (import.meta.main) console.log(JSON.stringify(await measure(Deno.args[0]!)));
