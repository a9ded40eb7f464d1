/**
 * Writes docs/options.md from the tables of options: `deno task options`.
 *
 * @module
 */
import { COMMANDS } from "../cli/commands.ts";
import { BUS_OPTIONS } from "../cli/options.ts";
import { runTask } from "../cli/task.ts";
import { purposeOf } from "../cli/ui/help.ts";
import { SERVE_OPTIONS } from "../actors/options.ts";
import { SEND_OPTIONS } from "../bus/send_options.ts";
import { defaultOf, expectedOf, flagOf, type Option, type OptionTable, variableOf } from "../lib/options.ts";

const PAGE = new URL("../docs/options.md", import.meta.url);

const HEAD = `# Options

Written by \`deno task options\` from the tables in the sources; a test keeps it so.

Every option has one name: in a program and in the configuration file \`maxMessageBytes\`, on the command line
\`--max-message-bytes\`, in the environment \`IMAGEBUS_MAX_MESSAGE_BYTES\`. A flag takes precedence over a variable, a variable
over the configuration file, and the file over the default; \`imagebus options\` shows where each value comes from. Sizes and times are
written as \`64MiB\` and \`30s\`; a number alone means bytes or milliseconds, as in a program. A flag that is on by default is
turned off by \`--no-…\`; variables of flags hold \`true\` or \`false\`. Certificates, keys and passwords are read from files, so
that no one sees them among the running processes; only the variable of a secret may hold the secret itself.

The configuration file is \`imagebus.json\` or \`imagebus.jsonc\` in the working directory or the nearest one above it, or
\`--config FILE\` or \`IMAGEBUS_CONFIG\`. It is JSON, in which comments and trailing commas are allowed:

\`\`\`json
{
  "bus": "kafka://broker-1:9092,broker-2:9092",
  "kafka": { "compression": "zstd" },
  "maxMessageBytes": "4MiB",
  "worker": { "models": ["mnist"], "sink": ["sqlite:results.db"], "http": true }
}
\`\`\`

An object under the name of a command counts for that command, everything else for all commands that have the option. Paths are
relative to the directory of the file. Unknown names are rejected.
`;

/** One table of the page. */
function section(
  title: string,
  about: string,
  table: OptionTable,
  purpose = (_: string, { text }: Option) => text,
): string {
  const rows = Object.entries(table).map(([name, row]) => {
    const short = row.short === undefined ? "" : `\`-${row.short}\`, `;
    const variable = row.typed ? "" : `<br>\`${variableOf(name, row)}\``;
    const flag = row.type === "api" ? "–" : `${short}\`${flagOf(name)}\`${variable}`;
    return `| \`${name}\` | ${flag} | ${escape(purpose(name, row))} | ${escape(rangeOf(row))} | ${
      escape(defaultOf(row))
    } |`;
  });
  return [
    `## ${title}`,
    "",
    about,
    "",
    "| name | flag, variable | what for | values | default |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function rangeOf(row: Option): string {
  return expectedOf(row, true).replace(/^a (whole number|size|time) from /, "").replace(/, such as .*$/, "");
}

function escape(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

/** The whole page. */
export async function optionsPage(): Promise<string> {
  const shared = new Set<Option>(
    [BUS_OPTIONS, SERVE_OPTIONS, SEND_OPTIONS].flatMap((table): Option[] => Object.values(table)),
  );
  const sections = [
    section("The bus", "`connect(url, options)`, and every command that uses a bus.", BUS_OPTIONS),
    section("The service", "`serve(bus, options)` and `imagebus worker`.", SERVE_OPTIONS),
    section(
      "Sending",
      "`bus.send(image, options)`, `bus.classify(image, options)` and `imagebus send`.",
      SEND_OPTIONS,
    ),
  ];
  for (const load of Object.values(COMMANDS)) {
    const command = await load();
    const own = Object.entries(command.options).filter(([, row]) => !shared.has(row));
    if (own.length === 0) continue;
    const purpose = (name: string, row: Option) => purposeOf(command, name, row);
    sections.push(
      section(`imagebus ${command.name}`, `${command.summary}.`, Object.fromEntries(own), purpose),
    );
  }
  return [HEAD, ...sections].join("\n");
}

if (import.meta.main) {
  await runTask({
    name: "options",
    summary: "Write docs/options.md from the tables of options",
    options: {},
    examples: [["deno task options", "after a change of an option"]],
    async run() {
      await Deno.writeTextFile(PAGE, await optionsPage());
      return 0;
    },
  });
}
