import { assertEquals } from "../../../testing/assert.ts";

const OPENER = new URL("../../fixtures/sink_opener.ts", import.meta.url);
const OPENERS = 4;
const ROUNDS = 40;

async function openAtOnce(openers: readonly Worker[], path: string): Promise<string[]> {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const answers = openers.map((opener) => {
    const answer = Promise.withResolvers<string>();
    opener.onmessage = ({ data }) => answer.resolve(data);
    opener.postMessage({ path, gate });
    return answer.promise;
  });
  while (Atomics.load(gate, 1) < openers.length) await new Promise((resolve) => setTimeout(resolve, 1));
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  return await Promise.all(answers);
}

Deno.test("sink sqlite: services that open it at the same moment create one file", async () => {
  const directory = await Deno.makeTempDir({ prefix: "imagebus-sinks-" });
  const openers = Array.from({ length: OPENERS }, () => new Worker(OPENER, { type: "module" }));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await openAtOnce(openers, `${directory}/${round}.db`);
      assertEquals(answers, openers.map(() => ""));
    }
  } finally {
    for (const opener of openers) opener.terminate();
    await Deno.remove(directory, { recursive: true });
  }
});
