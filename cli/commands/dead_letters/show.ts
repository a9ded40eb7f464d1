import type { Bus } from "../../../bus/bus.ts";
import type { DeadLetter } from "../../../bus/dead_letter.ts";
import { decodeImage, loadDecoders } from "../../../models/image/decode.ts";
import type { Pixels } from "../../../models/image/format.ts";
import { UsageError } from "../../command.ts";
import type { DeadLetterArguments } from "./options.ts";
import { printable, printableText, size, toWholeObject } from "./text.ts";
import { openBus } from "../../options.ts";
import { drawPicture } from "../../ui/picture.ts";
import { bold, columns, dim, print } from "../../ui/terminal.ts";

/** A picture with more pixels is not drawn: nobody waits for that. */
const MAX_PIXELS = 4_000_000;
const MAX_WIDTH = 64;

/** `dead-letters show ID`: everything about one letter, and the picture on a terminal. */
export async function show(args: DeadLetterArguments): Promise<number> {
  const [id = ""] = args.operands;
  await using bus = await openBus(args);
  const letter = await find(bus, id);
  if (letter.image) await loadDecoders([letter.image]);
  if (args.values.json) print(JSON.stringify(toWholeObject(letter)));
  else print(describe(letter));
  return 0;
}

async function find(bus: Bus, id: string): Promise<DeadLetter> {
  for await (const letter of bus.deadLetters({ ids: [id] })) return letter;
  throw new UsageError(`There is no dead letter "${printable(id)}" on ${bus.transport.url}`);
}

function describe(letter: DeadLetter): string {
  const { id, model, error, failedAt, attempts, topic, partition, offset, timestamp, key, expiresAt } =
    letter;
  const facts: [string, string][] = [
    ["id", printable(id)],
    ["model", printable(model ?? "-")],
    ["reason", printable(`${error.code}: ${error.message}`)],
    ["failed at", failedAt],
    ["attempts", String(attempts)],
    ["topic", `${topic}, partition ${partition}, offset ${offset}`],
    ["sent at", new Date(timestamp).toISOString()],
    ...(expiresAt === undefined
      ? []
      : [["expires at", new Date(expiresAt).toISOString()] as [string, string]]),
    ["key", key === null ? "-" : printableText(key)],
    ["bytes", size(letter.bytes) + (letter.omitted ? ", not kept: too large for the bus" : "")],
  ];
  const headers = Object.entries(letter.headers).map((
    [name, value],
  ) => [dim(printable(name)), printableText(value)]);
  return [
    columns(facts.map(([name, value]) => [bold(name), value])),
    ...(headers.length > 0 ? ["", columns(headers)] : []),
    ...picture(letter),
  ].join("\n");
}

/** Only where somebody looks, and where there is one. */
function picture({ image }: DeadLetter): string[] {
  if (image === null || !Deno.stdout.isTerminal()) return [];
  try {
    return ["", ...drawPicture(fitted(decodeImage(image, { maxPixels: MAX_PIXELS })))];
  } catch {
    return [];
  }
}

/** Every n-th pixel, so that it is no wider than wanted. */
export function fitted({ width, height, channels, data }: Pixels): Pixels {
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
