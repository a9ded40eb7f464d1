/** What is used of the spinner of `jsr:@std/cli`: one line on a terminal, which moves although there is no news. */
export interface Spinner {
  message: string;
  start(): void;
  /** Removes the line. */
  stop(): void;
}

/**
 * Found only where the program has the package: `deno add jsr:@std/cli`. With `jsr:` in the name Deno would print "Download …"
 * into the terminal where the registry does not answer, and change deno.lock where it does. The name is not a literal in
 * `import()`: Deno would look for it at the start of every command.
 */
const NAME = "@std/cli/unstable-spinner";

let loading: Promise<void> | undefined;
let spinner: Spinner | undefined;

/** @returns undefined where there is no package, and until it is loaded: the first call begins that, nothing waits for it. */
export function stdSpinner(): Spinner | undefined {
  loading ??= import(NAME).then(
    ({ Spinner }) => spinner = new Spinner({ output: Deno.stderr }),
    () => {},
  );
  return spinner;
}
