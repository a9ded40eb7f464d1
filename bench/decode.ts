/**
 * `deno task bench:decode [FILE…]`: what one image costs before the network, by format and size: to decode it the first time,
 * with the decoder to be loaded; then the median; the peak of memory above the idle process; and to bring it into each canonical
 * form. It creates the images itself, but HEIC only where `heif-enc` is installed. Linux: the peak comes from /proc.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { UsageError } from "../cli/command.ts";
import { runTask } from "../cli/task.ts";
import { print } from "../cli/ui/terminal.ts";
import { decodeReport } from "./decode/report.ts";

await runTask({
  name: "bench:decode",
  summary: "Measure the time and memory of decoding one image, and of its canonical form",
  operands: { form: "[FILE…]", min: 0, max: Infinity },
  options: {},
  examples: [["deno task bench:decode photo.webp", "all formats in three sizes, and a file of yours"]],
  async run({ operands: files }) {
    const missing = files.find((file) => !existsSync(file));
    if (missing !== undefined) throw new UsageError(`Cannot decode ${missing}: there is no such file`);
    print(await decodeReport(files));
    return 0;
  },
});
