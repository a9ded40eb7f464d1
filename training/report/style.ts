/**
 * The style sheet of a report. The colours are those of Okabe and Ito (Color Universal Design, 2008), darker
 * or lighter where they are used for text: blue and orange are distinguishable with every kind of colour
 * blindness.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f7f7f5, #121417); --surface: light-dark(#fff, #1a1d21); --sunken: light-dark(#f1f1ee, #22262b);
  --rule: light-dark(#dddcd6, #363b42); --ink: light-dark(#1c1d20, #e7e8ea); --quiet: light-dark(#5d5f66, #a3a7ae);
  --c1: light-dark(#0067a5, #62b5ee); --c2: light-dark(#b34a00, #f0a04b); --bar: light-dark(#7fb2d8, #3f7fae);
  --heat-right: light-dark(#2f8fd0, #3b8fd0); --heat-wrong: light-dark(#ef8a3c, #c8641e);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
main { max-width: 82rem; margin: 0 auto; padding: clamp(1rem, 4vw, 3rem); }
h1, h2, h3 { line-height: 1.3; margin: 0 0 .5rem; }
h1 { font-size: 2rem; }
h2 { font-size: 1.4rem; }
h3 { font-size: 1.05rem; }
p { margin: 0 0 1rem; max-width: 44rem; }
a, summary { color: var(--c1); }
.quiet, figcaption, caption, thead th, .facts dt, .tiles span { color: var(--quiet); }
section, details { margin-top: 2.5rem; }
section > h3 { margin-top: 2rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; list-style: none; margin: 1rem 0; padding: 0; }

.tiles, .facts, .figures, .mistakes { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--min)), 1fr)); gap: 1.25rem; margin: 0 0 1.5rem; padding: 0; list-style: none; }
.tiles { --min: 12rem; }
.facts { --min: 26rem; gap: 0 3rem; }
.figures { --min: 30rem; align-items: start; }
.mistakes { --min: 9rem; gap: 1rem; }
.tiles div, figure { margin: 0; padding: 1rem; background: var(--surface); border: 1px solid var(--rule); border-radius: .6rem; }
.tiles div { display: flex; flex-direction: column; }
.tiles dd { display: contents; }
.tiles b { order: -1; font-size: 1.75rem; }
.tiles span, figcaption, caption { font-size: .9rem; }
.facts div { display: grid; grid-template-columns: 12rem 1fr; gap: 1rem; padding: .45rem 0; border-bottom: 1px solid var(--rule); }
.facts dd { margin: 0; }
figure { max-width: 40rem; min-width: 0; }
.wide { max-width: none; grid-column: 1 / -1; }
figcaption { margin-top: .75rem; }
svg { width: 100%; font-size: 11px; overflow: visible; }
.scroll { overflow: auto; }
.scroll:has(table) { max-height: 40rem; }
.scroll svg { width: auto; max-width: none; font-size: 13px; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .35em; background: var(--swatch); }

table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; padding-bottom: .6rem; }
th, td { padding: .35rem .75rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: baseline; font-weight: normal; }
th:first-child { padding-left: 0; text-align: left; }
thead th { position: sticky; top: 0; background: var(--page); font-weight: 600; }
td { white-space: nowrap; }
.share { display: block; min-width: 4rem; padding-bottom: .3rem; background: linear-gradient(to right, var(--bar) var(--share), var(--sunken) var(--share)) bottom / 100% 4px no-repeat; }

.mistakes figure { padding: 0; height: 100%; overflow: hidden; }
.mistakes img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: #000; }
.mistakes figcaption { margin: 0; padding: .6rem .75rem; color: var(--ink); }
.mistakes span { display: block; }
.mistakes .predicted b { color: var(--c2); }

@media print {
  :root { color-scheme: light; --page: #fff; font-size: 9pt; }
  nav, details:not([open]) { display: none; }
  figure, tr, .tiles div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll, .scroll:has(table) { overflow: visible; max-height: none; }
  .scroll svg { max-width: 100%; }
  * { print-color-adjust: exact; }
}
`;
