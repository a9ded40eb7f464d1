import htm from "npm:htm@3.1.1/preact/standalone" with { type: "text" };
import plot from "npm:uplot@1.6.32/dist/uPlot.esm.js" with { type: "text" };
import plotStyle from "npm:uplot@1.6.32/dist/uPlot.min.css" with { type: "text" };
import charts from "./page/charts.js" with { type: "text" };
import deadLetters from "./page/dead_letters.js" with { type: "text" };
import format from "./page/format.js" with { type: "text" };
import icon from "./page/icon.svg" with { type: "text" };
import html from "./page/index.html" with { type: "text" };
import page from "./page/page.js" with { type: "text" };
import panels from "./page/panels.js" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import tryIt from "./page/try_it.js" with { type: "text" };
import type { Routes } from "./server.ts";

/** Scripts and styles come from this server alone, and nothing else is loaded or embedded. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": ["text/html", html],
  "/page/icon.svg": ["image/svg+xml", icon],
  "/page/style.css": ["text/css", style],
  "/page/uplot.css": ["text/css", plotStyle],
  "/page/htm.js": ["text/javascript", htm],
  "/page/uplot.js": ["text/javascript", plot],
  "/page/page.js": ["text/javascript", page],
  "/page/charts.js": ["text/javascript", charts],
  "/page/dead_letters.js": ["text/javascript", deadLetters],
  "/page/format.js": ["text/javascript", format],
  "/page/panels.js": ["text/javascript", panels],
  "/page/try_it.js": ["text/javascript", tryIt],
};

/** The page and what it loads. It is served as it is written: there is no build step. */
export const PAGE_ROUTES: Routes = Object.fromEntries(
  Object.entries(FILES).map(([path, [type, text]]) => [`GET ${path}`, () => fileResponse(type, text)]),
);

function fileResponse(type: string, text: string): Response {
  return new Response(text, {
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "content-security-policy": POLICY,
      "referrer-policy": "no-referrer",
    },
  });
}
