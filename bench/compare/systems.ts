import { fileURLToPath } from "node:url";
import { requestTopic } from "../../bus/topics.ts";
import type { PostgresServer } from "../../testing/brokers/postgres.ts";
import { createSchema } from "../../testing/brokers/test_postgres.ts";
import { workerCommand } from "../../testing/harness/worker_process.ts";
import { pythonEnvironment } from "../../testing/python_environment.ts";
import { LEGACY } from "../../training/recipes/legacy.ts";
import type { Command, System } from "./system.ts";

const PACKAGES = [
  "confluent-kafka==2.12.2",
  "onnxruntime==1.32.0",
  "pillow==13.0.0",
  "numpy==2.4.6",
  "quixstreams==3.28.1",
];
const KERAS = ["tensorflow-cpu==2.20.0", "keras==3.12.0", "confluent-kafka==2.12.2", "pillow==13.0.0"];

/** Where everything is. */
export interface Places {
  /** Brokers of the Kafka with the images. */
  readonly brokers: string;
  /** URL of the embedded bus with the same images. */
  readonly embedded: string;
  /** Without one its system is left out. */
  readonly postgres: PostgresServer | null;
  /** The network: `legacy.onnx`, `legacy.h5`, and as a model folder in `models/` and `models-int8/`. Also for results. */
  readonly directory: string;
}

/** All systems, in the order of the report. Those in Python install their packages when they run for the first time. */
export async function allSystems(places: Places): Promise<System[]> {
  return [...pythonSystems(places), kafkajsSystem(places), ...await imagebusSystems(places)];
}

function pythonSystems(places: Places): System[] {
  const python =
    (packages: readonly string[], name: string) => async () => [await pythonOf(packages), script(name)];
  const threads = navigator.hardwareConcurrency;
  return [
    peer(
      "legacy loop (Keras)",
      places,
      python(KERAS, "legacy_loop.py"),
      "legacy.h5",
      [],
    ),
    peer("Quix Streams + ONNX", places, python(PACKAGES, "quix_onnx.py"), "legacy.onnx", [threads]),
    ...[1, 2].map((processes) =>
      peer(
        `confluent-kafka + ONNX, ${processes === 1 ? "1 process" : `${processes} processes`}`,
        places,
        python(PACKAGES, "confluent_onnx.py"),
        "legacy.onnx",
        [Math.ceil(threads / processes)],
        processes,
      )
    ),
  ];
}

async function pythonOf(packages: readonly string[]): Promise<string> {
  const environment = await pythonEnvironment(packages);
  if ("missing" in environment) throw new Error(`Cannot compare with Python: ${environment.missing}`);
  return environment.python;
}

function script(name: string): string {
  return fileURLToPath(new URL(`../peers/${name}`, import.meta.url));
}

function kafkajsSystem(places: Places): System {
  const permissions = [
    "--allow-read",
    "--allow-net=127.0.0.1,localhost",
    "--allow-env",
    "--allow-ffi",
    "--allow-sys",
  ];
  const words = [Deno.execPath(), "run", "--no-lock", ...permissions, script("kafkajs_onnx.ts")];
  return peer("kafkajs + ONNX", places, () => Promise.resolve(words), "legacy.onnx", [
    navigator.hardwareConcurrency,
  ]);
}

function peer(
  name: string,
  { brokers, directory }: Places,
  program: () => Promise<readonly string[]>,
  model: string,
  further: readonly number[],
  processes = 1,
): System {
  const commands = async (group: string, results: string): Promise<Command[]> => {
    const operands = [brokers, group, requestTopic(LEGACY.name), results, `${directory}/${model}`];
    const words = [...await program(), ...operands, ...further.map(String)];
    return Array.from({ length: processes }, () => ({ words, env: { TF_CPP_MIN_LOG_LEVEL: "3" } }));
  };
  return { name, bus: "kafka", isImagebus: false, commands };
}

/** The value of `--sink`, where nothing is stored yet; without one, results go only to the topic. */
type SinkOf = ((group: string) => Promise<string>) | null;

async function imagebusSystems({ brokers, embedded, postgres, directory }: Places): Promise<System[]> {
  const worker = [Deno.execPath(), ...await workerCommand(), "--models", LEGACY.name];
  const system = (
    name: string,
    bus: System["bus"],
    sink: SinkOf,
    processes = 1,
    { models = "models", cores = 0 } = {},
  ): System => ({
    name: `imagebus, ${name}`,
    bus,
    isImagebus: true,
    isRounded: models !== "models",
    commands: async (group) => {
      const sinks = sink ? ["--sink", await sink(group)] : ["--sink", "console", "--quiet"];
      const url = bus === "kafka" ? `kafka://${brokers}` : embedded;
      return Array.from({ length: processes }, (_, i) => ({
        words: [
          ...cores > 0 ? ["taskset", "--cpu-list", `${i % cores}`] : [],
          ...worker,
          "--models-dirs",
          `${directory}/${models}`,
          "--bus",
          url,
          "--group",
          group,
          ...sinks,
        ],
        env: { IMAGEBUS_STATE_DIR: `${directory}/state-${i}` },
      }));
    },
  });
  const sqlite = (group: string) => Promise.resolve(`sqlite:${directory}/${group}.db`);
  const int8 = { models: "models-int8" };
  // Linux has taskset; the processes take the cores in turn.
  const pinned = Deno.build.os === "linux" ? { cores: navigator.hardwareConcurrency } : null;
  return [
    system("1 process", "kafka", null),
    ...[2, 4].map((processes) => system(`${processes} processes`, "kafka", null, processes)),
    ...(pinned ? [1, 2, 4].map((n) => system(`${n} pinned`, "kafka", null, n, pinned)) : []),
    system("int8, 1 process", "kafka", null, 1, int8),
    system("int8, 2 processes", "kafka", null, 2, int8),
    system("also into SQLite", "kafka", sqlite),
    ...(postgres ? [system("also into PostgreSQL", "kafka", () => createSchema(postgres))] : []),
    system("embedded bus, into SQLite", "embedded", sqlite),
  ];
}
