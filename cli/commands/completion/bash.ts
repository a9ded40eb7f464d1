import type { CommandWords } from "./words.ts";

/** The script for bash; file names are completed where nothing else is known. */
export function bashScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).join(" ");
  return `# Completion of imagebus for bash.
_imagebus() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=
  if [[ $COMP_CWORD = 1 ]]; then
    words="${names} help --help --version"
  else
    case "$command $before" in
${commands.flatMap(valueCases).join("\n")}
      "help help") words="${names}" ;;
      *)
        case "$command" in
${commands.map(wordCase).join("\n")}
        esac
        ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _imagebus imagebus`;
}

/** After an option come its values, or a file name. */
function valueCases({ name, flags, operands }: CommandWords): string[] {
  const cases = flags.filter(({ value }) => value !== undefined)
    .map(({ flag, values = [] }) => `      "${name} ${flag}") words="${values.join(" ")}" ;;`);
  if (operands.length > 0) cases.push(`      "${name} ${name}") words="${operands.join(" ")}" ;;`);
  return cases;
}

function wordCase({ name, flags }: CommandWords): string {
  const words = flags.flatMap(({ flag, short }) => short === undefined ? [flag] : [flag, `-${short}`]);
  return `          ${name}) [[ $word = -* ]] && words="${words.join(" ")}" ;;`;
}
