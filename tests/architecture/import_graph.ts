/** Modules of the project, by their path from its root, each with the modules of the project that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** A module with everything it imports, packages included. */
export interface Module {
  readonly path: string;
  readonly specifiers: readonly string[];
}

/** `new URL("x.ts", …)` counts: it is how a Worker is started. */
const IMPORT = /(?:\bfrom |\bimport |\bimport\(|new URL\((?=[^)]*\.ts"))"([^"]+)"/g;
/** Examples import the module that they stand in. */
const DOC_COMMENT = /\/\*\*.*?\*\//gs;

/**
 * Reads the modules below some folders, type-only imports included.
 *
 * @param root The project.
 * @param places Folders and modules, from the root.
 */
export async function readModules(root: URL, places: readonly string[]): Promise<Module[]> {
  const modules: Module[] = [];
  for (const place of places) {
    for await (const url of walk(new URL(place, root))) {
      const text = (await Deno.readTextFile(url)).replaceAll(DOC_COMMENT, "");
      const specifiers = [...text.matchAll(IMPORT)].map(([, specifier]) => specifier!);
      modules.push({ path: url.href.slice(root.href.length), specifiers });
    }
  }
  return modules;
}

/** The arrows between modules of the project. */
export function graphOf(modules: readonly Module[]): ImportGraph {
  const paths = new Set(modules.map(({ path }) => path));
  return new Map(modules.map(({ path, specifiers }) => [
    path,
    specifiers.filter((specifier) => specifier.startsWith("."))
      .map((specifier) => new URL(specifier, `file:///${path}`).pathname.slice(1))
      .filter((target) => paths.has(target)),
  ]));
}

/**
 * Checks which room imports from which.
 *
 * @param graph Of all modules.
 * @param rooms Each room, a folder or a module, with the rooms it may import from besides itself. A module belongs to the
 * room with the longest matching path.
 * @returns One line per break of the rules.
 */
export function forbiddenArrows(
  graph: ImportGraph,
  rooms: Readonly<Record<string, readonly string[]>>,
): string[] {
  const roomOf = (path: string) =>
    Object.keys(rooms).filter((room) => path === room || path.startsWith(`${room}/`))
      .sort((a, b) => b.length - a.length)[0];
  const lines: string[] = [];
  for (const [path, targets] of graph) {
    const from = roomOf(path);
    if (from === undefined) lines.push(`${path} is in no room`);
    for (const target of targets) {
      const to = roomOf(target);
      if (from === undefined || to === undefined || from === to || rooms[from]!.includes(to)) continue;
      lines.push(`${path} imports ${target}: ${from} may not import from ${to}`);
    }
  }
  return lines;
}

/**
 * Finds import cycles: the strongly connected components with more than one module (Tarjan 1972).
 *
 * @returns One line per cycle, its modules in no particular order.
 */
export function importCycles(graph: ImportGraph): string[] {
  const indices = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[] = [];
  const visit = (path: string): void => {
    indices.set(path, indices.size);
    lowest.set(path, indices.get(path)!);
    stack.push(path);
    for (const target of graph.get(path) ?? []) {
      if (!indices.has(target)) visit(target);
      if (stack.includes(target)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!));
    }
    if (lowest.get(path) !== indices.get(path)) return;
    const component = stack.splice(stack.indexOf(path));
    if (component.length > 1) cycles.push(component.join(" → "));
  };
  for (const path of graph.keys()) if (!indices.has(path)) visit(path);
  return cycles;
}

async function* walk(place: URL): AsyncGenerator<URL> {
  if (/\.[jt]s$/.test(place.pathname)) return yield place;
  const folder = new URL(`${place.href}/`);
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name === "assembly") continue; // AssemblyScript, not TypeScript
    if (isDirectory || /\.[jt]s$/.test(name)) yield* walk(new URL(name, folder));
  }
}
