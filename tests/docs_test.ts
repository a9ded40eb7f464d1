import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryDirectory } from "../lib/temporary_directory.ts";
import { assert, assertEquals } from "../testing/assert.ts";
import { BROKERS } from "../testing/brokers/kafka.ts";
import {
  type CommandBlock,
  copy,
  copyRepository,
  type DocumentedPage,
  documentedPages,
  scriptOf,
} from "./fixtures/documented_pages.ts";

const ROOT = new URL("../", import.meta.url);
const COMMANDS = new URL("fixtures/documented_commands/", import.meta.url);

/** Commands that take minutes, fetch data, or need what a shadow gathers in time: only their options are checked. */
const LONG = [
  "train",
  "bench",
  "chaos",
  "soak",
  "fuzz",
  "test",
  "unknown",
  "data get",
  "npm",
  "container",
  "models compare",
];

/** Programs that a machine for tests need not have; they succeed without doing anything. */
const ABSENT: Readonly<Record<string, string>> = {
  buildah: "tests/tools/container_test.ts builds the image",
  docker: "needs a daemon; tests/tools/deploy_test.ts reads the files",
  kubectl: "needs a cluster; tests/tools/deploy_test.ts reads the files",
  sudo: "would change this machine",
  npm: "tests/tools/npm_package_test.ts installs the package",
  "kafka-acls.sh": "a distribution of Kafka has it; tests/cli/secured_kafka_test.ts uses these ACLs",
  "kafka-topics.sh": "a distribution of Kafka has it",
  "kafka-consumer-groups.sh": "a distribution of Kafka has it",
};

/** The broker of the pages, in whose place is that of the tests. */
const WRITTEN_BROKER = "127.0.0.1:9092";

/** Blocks, by their first line, and single lines that need what no test has. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "export IMAGEBUS_URL=kafka+ssl://broker-1:9093,broker-2:9093": "needs a secured Kafka of three hosts",
  "deno task ok      # format, lint, types, docs, tests": "runs these tests",
  "PGPASSWORD=… deno task worker --sink postgres://me@localhost/images,jsonl:results.jsonl":
    "needs a PostgreSQL with this user and database; tests/cli/sink_option_test.ts gives such a sink",
};

/** Files that the pages take for granted, by their paths in the clone. */
const FILES: Readonly<Record<string, string>> = {
  "shapes/a": "tests/fixtures/clothes/bag",
  "shapes/b": "tests/fixtures/clothes/trouser",
  photos: "models/fashion-mnist/samples",
  clothes: "tests/fixtures/clothes",
  "data/clothes": "tests/fixtures/clothes",
  "pets/cat": "tests/fixtures/clothes/bag",
  "pets/dog": "tests/fixtures/clothes/trouser",
  test: "tests/fixtures/clothes",
  "clothing-dataset-small/validation/t-shirt.jpg": "tests/fixtures/clothing/t-shirt.jpg",
  "photo.jpg": "tests/fixtures/clothing/t-shirt.jpg",
  "picture.png": "models/fashion-mnist/samples/9-ankle-boot.png",
  "seven.jpg": "models/mnist/samples/7-7.png",
  "tom.jpg": "tests/fixtures/clothing/t-shirt.jpg",
};

/** What a page takes for granted beside its files. */
const BEFORE: Readonly<Record<string, string>> = {
  "docs/failures.md": "imagebus worker; ! imagebus send --wait --id ID LICENSE",
  "docs/kafka.md": `echo bootstrap.servers=${BROKERS.join()} >client.properties`,
  "docs/models.md":
    "train ./pets --name cats --out . && imagebus model export cats --models-dirs . --h5 cats.h5",
  "docs/results.md": "imagebus worker; imagebus send --wait --id ID models/fashion-mnist/samples/8-bag.png",
  "docs/sending.md": "imagebus worker",
  "docs/training.md": "train ./clothes",
  "docs/versions.md":
    "train ./shapes && imagebus model export shapes --h5 net.keras && imagebus worker && imagebus send --wait -r -m shapes photos",
};

