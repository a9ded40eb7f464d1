import { checkServeOptions, SERVE_OPTIONS } from "../actors/options.ts";
import { connect } from "../bus/connect.ts";
import { CONNECT_OPTIONS } from "../bus/options.ts";
import { SEND_OPTIONS } from "../bus/send_options.ts";
import { BusError } from "../bus/transport/errors.ts";
import { checkBusOptions } from "../bus/transport/options.ts";
import { parseArguments } from "../cli/arguments.ts";
import { type Command, readsVariables, UsageError } from "../cli/command.ts";
import { configOf } from "../cli/config_file.ts";
import { COMMANDS } from "../cli/commands.ts";
import { checkOptions, flagOf, nest, type Option, variableOf } from "../lib/options.ts";
import { formatQuantity, parseQuantity } from "../lib/units.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../testing/assert.ts";
import { optionsPage } from "../tools/options_page.ts";

const COMMANDS_LOADED = await Promise.all(Object.values(COMMANDS).map((load) => load()));
const FILE = await Deno.makeTempFile();
await Deno.writeTextFile(FILE, "from the file\n");
globalThis.addEventListener("unload", () => Deno.removeSync(FILE));

/** What is typed, and the value that comes of it; a value of the API; and one that is out of range. */
interface Samples {
  readonly typed: string;
  readonly value: unknown;
  readonly bad: string;
  readonly badValue: unknown;
}

function samplesOf(name: string, row: Option): Samples {
  switch (row.type) {
    case "integer": {
      const typed = row.unit ? formatQuantity(row.max, row.unit) : String(row.max);
      return { typed, value: row.max, bad: String(row.max + 1), badValue: row.min - 1 };
    }
    case "choice":
      return { typed: row.values.at(-1)!, value: row.values.at(-1), bad: "nonsense", badValue: "nonsense" };
    case "flag":
      return { typed: "true", value: true, bad: "maybe", badValue: "yes" };
    case "text":
      return row.from
        ? { typed: FILE, value: "from the file", bad: "", badValue: 7 }
        : { typed: "some text", value: "some text", bad: "", badValue: 7 };
    case "texts":
      return {
        typed: row.from ? FILE : "one",
        value: [row.from ? "from the file" : "one"],
        bad: "",
        badValue: [7],
      };
    default:
      return CUSTOM[name] ?? { typed: "", value: undefined, bad: "", badValue: Symbol("wrong") };
  }
}

const CUSTOM: Readonly<Record<string, Samples>> = {
  modelsDirs: { typed: "a,b", value: ["a", "b"], bad: "", badValue: [7] },
  workersPerModel: { typed: "mnist=2", value: { mnist: 2 }, bad: "many", badValue: undefined },
  http: { typed: "[::1]:0", value: { hostname: "::1", port: 0 }, bad: "9464", badValue: undefined },
  replyTo: { typed: "answers", value: "answers", bad: "bad topic!", badValue: "imagebus.mnist" },
  size: { typed: "32x16", value: [32, 16], bad: "32", badValue: undefined },
  out: { typed: "boot.png", value: "boot.png", bad: "boot.gif", badValue: undefined },
  since: { typed: "2026-01-31", value: new Date("2026-01-31"), bad: "soon", badValue: undefined },
  below: { typed: "60%", value: 0.6, bad: "60", badValue: undefined },
  scale: { typed: "127.5", value: [127.5], bad: "much", badValue: undefined },
  mean: { typed: "1,2,3", value: [1, 2, 3], bad: "much", badValue: undefined },
  std: { typed: "1", value: [1], bad: "much", badValue: undefined },
};

/** Each command with each of its actions that takes the option, as a command line begins. */
function linesWith(command: Command, name: string): string[][] {
  if (!("actions" in command)) return [operandsOf(command.operands)];
  return Object.entries(command.actions).filter(([, { options }]) =>
    (options as readonly string[]).includes(name)
  )
    .map(([action, { operands }]) => [action, ...operandsOf(operands)]);
}

function operandsOf({ min }: { readonly min: number }): string[] {
  return Array.from({ length: min }, () => "operand");
}

for (const command of COMMANDS_LOADED) {
  Deno.test(`options: each of ${command.name} is read from its flag and its variable, and refused when wrong`, () => {
    for (const [name, row] of Object.entries(command.options)) {
      if (row.type === "api") continue;
      const lines = linesWith(command, name);
      assert(lines.length > 0, `no action of ${command.name} takes ${name}`);
      for (const line of lines) checkForms(command, line, name, row);
    }
  });
}

