import { Progress } from "../cli/ui/progress.ts";
import { logError } from "../cli/ui/terminal.ts";

const TENTH = 10;

/**
 * A bar on a terminal; elsewhere a line per tenth.
 *
 * @param unit What is counted.
 * @param total How many there are.
 * @returns Shows how many are done; the detail is the end of a line.
 */
export function progressBar(unit: string, total: number): (done: number, detail?: string) => void {
  const bar = new Progress(unit, total);
  let tenths = 0;
  return (done, detail = "") => {
    bar.show(done, detail);
    const reached = Math.floor(TENTH * done / total);
    if (Deno.stderr.isTerminal() || reached === tenths) return;
    tenths = reached;
    logError(`${done} of ${total}${detail && `: ${detail}`}`);
  };
}
