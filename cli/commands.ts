import type { Command } from "./command.ts";

/** Loads all commands. */
export function loadAll(): Promise<Command[]> {
  return Promise.all(Object.values(COMMANDS).map((load) => load()));
}

/** All commands. Each is loaded when it is called, so that `send` does not pay for `train`. A new one is a file and a line. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  worker: async () => (await import("./commands/worker/worker.ts")).worker,
  status: async () => (await import("./commands/status/status.ts")).status,
  send: async () => (await import("./commands/send/send.ts")).send,
  result: async () => (await import("./commands/result.ts")).result,
  results: async () => (await import("./commands/results/results.ts")).results,
  label: async () => (await import("./commands/label.ts")).label,
  inspect: async () => (await import("./commands/inspect/inspect.ts")).inspect,
  models: async () => (await import("./commands/models/models.ts")).models,
  reclassify: async () => (await import("./commands/reclassify.ts")).reclassify,
  model: async () => (await import("./commands/model/model.ts")).model,
  "dead-letters": async () => (await import("./commands/dead_letters/dead_letters.ts")).deadLetters,
  topics: async () => (await import("./commands/topics/topics.ts")).topics,
  evaluate: async () => (await import("./commands/evaluate/evaluate.ts")).evaluate,
  "cross-validate": async () => (await import("./commands/cross_validate.ts")).crossValidate,
  train: async () => (await import("./commands/train.ts")).train,
  data: async () => (await import("./commands/data.ts")).data,
  options: async () => (await import("./commands/options.ts")).optionsCommand(loadAll),
  doctor: async () => (await import("./commands/doctor/doctor.ts")).doctorCommand(loadAll),
  completion: async () => (await import("./commands/completion/completion.ts")).completionCommand(loadAll),
  demo: async () => (await import("./commands/demo.ts")).demo,
};