Deno.test("options: a letter stands for one option of a command, and is read as that", () => {
  for (const command of COMMANDS_LOADED) {
    const rows = Object.entries(command.options).filter(([, { short }]) => short !== undefined);
    const letters = rows.map(([, { short }]) => short!);
    assertEquals([...new Set(letters)].join(), letters.join(), command.name);
    assert(!letters.includes("h"), command.name);
    for (const [name, row] of rows) {
      const { typed, value } = samplesOf(name, row);
      const [line = []] = linesWith(command, name);
      const argv = [...line, `-${row.short}`, ...row.type === "flag" ? [] : [typed]];
      assertEquals(parseArguments(command, argv).values[name], value, `${command.name} -${row.short}`);
    }
  }
});

function checkForms(command: Command, line: readonly string[], name: string, row: Option): void {
  const [flag, variable] = [flagOf(name), variableOf(name, row)];
  const { typed, value, bad } = samplesOf(name, row);
  const read = (...argv: string[]) => parseArguments(command, [...line, ...argv]).values[name];
  assertEquals(read(...row.type === "flag" ? [flag] : [`${flag}=${typed}`]), value, flag);
  if (row.type === "flag" && row.default === true) assertEquals(read(flag.replace("--", "--no-")), false);
  if (row.alias !== undefined) assertEquals(read(`--${row.alias}=${typed}`), value, row.alias);
  const held = row.type === "text" && row.secret ? "from the file" : typed;
  const reads = readsVariables(command) && !row.typed;
  const expected = reads ? value : row.default;
  withVariable(variable, held, () => assertEquals(read(), expected, variable));
  if (row.type !== "flag") {
    const message = assertThrows(() => read(`${flag}=${bad}`), UsageError, `${flag} is `).message;
    assertStringIncludes(message, "expected ");
  }
  if (bad !== "" && reads) {
    withVariable(variable, bad, () =>
      assertThrows(
        () => read(),
        UsageError,
        `${variable} is `,
      ));
  }
  const misspelt = `${flag.slice(0, -1)}${flag.at(-1) === "x" ? "y" : "x"}q`;
  assertThrows(() => read(`${misspelt}=1`), UsageError, `has no option ${misspelt}: did you mean`);
}

Deno.test("options: each of a command is read from the configuration file, and refused when wrong", async () => {
  const all = () => Promise.resolve(COMMANDS_LOADED);
  for (const command of COMMANDS_LOADED) {
    for (const [name, row] of Object.entries(command.options)) {
      if (row.type === "api") continue;
      const { typed, value, bad } = samplesOf(name, row);
      const written = row.type === "integer" ? row.max : row.type === "flag" ? true : typed;
      const read = async (content: unknown) => {
        const file = { path: "/etc/imagebus.json", content: { [command.name]: nest([[name, content]]) } };
        return (await configOf(file, command, all)).values;
      };
      const isRead = readsVariables(command) && !row.typed;
      const got = (await read(written)).get(name);
      // Paths are relative to the directory of the file.
      const withoutDirectory = JSON.stringify(got ?? null).replaceAll("/etc/", "");
      assertEquals(withoutDirectory, JSON.stringify(isRead ? value : null), name);
      if (isRead && row.type !== "flag" && bad !== "") {
        await assertRejects(() => read(bad), UsageError, `${name} in /etc/imagebus.json is `);
      }
      if (isRead) {
        await assertRejects(() => read(null), UsageError, `${name} in /etc/imagebus.json is `);
      }
    }
  }
});

function withVariable(name: string, value: string, run: () => void): void {
  Deno.env.set(name, value);
  try {
    run();
  } finally {
    Deno.env.delete(name);
  }
}

const TABLES = [
  {
    title: "connect",
    table: CONNECT_OPTIONS,
    check: (given: object) => checkBusOptions(CONNECT_OPTIONS, given),
  },
  { title: "serve", table: SERVE_OPTIONS, check: checkServeOptions },
  {
    title: "send",
    table: SEND_OPTIONS,
    check: (given: object) => checkOptions(SEND_OPTIONS, given, (message) => new RangeError(message)),
  },
] as const;

