import { basename } from "node:path";
import { columns } from "../../cli/ui/terminal.ts";
import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { FORMS } from "../../models/image/canonical/forms.ts";
import type { Pixels } from "../../models/image/format.ts";
import { significant } from "../../training/report/format.ts";
import { ENCODERS } from "./encoders.ts";
import { medianTime } from "./median_time.ts";
import type { Cost } from "./one_file.ts";

const SIZES = [[28, 28], [1632, 1224], [4000, 3000]] as const;

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

async function measureAlone(path: string): Promise<Cost> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-read",
      "--allow-run=cat",
      new URL("one_file.ts", import.meta.url).pathname,
      path,
    ],
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
    const path = (ending: string) => `${folder}/${width}x${height}${ending}`;
    for (const [ending, encode] of Object.entries(ENCODERS)) {
      await Deno.writeFile(path(ending), encode(image));
      paths.push(path(ending));
    }
    for (const [ending, thumbnail] of [[".heic", []], ["-thumbnail.heic", ["-t", "320"]]] as const) {
      if (await encodeHeic(path(".png"), path(ending), thumbnail)) paths.push(path(ending));
    }
  }
  return paths;
}

/** By libheif's program: no package encodes HEIC. */
async function encodeHeic(from: string, to: string, options: readonly string[]): Promise<boolean> {
  try {
    const command = new Deno.Command("heif-enc", {
      args: ["-q", "80", ...options, from, "-o", to],
      stdout: "null",
    });
    return (await command.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function decodeTable(paths: readonly string[]): Promise<string> {
  const rows = [["file", "decoded to", "first ms", "then ms", "first MB", "then MB"]];
  for (const path of paths) {
    const { decoded, coldMs, medianMs, megabytes, finalMegabytes } = await measureAlone(path);
    const figures = [
      coldMs.toFixed(1),
      significant(medianMs),
      megabytes.toFixed(),
      finalMegabytes.toFixed(),
    ];
    rows.push([basename(path), decoded, ...figures]);
  }
  return columns(rows);
}

function formTable(): string {
  const images = SIZES.map(([width, height]) => photograph(width, height));
  const rows = Object.entries(FORMS).map(([name, form]) => [
    name,
    ...images.map((image) => significant(medianTime(() => form(image)))),
  ]);
  return columns([["form, ms", ...SIZES.map(([width, height]) => `${width}×${height}`)], ...rows]);
}

/**
 * Measures every format in three sizes, and each canonical form.
 *
 * @param files More files to be decoded.
 * @returns Two tables.
 */
export async function decodeReport(files: readonly string[]): Promise<string> {
  await using directory = await temporaryDirectory("bench");
  return `${await decodeTable([...await createFiles(directory.path), ...files])}\n\n${formTable()}`;
}
