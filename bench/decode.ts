/**
 * `deno task bench:decode [FILE…]`: what decoding one image costs, by format and size: the first time, with the decoder to be
 * loaded; then the median; and the peak of memory above the idle process. It creates PNG, JPEG, BMP and PNM itself; other
 * formats are given as files. Linux: the peak comes from /proc.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { encode as encodeJpeg } from "npm:jpeg-js@0.4.4";
import { UsageError } from "../cli/command.ts";
import { runTask } from "../cli/task.ts";
import { columns, print } from "../cli/ui/terminal.ts";
import { concatBytes } from "../lib/bytes.ts";
import { flag } from "../lib/options.ts";
import { temporaryDirectory } from "../lib/temporary_directory.ts";
import { decodeImage, loadDecoders } from "../models/image/decode.ts";
import { encodePng } from "../models/image/encode_png.ts";
import type { Pixels } from "../models/image/format.ts";
import { memoryOf } from "../testing/harness/proc.ts";
import { significant } from "../training/report/format.ts";
import { median } from "../lib/median.ts";

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
  return concatBytes([new TextEncoder().encode(`P6 ${width} ${height} 255\n`), data]);
}

/** From the bottom, blue first. */
function toBmp({ width, height, data }: Pixels): Uint8Array {
  const stride = Math.ceil(3 * width / 4) * 4;
  const file = new Uint8Array(54 + stride * height);
  const view = new DataView(file.buffer);
  file.set([0x42, 0x4d]);
  const fields = { 2: file.length, 10: 54, 14: 40, 18: width, 22: height, 26: 1 | 24 << 16 };
  for (const [at, value] of Object.entries(fields)) view.setUint32(Number(at), value, true);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [3 * (y * width + x), 54 + (height - 1 - y) * stride + 3 * x];
      for (let c = 0; c < 3; c++) file[to + c] = data[from + 2 - c]!;
    }
  }
  return file;
}

const ENCODERS = { png: encodePng, jpg: toJpeg, bmp: toBmp, ppm: toPpm } as const;

async function measure(path: string): Promise<Cost> {
  const megabytesAbove = async (idle: number) => (await memoryOf(Deno.pid, "VmHWM") - idle) / 1e6;
  const idle = await memoryOf(Deno.pid, "VmRSS");
  const bytes = await Deno.readFile(path);
  const decode = () => decodeImage(bytes, { maxDecodedBytes: Infinity });
  const start = performance.now();
  await loadDecoders([bytes]);
  const { width, height } = decode();
  const coldMs = performance.now() - start;
  const megabytes = await megabytesAbove(idle);
  const times: number[] = [];
  for (const end = performance.now() + MIN_MS; times.length < RUNS || performance.now() < end;) {
    const begun = performance.now();
    decode();
    times.push(performance.now() - begun);
  }
  const finalMegabytes = await megabytesAbove(idle);
  return { decoded: `${width}×${height}`, coldMs, medianMs: median(times), megabytes, finalMegabytes };
}

/** In a process of its own, since the peak of memory is the process's. */
async function measureAlone(path: string): Promise<Cost> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-read", "--allow-run=cat", import.meta.filename!, "--here", path],
    stderr: "inherit",
  });
  const { success, stdout } = await command.output();
  if (!success) throw new Error(`Cannot measure ${path}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function createFiles(folder: string): Promise<string[]> {
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

await runTask({
  name: "bench:decode",
  summary: "Measure the time and memory of decoding one image, by format and size",
  operands: { form: "[FILE…]", min: 0, max: Infinity },
  options: {
    here: flag("measure the first FILE in this process, and print JSON"),
  },
  examples: [[
    "deno task bench:decode photo.webp",
    "PNG, JPEG, BMP and PNM in three sizes, and a file of yours",
  ]],
  async run({ operands: files, values: { here } }) {
    if (here) {
      print(JSON.stringify(await measure(files[0]!)));
      return 0;
    }
    const missing = files.find((file) => !existsSync(file));
    if (missing !== undefined) throw new UsageError(`Cannot decode ${missing}: there is no such file`);
    await using directory = await temporaryDirectory("bench");
    const rows = [["file", "decoded to", "first ms", "then ms", "first MB", "then MB"]];
    for (const path of [...await createFiles(directory.path), ...files]) {
      const { decoded, coldMs, medianMs, megabytes, finalMegabytes } = await measureAlone(path);
      const figures = [
        coldMs.toFixed(1),
        significant(medianMs),
        megabytes.toFixed(),
        finalMegabytes.toFixed(),
      ];
      rows.push([basename(path), decoded, ...figures]);
    }
    print(columns(rows));
    return 0;
  },
});
