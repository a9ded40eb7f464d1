import { ModelError } from "../../models/errors.ts";
import { directoryUrl } from "../../models/read_url.ts";
import {
  listModels,
  listVersions,
  loadModels,
  loadServedModels,
  loadVersion,
  servingOf,
  SHIPPED_MODELS,
} from "../../models/registry.ts";
import { writeServing } from "../../models/serving.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../testing/assert.ts";
import { tinyManifest, writeTinyModel } from "../../testing/tiny_model.ts";

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "models with # and %20 " });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(run, ModelError)).code;
}

Deno.test("registry: every shipped model has its weights, its card and a sample per class", async () => {
  const models = await loadModels();
  assertEquals(models.map(({ manifest }) => manifest.name), [...SHIPPED_MODELS].sort());
  for (const { manifest } of models) {
    const folder = new URL(`../../models/${manifest.name}/`, import.meta.url);
    assertStringIncludes(await Deno.readTextFile(new URL("card.md", folder)), manifest.version);
    const samples = [...Deno.readDirSync(new URL("samples/", folder))];
    assertEquals(samples.length, manifest.labels.length);
    assert(manifest.evaluation !== undefined);
  }
});

Deno.test("registry: a folder with a manifest is a model; other folders and files are not", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    await Deno.mkdir(`${directory}/notes`);
    await Deno.writeTextFile(`${directory}/readme.md`, "");
    // What a process leaves that is killed while it writes a model.
    await Deno.rename(`${directory}/tiny`, `${directory}/.tiny-1-old`);
    await writeTinyModel(directory);
    const [entry, ...others] = await listModels({ dirs: [directory], shipped: false });
    assertEquals([entry?.name, entry?.shipped, others.length], ["tiny", false, 0]);
    assert(entry !== undefined && "manifest" in entry);
  }));

Deno.test("registry: a directory may itself be a model", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    const [files] = await loadModels({ dirs: [`${directory}/tiny`], shipped: false });
    assertEquals([files?.manifest.name, files?.weights.byteLength], ["tiny", 40]);
  }));

Deno.test("registry: a user's model takes precedence over a shipped one, an earlier directory over a later one", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(`${directory}/a`, "mnist");
    await writeTinyModel(`${directory}/b`, "mnist");
    const dirs = [`${directory}/a`, `${directory}/b`];
    const [entry, ...others] = await listModels({ dirs, names: ["mnist"] });
    assertEquals(others.length, 0);
    assertStringIncludes(decodeURIComponent(entry!.folder.href), "/a/mnist/");
  }));

Deno.test("registry: only the wanted models are loaded, even if others are broken", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    await Deno.mkdir(`${directory}/broken`);
    await Deno.writeTextFile(`${directory}/broken/manifest.json`, "{");
    const models = await loadModels({ dirs: [directory], names: ["tiny"] });
    assertEquals(models.map(({ manifest }) => manifest.name), ["tiny"]);
  }));

Deno.test("registry: an unknown model is reported with those that exist", async () => {
  const error = await assertRejects(() => loadModels({ names: ["mnits", "mnist"] }), ModelError);
  assertEquals(error.code, "not_found");
  assertStringIncludes(
    error.message,
    'no model "mnits" in the shipped models; there are cifar-10, fashion-mnist, mnist',
  );
});

Deno.test("registry: a directory that does not exist is reported", async () => {
  const error = await assertRejects(() => listModels({ dirs: ["/nowhere/models"] }), ModelError);
  assertEquals(error.code, "not_found");
  assertStringIncludes(error.message, "/nowhere/models/ is not a directory");
});

Deno.test("registry: a broken manifest is listed with its error and is not loaded", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    await Deno.writeTextFile(`${directory}/tiny/manifest.json`, "{ no json");
    const [entry] = await listModels({ dirs: [directory], shipped: false });
    assert(entry !== undefined && "error" in entry);
    assertStringIncludes(entry.error.message, "/tiny/manifest.json is not JSON");
    assertEquals(await codeOf(() => loadModels({ dirs: [directory] })), "invalid_manifest");
  }));

Deno.test("registry: a name that differs from the folder's is refused", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    await Deno.rename(`${directory}/tiny`, `${directory}/other`);
    const [entry] = await listModels({ dirs: [directory], shipped: false });
    assert(entry !== undefined && "error" in entry);
    assertStringIncludes(entry.error.message, 'name must be that of its folder, "other"; it is "tiny"');
  }));

Deno.test("registry: weights that differ from the manifest are damaged", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    const load = () => loadModels({ dirs: [directory], shipped: false });
    const file = `${directory}/tiny/weights.bin`;
    const weights = await Deno.readFile(file);
    for (
      const [content, text] of [
        [weights.map((byte, i) => i === 5 ? byte ^ 1 : byte), "has the SHA-256"],
        [weights.subarray(1), "has 39 bytes; its manifest specifies 40"],
        [new Uint8Array(41), "is too large; it may have at most 40 bytes"],
      ] as const
    ) {
      await Deno.writeFile(file, content);
      const error = await assertRejects(load, ModelError, text);
      assertEquals(error.code, "damaged");
    }
    await Deno.remove(file);
    assertEquals(await codeOf(load), "not_found");
  }));

