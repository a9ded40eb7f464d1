import { markup } from "../../training/report/markup.ts";
import { linearScale } from "../../training/report/scale.ts";
import type { Sample } from "./growth.ts";

const SIZE = { width: 800, height: 320, left: 60, right: 780, top: 40, bottom: 270 };

/**
 * Draws resident memory over the number of images.
 *
 * @param samples In the order of time.
 * @param title Title of the plot.
 * @returns The text of an SVG file.
 */
export function drawMemory(samples: readonly Sample[], title: string): string {
  const { width, height, left, right, top, bottom } = SIZE;
  const points = samples.map(({ images, rssBytes }) => ({ x: images, y: rssBytes / 2 ** 20 }));
  const x = linearScale({
    values: [0, ...points.map((point) => point.x)],
    range: [left, right],
    minStep: 1,
  });
  const y = linearScale({ values: [0, ...points.map((point) => point.y)], range: [bottom, top] });
  const line = points.map((point) => `${x.at(point.x).toFixed(1)},${y.at(point.y).toFixed(1)}`).join(" ");
  return markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white" />
<text x="${left}" y="20" font-size="14">${title}</text>
${
    y.ticks.map((tick) =>
      markup`<path d="M${left} ${y.at(tick)}H${right}" stroke="#ddd" /><text x="${left - 8}" y="${
        y.at(tick) + 4
      }" text-anchor="end">${tick}</text>
`
    )
  }${
    x.ticks.map((tick) =>
      markup`<text x="${x.at(tick)}" y="${bottom + 18}" text-anchor="middle">${tick}</text>
`
    )
  }<text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">images</text>
<text x="14" y="${(top + bottom) / 2}" text-anchor="middle" transform="rotate(-90 14 ${
    (top + bottom) / 2
  })">resident memory, MiB</text>
<polyline points="${line}" fill="none" stroke="#1f5fa8" stroke-width="1.5" />
</svg>
`.text;
}
