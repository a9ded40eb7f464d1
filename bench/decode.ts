/**
 * `deno run -A bench/decode.ts [FILE…]`: what decoding one image costs, by format and size:
 * the first time, with the decoder to be loaded; then the median; and the peak of memory above the idle process.
 * It creates PNG, JPEG, BMP and PNM itself; other formats are given as files. Linux: the peak comes from /proc.
 *
 * @module
 */
import { encode as encodeJpeg } from "npm:jpeg-js@0.4.4";
import { columns, print } from "../cli/ui/terminal.ts";
import { decodeImage, loadDecoders } from "../models/image/decode.ts";
import { encodePng } from "../models/image/encode_png.ts";
import type { Pixels } from "../models/image/format.ts";

const SIZES = [[28, 28], [1632, 1224], [4000, 3000]] as const;
/** Each image is decoded so often and for so long at least. */
const [RUNS, MIN_MS] = [10, 500];

/** What one image costs. */
interface Cost {
  readonly decoded: string;
  readonly coldMs: number;
  readonly medianMs: number;
  /** Peak of memory above the idle process after the first image, and after all, which are garbage for a while. */
  readonly megabytes: number;
  readonly finalMegabytes: number;
}

/** Waves and noise, which compress about as photographs do. */
function photograph(width: number, height: number): Pixels {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, at++) {
        const noise = (Math.imul(at + 1, 2_654_435_761) >>> 29) - 4;
        data[at] = 128 + 60 * Math.sin(x / (31 + c)) + 50 * Math.cos(y / (47 - c)) + noise;
      }
    }
  }
  return { width, height, channels: 3, data };
}

function toJpeg({ width, height, data }: Pixels): Uint8Array {
  const rgba = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) rgba.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
  return new Uint8Array(encodeJpeg({ width, height, data: rgba }, 85).data);
}

function toPpm({ width, height, data }: Pixels): Uint8Array {
  const header = new TextEncoder().encode(`P6 ${width} ${height} 255\n`);
  const file = new Uint8Array(header.length + data.length);
  file.set(header);
  file.set(data, header.length);
  return file;
}

/** From the bottom, blue first. */
function toBmp({ width, height, data }: Pixels): Uint8Array {
  const stride = Math.ceil(3 * width / 4) * 4;
  const file = new Uint8Array(54 + stride * height);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  for (
    const [at, value] of [[2, file.length], [10, 54], [14, 40], [18, width], [22, height], [26, 1 | 24 << 16]]
  ) {
    view.setUint32(at!, value!, true);
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [3 * (y * width + x), 54 + (height - 1 - y) * stride + 3 * x];
      for (let c = 0; c < 3; c++) file[to + c] = data[from + 2 - c]!;
    }
  }
  return file;
}

const ENCODERS = { png: encodePng, jpg: toJpeg, bmp: toBmp, ppm: toPpm } as const;

/** A line of /proc/self/status, in bytes. */
function memory(field: "VmRSS" | "VmHWM"): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return 1024 * Number(new RegExp(`${field}:\\s*(\\d+)`).exec(status)![1]);
}

async function measure(path: string): Promise<Cost> {
  const idle = memory("VmRSS");
  const bytes = Deno.readFileSync(path);
  const times: number[] = [];
  let firstPeak: number | undefined;
  let begun = performance.now();
  await loadDecoders([bytes]);
  let decoded: Pixels | undefined;
  const end = begun + MIN_MS;
  while (times.length <= RUNS || begun < end) {
    decoded = decodeImage(bytes, { maxDecodedBytes: Infinity });
    times.push(performance.now() - begun);
    firstPeak ??= memory("VmHWM");
    begun = performance.now();
  }
  const { width, height } = decoded!;
  const [coldMs, ...others] = times as [number, ...number[]];
  const medianMs = others.sort((a, b) => a - b)[others.length >> 1]!;
  const [megabytes, finalMegabytes] = [firstPeak!, memory("VmHWM")].map((bytes) => (bytes - idle) / 1e6);
  return {
    decoded: `${width}×${height}`,
    coldMs,
    medianMs,
    megabytes: megabytes!,
    finalMegabytes: finalMegabytes!,
  };
}

/** In a process of its own, since the peak of memory is the process's. */
async function measureAlone(path: string): Promise<Cost> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", import.meta.filename!, "--one", path],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`Cannot measure ${path}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function makeFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const [width, height] of SIZES) {
    const image = photograph(width, height);
    for (const [extension, encode] of Object.entries(ENCODERS)) {
      const path = `${folder}/${width}x${height}.${extension}`;
      await Deno.writeFile(path, encode(image));
      paths.push(path);
    }
  }
  return paths;
}

if (Deno.args[0] === "--one") console.log(JSON.stringify(await measure(Deno.args[1]!)));
else {
  const folder = await Deno.makeTempDir();
  try {
    const rows = [["file", "decoded to", "first ms", "then ms", "first MB", "then MB"]];
    for (const path of [...await makeFiles(folder), ...Deno.args]) {
      const cost = await measureAlone(path);
      const figures = [
        cost.coldMs.toFixed(1),
        cost.medianMs.toPrecision(3),
        ...[cost.megabytes, cost.finalMegabytes].map((megabytes) => megabytes.toFixed(0)),
      ];
      rows.push([path.split("/").at(-1)!, cost.decoded, ...figures]);
    }
    print(columns(rows));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
