import { html, useEffect, useRef } from "./htm.js";
import uPlot from "./uplot.js";
import { duration, number, short } from "./format.js";

const HEIGHT = 150;

const CHARTS = [
  {
    title: "Images per second",
    series: [["images", "all", "--accent"], ["failures", "failed", "--bad"]],
    format: number,
    tick: short,
  },
  {
    title: "Latency: stored on the bus → stored in all sinks",
    series: [["p50", "median", "--accent"], ["p99", "99 %", "--warn"]],
    format: duration,
    tick: duration,
  },
  {
    title: "Waiting images",
    series: [["lag", "not committed", "--accent"], ["inFlight", "in flight", "--warn"]],
    format: number,
    tick: short,
  },
];

/** The last ten minutes. */
export function Charts({ samples }) {
  return html`
    <section class="charts" aria-label="The last ten minutes">
      ${CHARTS.map((chart) => html`<${Chart} key=${chart.title} ...${chart} samples=${samples} />`)}
    </section>
  `;
}

function Chart({ title, series, format, tick, samples }) {
  const place = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    plot.current = new uPlot(
      options(series, tick, place.current),
      [[], ...series.map(() => [])],
      place.current,
    );
    const resized = new ResizeObserver(([entry]) => {
      plot.current.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT });
    });
    resized.observe(place.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.current.redraw();
    scheme.addEventListener("change", redraw);
    return () => {
      scheme.removeEventListener("change", redraw);
      resized.disconnect();
      plot.current.destroy();
    };
  }, []);
  useEffect(() => {
    plot.current.setData([
      samples.map(({ at }) => at / 1_000),
      ...series.map(([key]) => samples.map((one) => one[key])),
    ]);
  }, [samples]);
  const last = samples.at(-1);
  const now = series.map(([key, name]) => `${name} ${format(last?.[key])}`).join(", ");
  return html`
    <figure class="card">
      <figcaption>
        <h2>${title}</h2>
        <ul class="legend">
          ${series.map(([key, name, colour]) =>
            html`
              <li><span class="swatch ${colour.slice(2)}"></span>${name} <b>${format(last?.[key])}</b></li>
            `
          )}
        </ul>
      </figcaption>
      <div class="plot" ref=${place} role="img" aria-label=${`${title}, now: ${now}`}></div>
    </figure>
  `;
}

function options(series, tick, place) {
  const colour = (name) => () => getComputedStyle(place).getPropertyValue(name);
  const axis = {
    stroke: colour("--dim"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(100, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "time" }, y: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, size: 26, space: 70, values: "{HH}:{mm}:{ss}" },
      { ...axis, size: 60, values: (_plot, ticks) => ticks.map(tick) },
    ],
    series: [
      {},
      ...series.map(([, label, name]) => ({
        label,
        stroke: colour(name),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}
