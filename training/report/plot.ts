import { plot, type PlotOptions } from "npm:@observablehq/plot@0.6.17";
import { DOMParser } from "npm:linkedom@0.18.12";
import { Markup } from "./markup.ts";

/** A document of XML, so that what is drawn is well-formed both as HTML and as XML. */
const document = new DOMParser().parseFromString("<svg/>", "image/svg+xml");

/**
 * Draws a plot as SVG, without scripts; titles of its marks are native tooltips.
 *
 * @param label A description for screen readers.
 * @param options Of Observable Plot; colours can be variables of the style sheet.
 * @returns An `svg` element.
 */
export function drawPlot(label: string, options: PlotOptions): Markup {
  const svg = plot({ marginTop: 30, marginBottom: 40, ...options, document, ariaLabel: label });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  svg.setAttribute("role", "img");
  return new Markup(svg.outerHTML);
}
