import type { CommandWords, FlagWords } from "./words.ts";

/** The script for zsh, to be found in the fpath as `_imagebus`. */
export function zshScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef imagebus
# Completion of imagebus for zsh.
_imagebus() {
  local -a commands=(
${names.join("\n")}
    'help:Describe a command and its options'
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
    help) _describe command commands ;;
${commands.map(argumentsCase).join("\n")}
  esac
}
_imagebus "$@"`;
}

function argumentsCase({ name, flags, operands }: CommandWords): string {
  const first = operands.length > 0 ? [`'1: :(${operands.join(" ")})'`] : [];
  const specs = [...flags.map(specOf), ...first, "'*: :_files'"];
  return [
    `    ${name})`,
    "      _arguments \\",
    ...specs.map((spec, i) => `        ${spec}${i < specs.length - 1 ? " \\" : ""}`),
    "      ;;",
  ]
    .join("\n");
}

function specOf({ flag, short, text, value, values }: FlagWords): string {
  const about = `[${text.replaceAll(/[\\[\]]/g, "\\$&")}]`;
  const action = values ? `(${values.join(" ")})` : "_files";
  const argument = value === undefined ? "" : `:${value.replaceAll(":", "\\:")}:${action}`;
  if (short === undefined) return quoted(`*${flag}${value === undefined ? "" : "="}${about}${argument}`);
  return `{-${short},${flag}}${quoted(`${about}${argument}`)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
