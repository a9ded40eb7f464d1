import { assertEquals } from "../../testing/assert.ts";

const ROOT = new URL("../../", import.meta.url);

/** Commands of buildah that keep their images in a directory. */
class Builder {
  readonly #store: string[];

  constructor(directory: string) {
    this.#store = [
      "--storage-driver",
      "vfs",
      "--root",
      `${directory}/images`,
      "--runroot",
      `${directory}/run`,
    ];
  }

  static get isInstalled(): boolean {
    try {
      return new Deno.Command("buildah", { args: ["--version"], stdout: "null" }).outputSync().success;
    } catch {
      return false;
    }
  }

  /** @returns What it printed. */
  async run(...args: string[]): Promise<string> {
    return await output("buildah", [...this.#store, ...args]);
  }
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  name: "container image: its command classifies as a user without rights",
  ignore: !Builder.isInstalled || Deno.uid() !== 0,
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
      const [, ...task] = tasks.container.command.split(" ");
      await output(Deno.execPath(), [...task, "--out", `${directory}/container`]);
      const buildah = new Builder(directory);
      await buildah.run(
        "bud",
        "--quiet",
        "--isolation",
        "chroot",
        "--tag",
        "imagebus",
        `${directory}/container`,
      );
      const container = await buildah.run("from", "imagebus");
      const { config } = JSON.parse(await buildah.run("inspect", container)).OCIv1;
      assertEquals(config.User, "65532:65532");
      const isolated = ["--isolation", "chroot"];
      const results = await buildah.run(
        "run",
        ...isolated,
        container,
        "--",
        ...config.Entrypoint,
        "demo",
        "--json",
      );
      assertEquals(results.split("\n").length, 30);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});
