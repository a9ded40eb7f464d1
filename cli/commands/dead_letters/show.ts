import { entriesOf } from "../../../bus/transport/text.ts";
import type { Bus } from "../../../bus/bus.ts";
import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { decodeImage, loadDecoders } from "../../../models/image/decode.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { UsageError } from "../../command.ts";
import type { DeadLetterArguments } from "./options.ts";
import { size, textOf, toWholeObject } from "./text.ts";
import { openExistingBus } from "../../options.ts";
import { drawPicture } from "../../ui/picture.ts";
import { printable } from "../../../lib/printable.ts";
import { bold, columns, dim, print } from "../../ui/terminal.ts";

/** Larger images are not drawn: decoding would take too long. */
const MAX_PIXELS = 4_000_000;
const MAX_WIDTH = 64;

/** `dead-letters show ID`: all about one dead letter; a terminal also draws its image. */
export async function show(args: DeadLetterArguments): Promise<number> {
  const [id = ""] = args.operands;
  await using bus = await openExistingBus(args);
  const letter = await find(bus, id);
  if (letter.image) await loadDecoders([letter.image]);
  if (args.values.json) print(JSON.stringify(toWholeObject(letter)));
  else print(describe(letter));
  return 0;
}

async function find(bus: Bus, id: string): Promise<DeadLetter> {
  for await (const letter of bus.deadLetters({ ids: [id], acknowledged: true })) return letter;
  throw new UsageError(`Unknown dead letter "${printable(id)}" on ${bus.transport.url}`);
}

function describe(letter: DeadLetter): string {
  const {
    id,
    model,
    error,
    failedAt,
    attempts,
    topic,
    partition,
    offset,
    timestamp,
    key,
    expiresAt,
    acknowledgedAt,
  } = letter;
  const facts = [
    ["id", id],
    ["model", model ?? "-"],
    ["reason", `${error.code}: ${error.message}`],
    ["failed at", failedAt],
    ["attempts", String(attempts)],
    ...acknowledgedAt === undefined ? [] : [["acknowledged", acknowledgedAt]],
    ["topic", `${topic}, partition ${partition}, offset ${offset}`],
    ["sent at", new Date(timestamp).toISOString()],
    ...expiresAt === undefined ? [] : [["expires at", new Date(expiresAt).toISOString()]],
    ["key", key === null ? "-" : textOf(key)],
    ["bytes", size(letter.bytes) + (letter.omitted ? ", content not kept: too large for the bus" : "")],
  ];
  const headers = entriesOf(letter).map(([name, value]) => [dim(name), value === null ? "-" : textOf(value)]);
  return [
    columns(facts.map(([name, value]) => [bold(name!), value!])),
    ...(headers.length > 0 ? ["", columns(headers)] : []),
    ...picture(letter),
  ].join("\n");
}

/** The image, drawn on a terminal; nothing when it cannot be decoded. */
function picture({ image }: DeadLetter): string[] {
  if (image === null || !Deno.stdout.isTerminal()) return [];
  try {
    return ["", ...drawPicture(shrink(decodeImage(image, { maxPixels: MAX_PIXELS })))];
  } catch {
    return [];
  }
}

/** Takes every n-th pixel, so that the picture is at most 64 wide. */
export function shrink({ width, height, channels, data }: Pixels): Pixels {
  const step = Math.ceil(width / MAX_WIDTH);
  const [columns, rows] = [Math.ceil(width / step), Math.ceil(height / step)];
  const small = new Uint8Array(columns * rows * channels);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at += channels) {
      const from = (y * step * width + x * step) * channels;
      small.set(data.subarray(from, from + channels), at);
    }
  }
  return { width: columns, height: rows, channels, data: small };
}