/** Pages that another test runs. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  "docs/improve-a-model.md": "tests/cli/improve_a_model_test.ts, with a real training",
};

for (const page of await documentedPages()) {
  if (Object.hasOwn(RUN_ELSEWHERE, page.path)) continue;
  const needsKafka = page.blocks.some(({ lines }) => lines.some((line) => line.includes(WRITTEN_BROKER)));
  const ignore = needsKafka && BROKERS.length === 0;
  Deno.test({
    name: `docs: the commands of ${page.path} run as they are written${
      ignore ? " (needs KAFKA_BROKERS)" : ""
    }`,
    ignore,
    fn: () => runPage(page),
  });
}

Deno.test("docs: what mod.ts exports is documented, and so is every type that it is made of", async () => {
  const args = ["doc", "--lint", "mod.ts"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("docs: what is not run is still written there", async () => {
  const text = (await documentedPages()).flatMap(({ blocks }) => blocks.flatMap(({ lines }) => lines));
  for (const line of Object.keys(NOT_RUN)) assert(text.includes(line), line);
  for (const program of Object.keys(ABSENT)) {
    assert(text.some((line) => line.includes(`${program} `)), program);
  }
});

async function runPage(page: DocumentedPage): Promise<void> {
  await using directory = await temporaryDirectory("docs");
  const clone = `${directory.path}/clone`;
  await Deno.mkdir(clone);
  await copyRepository(clone);
  for (const [to, from] of Object.entries(FILES)) {
    await Deno.mkdir(dirname(`${clone}/${to}`), { recursive: true });
    await copy(new URL(from, ROOT), `${clone}/${to}`);
  }
  const script = scriptOf(page.blocks.filter(isRun).map(withoutNotRun))
    .replaceAll(WRITTEN_BROKER, BROKERS.join());
  const { code, stdout, stderr } = await bash(page, script, directory.path);
  const printed = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  assertEquals(code, 0, printed);
}

function isRun({ lines: [first = ""] }: CommandBlock): boolean {
  return !Object.hasOwn(NOT_RUN, first);
}

function withoutNotRun({ line, lines }: CommandBlock): CommandBlock {
  return { line, lines: lines.map((command) => Object.hasOwn(NOT_RUN, command) ? "" : command) };
}

const SHELL = `
set -Eeuo pipefail
stop() {
  for pid in $(cat "$DOCS_STATE/pids" 2>/dev/null); do
    kill -INT "$pid" && tail --pid="$pid" -f /dev/null || true
  done
}
trap stop EXIT
trap 'echo "failed: $DOCS_PAGE:$LINENO" >&2; exit 1' ERR
train() { "$DOCS_DENO" run --allow-read --allow-write --allow-env cli.ts train --epochs 1 "$@"; }
eval "$DOCS_BEFORE"
source "$DOCS_STATE/page.sh"
`;

/** Runs the script of a page, and stops the workers that it has started. */
async function bash(page: DocumentedPage, script: string, directory: string): Promise<Deno.CommandOutput> {
  const state = `${directory}/state`;
  for (const folder of [state, `${directory}/home`, `${directory}/absent`]) await Deno.mkdir(folder);
  await Deno.writeTextFile(`${state}/page.sh`, script);
  for (const program of Object.keys(ABSENT)) {
    await Deno.writeTextFile(`${directory}/absent/${program}`, "#!/bin/sh\n", { mode: 0o755 });
  }
  const places = [`${state}/bin`, `${directory}/absent`, fileURLToPath(COMMANDS), Deno.env.get("PATH")];
  return await new Deno.Command("bash", {
    args: ["-c", SHELL],
    cwd: `${directory}/clone`,
    clearEnv: true,
    env: {
      ...networkSettings(),
      PATH: places.join(":"),
      HOME: `${directory}/home`,
      NO_COLOR: "1",
      DENO_DIR: await denoDirectory(),
      DENO_INSTALL_ROOT: state,
      IMAGEBUS_STATE_DIR: state,
      DOCS_BEFORE: BEFORE[page.path] ?? "",
      DOCS_CLONE: `${directory}/clone`,
      DOCS_DENO: Deno.execPath(),
      DOCS_LONG: LONG.join("|"),
      DOCS_PAGE: page.path,
      DOCS_STATE: state,
    },
    stdin: "null",
  }).output();
}

/** How this machine reaches a registry, for the page that installs the npm package. */
function networkSettings(): Record<string, string> {
  const all = Object.entries(Deno.env.toObject());
  return Object.fromEntries(
    all.filter(([name]) => /^(DENO_CERT|DENO_TLS_CA_STORE|NODE_EXTRA_CA_CERTS|.*_PROXY)$/i.test(name)),
  );
}

/** The cache of Deno, which a home of its own would leave empty. */
async function denoDirectory(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
