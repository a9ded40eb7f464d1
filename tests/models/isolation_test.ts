import { assert, assertEquals } from "../../testing/assert.ts";
import { classifyIsolated } from "../fixtures/isolated_classifier.ts";
import { runRemote } from "../fixtures/remote_program.ts";

const SAMPLE = new URL("../../models/fashion-mnist/samples/1-trouser.png", import.meta.url);

interface Answer {
  readonly outcome: { readonly ok: boolean; readonly top: readonly { readonly label: string }[] };
  readonly states: readonly string[];
}

function check({ outcome, states }: Answer): void {
  assertEquals(outcome.top[0]?.label, "Trouser");
  assert(!states.includes("granted"), states.join());
}

Deno.test("isolation: a classifier runs in a Worker without any permission", async () => {
  check(await classifyIsolated(await Deno.readFile(SAMPLE)) as Answer);
});

Deno.test("isolation: models load and run in a program that imports the project from a URL", async () => {
  const hex = (await Deno.readFile(SAMPLE)).toHex();
  const printed = await runRemote((host) => `
    import { classifyIsolated } from "http://${host}/tests/fixtures/isolated_classifier.ts";
    console.log(JSON.stringify(await classifyIsolated(Uint8Array.fromHex("${hex}"))));`);
  check(JSON.parse(printed));
});