for (const { title, table, check } of TABLES) {
  Deno.test(`options: each of ${title} is taken from a program, and refused when out of range or misspelt`, () => {
    for (const [name, row] of Object.entries<Option>(table)) {
      const { value, badValue } = samplesOf(name, row);
      const settings: Readonly<Record<string, unknown>> = check({});
      assertEquals(settings[name], row.default, name);
      const given: Readonly<Record<string, unknown>> = check(nest([[name, value]]));
      assertEquals(given[name], value ?? row.default, name);
      if (badValue !== undefined) {
        assertThrows(() => check(nest([[name, badValue]])), Error, `${name} is `);
      }
      assertThrows(() => check(nest([[`${name}q`, 1]])), Error, `Unknown option ${name}q`);
    }
  });
}

Deno.test("options: connect refuses those of another bus, and unknown ones with a suggestion", async () => {
  const foreign = { kafka: { clientId: "me" } };
  await assertRejects(
    () => connect("memory:", foreign),
    Error,
    'The options kafka: {…} have no effect on "memory:"',
  );
  const flat = { clientId: "me" } as object;
  await assertRejects(
    () => connect("memory:", flat),
    Error,
    'Unknown option clientId: did you mean "kafka.clientId"?',
  );
});

Deno.test("options: values that JSON cannot write are refused like others", async () => {
  const cases: [unknown, string][] = [[4n, "4"], [Symbol("four"), "Symbol(four)"], [null, "null"]];
  for (const [value, shown] of cases) {
    const options = { partitions: value as number };
    await assertRejects(() => connect("memory:", options), BusError, `partitions is ${shown}: expected`);
  }
});

Deno.test("options: send refuses unknown names with a suggestion, and a time that is out of range", async () => {
  await using bus = await connect("memory:");
  const send = (options: object) => bus.send(Uint8Array.of(1), options);
  await assertRejects(() => send({ modell: "mnist" }), Error, 'Unknown option modell: did you mean "model"?');
  for (const expiresAfterMs of [0, NaN, 1.5, "1"]) {
    await assertRejects(
      () => send({ expiresAfterMs }),
      Error,
      `expiresAfterMs is ${expiresAfterMs}: expected`,
    );
  }
});

Deno.test("options: the defaults that the types document are those of the tables", async () => {
  const documented =
    /\/\*\*(?:(?!\*\/).)*?@default \{((?:(?!\*\/).)*?)\}(?:(?!\*\/).)*?\*\/\s*readonly (\w+)\?:/gs;
  const places = [
    ["../actors/options.ts", "", SERVE_OPTIONS],
    ["../bus/transport/transport.ts", "", CONNECT_OPTIONS],
    ["../bus/transport/kafka/options.ts", "kafka.", CONNECT_OPTIONS],
    ["../bus/transport/sqlite/options.ts", "sqlite.", CONNECT_OPTIONS],
  ] as const;
  let seen = 0;
  for (const [file, prefix, table] of places) {
    const text = await Deno.readTextFile(new URL(file, import.meta.url));
    for (const [, written, name] of text.matchAll(documented)) {
      const row = (table as Readonly<Record<string, Option>>)[prefix + name];
      if (row === undefined) continue;
      seen++;
      assertEquals(written!.replaceAll("_", ""), JSON.stringify(row.default ?? []), name);
    }
  }
  assert(seen > 25, `only ${seen} were seen: is the pattern still right?`);
});

Deno.test("options: docs/options.md agrees with the tables; `deno task options` writes it", async () => {
  assertEquals(await Deno.readTextFile(new URL("../docs/options.md", import.meta.url)), await optionsPage());
});

Deno.test("units: sizes and times are read as people write them, and shown in the largest unit that divides them", () => {
  const cases = [
    ["64MiB", "bytes", 2 ** 26, "64MiB"],
    ["1.5 GB", "bytes", 1_500_000_000, "1500000000B"],
    ["15728640", "bytes", 15_728_640, "15MiB"],
    ["10kb", "bytes", 10_000, "10000B"],
    ["30s", "ms", 30_000, "30s"],
    ["2m", "ms", 120_000, "2min"],
    ["1500", "ms", 1_500, "1500ms"],
    ["7d", "ms", 604_800_000, "7d"],
    ["0", "ms", 0, "0"],
  ] as const;
  for (const [text, unit, value, shown] of cases) {
    assertEquals(parseQuantity(text, unit), value, text);
    assertEquals(formatQuantity(value, unit), shown, text);
  }
  for (const text of ["", "MiB", "-1s", "1 fortnight", "1e3", "1s2"]) {
    assertEquals(parseQuantity(text, "ms"), NaN, text);
  }
});
