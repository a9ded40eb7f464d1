// What the browser gets under this name is the package's own file (page_routes.ts).
export * from "npm:htm@3.1.1/preact/standalone";
