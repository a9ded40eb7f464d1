/**
 * Assertions: `jsr:@std/assert` where its registry can be reached, else the same names over `node:assert`, so
 * that the tests run on a machine that has only npm.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

type ErrorClass<E extends Error> = new (...args: never[]) => E;

interface Assertions {
  assert(condition: unknown, message?: string): void;
  assertEquals<T>(actual: T, expected: T, message?: string): void;
  assertMatch(actual: string, expected: RegExp, message?: string): void;
  assertStringIncludes(actual: string, expected: string, message?: string): void;
  assertThrows<E extends Error>(run: () => unknown, errorClass: ErrorClass<E>, includes?: string): E;
  assertRejects<E extends Error>(
    run: () => PromiseLike<unknown>,
    errorClass: ErrorClass<E>,
    includes?: string,
  ): Promise<E>;
}

function expectError<E extends Error>(error: unknown, errorClass: ErrorClass<E>, includes = ""): E {
  if (!(error instanceof errorClass)) {
    throw new nodeAssert.AssertionError({
      message: `Expected ${errorClass.name}, got ${error}`,
      actual: error,
      expected: errorClass,
    });
  }
  fallback.assertStringIncludes(error.message, includes);
  return error;
}

const fallback: Assertions = {
  assert: (condition, message) => nodeAssert.ok(condition, message as string),
  assertEquals: (actual, expected, message) => nodeAssert.deepEqual(actual, expected, message as string),
  assertMatch: (actual, expected, message) => nodeAssert.match(actual, expected, message as string),
  assertStringIncludes(actual, expected, message) {
    nodeAssert.ok(
      actual.includes(expected),
      message ?? `Expected ${JSON.stringify(actual)} to include "${expected}"`,
    );
  },
  assertThrows(run, errorClass, includes) {
    try {
      run();
    } catch (error) {
      return expectError(error, errorClass, includes);
    }
    throw new nodeAssert.AssertionError({ message: `Expected ${errorClass.name} to be thrown` });
  },
  async assertRejects(run, errorClass, includes) {
    try {
      await run();
    } catch (error) {
      return expectError(error, errorClass, includes);
    }
    throw new nodeAssert.AssertionError({ message: `Expected a rejection with ${errorClass.name}` });
  },
};

async function load(): Promise<Assertions> {
  try {
    return await import("jsr:@std/assert@1.0.14") as unknown as Assertions;
  } catch {
    return fallback;
  }
}

const loaded = await load();

export const assert: (condition: unknown, message?: string) => asserts condition = loaded.assert;
export const assertEquals: Assertions["assertEquals"] = loaded.assertEquals;
export const assertMatch: Assertions["assertMatch"] = loaded.assertMatch;
export const assertStringIncludes: Assertions["assertStringIncludes"] = loaded.assertStringIncludes;
export const assertThrows: Assertions["assertThrows"] = loaded.assertThrows;
export const assertRejects: Assertions["assertRejects"] = loaded.assertRejects;
