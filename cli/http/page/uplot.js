// What the browser gets under this name is the package's own file (page_routes.ts).
export { default } from "npm:uplot@1.6.32/dist/uPlot.esm.js";
