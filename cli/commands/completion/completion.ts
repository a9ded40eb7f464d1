import { didYouMean } from "../../../lib/suggestion.ts";
import { type Arguments, type Command, defineCommand, UsageError } from "../../command.ts";
import type { LoadCommands } from "../../config_file.ts";
import { print } from "../../ui/terminal.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { wordsOf } from "./words.ts";
import { zshScript } from "./zsh.ts";

const SHELLS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** Prints a script with which a shell completes commands and options. */
export function completionCommand(all: LoadCommands): Command {
  return defineCommand({
    name: "completion",
    summary: "Print a script with which a shell completes commands and options",
    operands: { form: Object.keys(SHELLS).join("|"), min: 1, max: 1 },
    options: {},
    examples: [
      ["imagebus completion bash > ~/.local/share/bash-completion/completions/imagebus", "for bash"],
      ["imagebus completion zsh > ~/.zsh/completions/_imagebus", "for zsh: a directory in its fpath"],
      ["imagebus completion fish > ~/.config/fish/completions/imagebus.fish", "for fish"],
    ],
    permissions: [],
    async run({ operands: [shell = ""] }: Arguments) {
      if (!Object.hasOwn(SHELLS, shell)) {
        throw new UsageError(`Unknown shell "${shell}"${didYouMean(shell, Object.keys(SHELLS))}`);
      }
      print(SHELLS[shell as keyof typeof SHELLS]((await all()).map(wordsOf)));
      return 0;
    },
  }) as Command;
}
