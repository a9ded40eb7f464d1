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
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word;
}
main { max-width: 82rem; margin: 0 auto; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 3rem) 5rem; }
h1 { font-size: clamp(1.6rem, 1.2rem + 1.6vw, 2.3rem); line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 0 0 .5rem; }
h3 { font-size: 1.05rem; line-height: 1.4; margin: 0 0 .5rem; }
p { margin: 0 0 1rem; max-width: 44rem; }
.lead { font-size: 1.15rem; margin-bottom: .4rem; }
.quiet { color: var(--quiet); }
section { margin-top: 3.5rem; }
#facts { margin-top: 2rem; }
section > h3 { margin-top: 2.25rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; list-style: none; margin: 1.25rem 0 0; padding: 0; }
a { color: var(--c1); text-underline-offset: .2em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--c1); outline-offset: 2px; border-radius: 2px; }

dl, dd { margin: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12rem), 1fr)); gap: 1rem; }
.tiles:empty { display: none; }
.tiles div { display: flex; flex-direction: column; background: var(--surface); border: 1px solid var(--rule); border-radius: .6rem; padding: .9rem 1.1rem; }
.tiles dd { display: contents; }
.tiles dt { font-size: .95rem; line-height: 1.4; }
.tiles b { order: -1; font-size: 1.75rem; font-weight: 600; line-height: 1.3; letter-spacing: -.01em; }
.tiles span { margin-top: .3rem; color: var(--quiet); font-size: .85rem; line-height: 1.4; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 3rem; margin: 1.5rem 0 0; }
.facts div { display: grid; grid-template-columns: minmax(8rem, 12.5rem) 1fr; gap: 1rem; padding: .45rem 0; border-bottom: 1px solid var(--rule); }
.facts dt { color: var(--quiet); }
.facts dd { min-width: 0; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.25rem; align-items: start; }
.beside { grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); gap: 1.25rem 2.5rem; }
.below { grid-template-columns: minmax(0, 1fr); }
.below > .stack { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.25rem 2.5rem; align-items: start; }
.stack { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.75rem; }
.two { grid-template-columns: repeat(auto-fit, minmax(max(min(100%, 24rem), 40%), 1fr)); }
figure { margin: 0; min-width: 0; }
.figures > figure { background: var(--surface); border: 1px solid var(--rule); border-radius: .6rem; padding: clamp(.9rem, 3vw, 1.2rem); height: 100%; }
.beside > figure { height: auto; }
.figures:not(.beside, .below) > figure:only-child { max-width: 40rem; }
figcaption { color: var(--quiet); font-size: .9rem; line-height: 1.5; margin-top: .75rem; max-width: 44rem; }
svg { width: 100%; font-size: 11px; overflow: visible; }
.scroll { overflow-x: auto; max-width: 100%; }
.scroll svg { width: auto; max-width: none; font-size: 13px; }
.swatch { display: inline-block; width: .8em; height: .8em; border-radius: .15em; margin-right: .35em; vertical-align: -.05em; background: var(--swatch); }

table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { position: sticky; left: 0; max-width: min(44rem, 100vw - 2rem); text-align: left; color: var(--quiet); font-size: .9rem; line-height: 1.5; padding-bottom: .6rem; }
th, td { padding: .35rem .75rem; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: baseline; }
.tall { max-height: 38rem; overflow-y: auto; border-bottom: 1px solid var(--quiet); }
.tall thead th { position: sticky; top: 0; background: var(--page); box-shadow: inset 0 -1px var(--quiet); }
th:first-child { padding-left: 0; text-align: left; }
td:last-child, th:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-weight: 600; border-bottom-color: var(--quiet); vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 5rem; }
td { white-space: nowrap; }
.share { display: block; min-width: 4rem; padding-bottom: .3rem; background: linear-gradient(to right, var(--bar) var(--share), var(--sunken) var(--share)) bottom / 100% 4px no-repeat; }
.figures + .scroll { margin-top: 2rem; }
details { margin-top: 1.25rem; }
summary { cursor: pointer; color: var(--c1); margin-bottom: .75rem; }

.mistakes { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; list-style: none; margin: 0; padding: 0; }
.mistakes figure { background: var(--surface); border: 1px solid var(--rule); border-radius: .6rem; overflow: hidden; height: 100%; }
.mistakes img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; background: #000; }
.mistakes figcaption { margin: 0; padding: .6rem .75rem .7rem; line-height: 1.35; color: var(--ink); }
.mistakes span { display: block; }
.mistakes .predicted b { color: var(--c2); }
.mistakes .quiet { color: var(--quiet); font-size: .82rem; margin-top: .25rem; }

@media (min-width: 34rem) { .mistakes { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media (min-width: 48rem) { .mistakes { grid-template-columns: repeat(4, minmax(0, 1fr)); } }
@media (min-width: 64rem) { .mistakes { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
@media (max-width: 34rem) { th, td { padding-left: .4rem; padding-right: .4rem; } .share { min-width: 0; } }
@media (max-width: 76rem) { .beside { grid-template-columns: minmax(0, 1fr); } }
@media print {
  :root { color-scheme: light; --page: #fff; }
  html { font-size: 9pt; }
  main { max-width: none; padding: 0; }
  nav, details:not([open]) { display: none; }
  section { margin-top: 2rem; }
  figure, tr, .tiles div { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; max-height: none; }
  .scroll svg { max-width: min(100%, 30rem); }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
  .beside, .below { display: block; }
  .beside > figure, .below > figure { margin-bottom: 1rem; }
  .tiles { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .mistakes { grid-template-columns: repeat(6, minmax(0, 1fr)); font-size: 8pt; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