Deno.test("registry: without read permission the missing flag is reported", async () => {
  const program = `import { listModels } from "${new URL("../../models/registry.ts", import.meta.url)}";
    await listModels({ dirs: ["/tmp"] }).catch((error) => console.log(error.code, error.message));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, program);
  const args = ["run", "-q", "--no-prompt", "--no-lock", file];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
  await Deno.remove(file);
  assertStringIncludes(
    new TextDecoder().decode(stdout),
    "denied Cannot read /tmp/: Deno needs --allow-read=/tmp/",
  );
});

Deno.test("registry: a host that does not answer is unavailable", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const { readUrl } = await import("../../models/read_url.ts");
  const error = await assertRejects(() => readUrl(new URL(`http://127.0.0.1:${port}/x`), 10), ModelError);
  assertEquals([error.code, error.retriable], ["unavailable", true]);
});

Deno.test("registry: a directory can be a URL", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory);
    const [entry] = await listModels({
      dirs: [new URL(`file://${encodeURI(directory).replace("#", "%23")}`)],
      shipped: false,
    });
    assert(entry !== undefined && "manifest" in entry);
    assertEquals(entry.manifest.labels, tinyManifest().labels);
  }));

Deno.test("registry: folders of versions are versions of one model, beside its own folder and in several directories", () =>
  withDirectory(async (directory) => {
    const [a, b] = [`${directory}/a`, `${directory}/b`];
    await writeTinyModel(a);
    await writeTinyModel(a, "tiny", "1.10.0");
    await writeTinyModel(a, "tiny", "1.9.0");
    await writeTinyModel(b, "tiny", "2.0.0");
    await writeTinyModel(b, "tiny", "2.0.0-rc.10");
    await writeTinyModel(b, "tiny", "2.0.0-rc.9");
    const search = { dirs: [a, b], shipped: false };
    const { entries } = await listVersions("tiny", search);
    assertEquals(entries.map((entry) => "manifest" in entry && entry.manifest.version), [
      "2.0.0",
      "2.0.0-rc.10",
      "2.0.0-rc.9",
      "1.10.0",
      "1.9.0",
      "1.0.0",
    ]);
    const [served, ...others] = await listModels(search);
    assertEquals([served && "manifest" in served && served.manifest.version, others.length], ["1.0.0", 0]);
    assertEquals((await loadVersion("tiny", "2.0.0", search)).manifest.version, "2.0.0");
    const error = await assertRejects(() => loadVersion("tiny", "3.0.0", search), ModelError);
    assertEquals(
      [error.code, error.message],
      [
        "not_found",
        'There is no version "3.0.0" of tiny; there is 2.0.0, 2.0.0-rc.10, 2.0.0-rc.9, 1.10.0, 1.9.0, 1.0.0',
      ],
    );
  }));

Deno.test("registry: serving.json determines the version that is served; what it cannot mean is reported", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory, "tiny", "1.0.0");
    await writeTinyModel(directory, "tiny", "1.1.0");
    const search = { dirs: [directory], shipped: false };
    const served = async () => (await loadModels(search))[0]?.manifest.version;
    assertEquals(await served(), "1.1.0");
    const folder = directoryUrl(`${directory}/tiny`);
    await writeServing(folder, { format: 1, serve: "1.0.0", canary: { version: "1.1.0", percent: 10 } });
    assertEquals(await served(), "1.0.0");
    assertEquals((await servingOf("tiny", search))?.canary, { version: "1.1.0", percent: 10 });
    await writeServing(folder, { format: 1, serve: "7" });
    assertStringIncludes(
      (await assertRejects(served, ModelError)).message,
      'There is no version "7" of tiny',
    );
    await writeServing(folder, { format: 1, serve: "1.0.0", canary: { version: "1.1.0", percent: 101 } });
    assertStringIncludes((await assertRejects(served, ModelError)).message, "canary.percent");
  }));

Deno.test("registry: a service starts with the version before where serving.json determines a broken one", () =>
  withDirectory(async (directory) => {
    for (const version of ["1.0.0", "1.1.0"]) await writeTinyModel(directory, "tiny", version);
    await Deno.truncate(`${directory}/tiny/1.1.0/weights.bin`, 20);
    const search = { dirs: [directory], shipped: false };
    const folder = directoryUrl(`${directory}/tiny`);
    await writeServing(folder, { format: 1, serve: "1.1.0", previous: "1.0.0" });
    assertEquals((await loadServedModels(search))[0]?.manifest.version, "1.0.0");
    await writeServing(folder, { format: 1, serve: "1.1.0" });
    assertEquals((await assertRejects(() => loadServedModels(search), ModelError)).code, "damaged");
  }));

Deno.test("registry: the folder of a version has its name", () =>
  withDirectory(async (directory) => {
    await writeTinyModel(directory, "tiny", "1.1.0");
    await Deno.rename(`${directory}/tiny/1.1.0`, `${directory}/tiny/1.2.0`);
    const { entries: [entry] } = await listVersions("tiny", { dirs: [directory] });
    assert(entry && "error" in entry);
    assertStringIncludes(
      entry.error.message,
      'version must be that of its folder, "1.2.0"; it is "1.1.0"',
    );
  }));
