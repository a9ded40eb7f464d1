import { line, ruleY } from "npm:@observablehq/plot@0.6.17";
import { drawPlot } from "../../training/report/plot.ts";
import type { Sample } from "./growth.ts";

/**
 * Draws resident memory over the number of images.
 *
 * @param samples In the order of time.
 * @param title Title of the plot.
 * @returns The text of an SVG file.
 */
export function drawMemory(samples: readonly Sample[], title: string): string {
  const points = samples.map(({ images, rssBytes }) => ({ images, mebibytes: rssBytes / 2 ** 20 }));
  return drawPlot(title, {
    width: 800,
    height: 320,
    marginLeft: 60,
    x: { label: "images" },
    y: { label: `${title}: resident memory, MiB`, grid: true, nice: true },
    style: { background: "white" },
    marks: [ruleY([0]), line(points, { x: "images", y: "mebibytes", stroke: "#1f5fa8" })],
  }).text;
}
