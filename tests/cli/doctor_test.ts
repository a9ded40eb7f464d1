import { temporaryDirectory } from "../../lib/temporary_directory.ts";
import { postgresSink } from "../../actors/sinks/postgres.ts";
import { createSchema, NO_POSTGRES, serverOfTests } from "../../testing/brokers/test_postgres.ts";
import { assert, assertEquals, assertMatch } from "../../testing/assert.ts";
import { imagebus, objectsIn } from "../fixtures/imagebus.ts";

Deno.test("doctor: nothing is wrong on a new machine, and no file is created", async () => {
  await using directory = await temporaryDirectory("doctor");
  const { code, out, err } = await imagebus(["doctor"], {
    IMAGEBUS_STATE_DIR: `${directory.path}/state`,
    IMAGEBUS_URL: "",
  });
  assertEquals([code, err], [0, ""], out);
  for (const check of ["deno", "permissions", "variables", "models", "bus", "results", "workers"]) {
    assertMatch(out, new RegExp(`^(ok|note) +${check}( |$)`, "m"));
  }
  for (const line of out.split("\n")) assert(line.length <= 80, line);
  assertEquals([...Deno.readDirSync(directory.path)], []);
});

Deno.test("doctor: names what is wrong with variables, models, the bus and the results, and exits with 1", async () => {
  await using directory = await temporaryDirectory("doctor");
  const models = `${directory.path}/models`;
  await Deno.mkdir(`${models}/broken`, { recursive: true });
  await Deno.writeTextFile(`${models}/broken/manifest.json`, "{}");
  await Deno.writeTextFile(`${directory.path}/results.db`, "no database");
  const { code, out } = await imagebus(["doctor", "--json", "--models-dirs", models], {
    IMAGEBUS_STATE_DIR: directory.path,
    IMAGEBUS_URL: "sqlite:/nowhere/bus.db",
    IMAGEBUS_MODLE: "mnist",
  });
  assertEquals(code, 1);
  const wrong = objectsIn(out).filter(({ state }) => state === "wrong");
  assertEquals(wrong.map(({ check }) => check), ["variables", "models", "bus", "results"]);
  const [variable, model, bus, results] = wrong.map(({ text }) => String(text)) as [
    ...[string, string, string, string],
  ];
  assertEquals(variable, 'IMAGEBUS_MODLE is the variable of no option: did you mean "IMAGEBUS_MODEL"?');
  assertMatch(model, /broken/);
  assertMatch(results, /results\.db is no database of results: /);
  assertMatch(bus, /^There is no bus sqlite:\/nowhere\/bus\.db/);
});

Deno.test({
  name: "doctor: asks PostgreSQL whether the results can be read",
  ignore: NO_POSTGRES !== undefined,
  async fn() {
    await using directory = await temporaryDirectory("doctor");
    const place = await createSchema((await serverOfTests())!);
    const look = async (results: string) => {
      const { out } = await imagebus(["doctor", "--json", "--results", results], {
        IMAGEBUS_STATE_DIR: directory.path,
        IMAGEBUS_URL: "",
      });
      return objectsIn(out).find(({ check }) => check === "results")!;
    };
    const fresh = await look(place);
    assertEquals(fresh["state"], "note");
    assertMatch(String(fresh["text"]), /^postgres.* has no results; imagebus worker creates their tables$/);
    await (await postgresSink(place)).close();
    assertEquals((await look(place))["state"], "ok");
    const absent = await look("postgres://me:hush@127.0.0.1:1/images");
    assertEquals(absent["state"], "wrong");
    assertMatch(String(absent["text"]), /^(?!.*hush).*127\.0\.0\.1:1/);
  },
});
