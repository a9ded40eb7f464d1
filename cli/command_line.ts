/** A command line as it can be typed again. */
export function commandLine(argv: readonly string[]): string {
  return ["imagebus", ...argv.map(quoted)].join(" ");
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
