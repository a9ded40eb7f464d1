/** A command line as it can be typed again. */
export function commandLine(argv: readonly string[]): string {
  return ["imagebus", ...argv.map(quoted)].join(" ");
}

/** An argument as a shell takes it. */
export function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
