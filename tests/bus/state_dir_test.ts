import { stateDir } from "../../bus/state_dir.ts";
import { assertEquals, assertThrows } from "../../testing/assert.ts";

const NAMES = ["IMAGEBUS_STATE_DIR", "XDG_STATE_HOME", "HOME"] as const;

function withVariables(variables: Partial<Record<typeof NAMES[number], string>>, run: () => void): void {
  const before = NAMES.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of NAMES) set(name, variables[name]);
    run();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) Deno.env.delete(name);
  else Deno.env.set(name, value);
}

Deno.test({
  name: "state directory: IMAGEBUS_STATE_DIR, else XDG_STATE_HOME unless it is empty or relative, else HOME",
  ignore: Deno.build.os !== "linux",
  fn() {
    const HOME = "/home/me";
    withVariables({ IMAGEBUS_STATE_DIR: "here" }, () => assertEquals(stateDir(), "here"));
    withVariables({ XDG_STATE_HOME: "/state", HOME }, () => assertEquals(stateDir(), "/state/imagebus"));
    for (const XDG_STATE_HOME of ["", "relative", undefined]) {
      withVariables({ ...XDG_STATE_HOME !== undefined && { XDG_STATE_HOME }, HOME }, () => {
        assertEquals(stateDir(), "/home/me/.local/state/imagebus");
      });
    }
  },
});

Deno.test("state directory: without HOME it is an error that names the variables, not the working directory", () => {
  for (const HOME of ["", "relative"]) {
    withVariables(
      { HOME },
      () => assertThrows(stateDir, Error, "HOME is not set; set it, or IMAGEBUS_STATE_DIR"),
    );
  }
});
