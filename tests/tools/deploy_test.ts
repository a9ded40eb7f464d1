import { assert, assertEquals } from "../../testing/assert.ts";
import { pythonEnvironment } from "../../testing/python_environment.ts";

const DEPLOY = new URL("../../deploy/", import.meta.url);

async function run(program: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

Deno.test("deploy/kubernetes: the Deployment has only fields that Kubernetes knows", async () => {
  const environment = await pythonEnvironment(["kubernetes-validate==1.37.0"]);
  if ("missing" in environment) return console.error(`skipped: ${environment.missing}`);
  const validate = (file: string) => run(environment.python, "-m", "kubernetes_validate", "--strict", file);
  const deployment = new URL("kubernetes/mnist.yaml", DEPLOY).pathname;
  const { code, text } = await validate(deployment);
  assertEquals(code, 0, text);
  // The validator is seen to refuse.
  const directory = await Deno.makeTempDir();
  try {
    const misspelt = `${directory}/misspelt.yaml`;
    const yaml = await Deno.readTextFile(deployment);
    await Deno.writeTextFile(misspelt, yaml.replace("readOnlyRootFilesystem", "readOnlyRoot"));
    assert((await validate(misspelt)).code !== 0);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("deploy/kubernetes: values that KEDA reads are text", async () => {
  const yaml = await Deno.readTextFile(new URL("kubernetes/mnist-scaling.yaml", DEPLOY));
  const metadata = yaml.slice(yaml.indexOf("      metadata:"));
  const values = [...metadata.matchAll(/^ {8}\w+: (.*)$/gm)].map(([, value]) => value!);
  assert(values.length >= 6);
  for (const value of values) assert(!/^(\d+|true|false)$/.test(value), `${value} needs quotes`);
});

Deno.test({
  name: "deploy/systemd: the unit is valid",
  ignore: !isInstalled("systemd-analyze"),
  async fn() {
    const directory = await Deno.makeTempDir();
    try {
      // The command of the unit is not installed here.
      const unit = await Deno.readTextFile(new URL("systemd/imagebus.service", DEPLOY));
      const path = `${directory}/imagebus.service`;
      await Deno.writeTextFile(path, unit.replace("/usr/local/bin/imagebus", "/bin/true"));
      const { code, text } = await run("systemd-analyze", "verify", path);
      assertEquals({ code, text: text.match(/^.*imagebus\.service.*$/gm) }, { code: 0, text: null });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("deploy/systemd: SIGTERM goes to the main process alone: a second one would end the drain", async () => {
  const unit = await Deno.readTextFile(new URL("systemd/imagebus.service", DEPLOY));
  assertEquals(unit.match(/^KillMode=.*$/m)?.[0], "KillMode=mixed");
});

Deno.test("deploy/compose: Kafka writes its log into the volume", async () => {
  const yaml = await Deno.readTextFile(new URL("compose/compose.yaml", DEPLOY));
  const volume = /volumes: \[kafka:(\S+)\]/.exec(yaml)?.[1];
  assertEquals(/KAFKA_LOG_DIRS: (\S+)/.exec(yaml)?.[1] ?? "/tmp, by default", volume);
});
