/**
 * Assertions over `node:assert`: actual before expected, and errors by class and message.
 *
 * @module
 */
import nodeAssert, { AssertionError } from "node:assert/strict";

type ErrorClass<E extends Error> = new (...args: never[]) => E;

export function assert(condition: unknown, message?: string): asserts condition {
  nodeAssert.ok(condition, message!);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepEqual(actual, expected, message!);
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message!);
}

export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(actual.includes(expected), message ?? `Expected ${JSON.stringify(actual)} to include "${expected}"`);
}

/** @returns What was thrown. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  errorClass: ErrorClass<E>,
  includes = "",
): E {
  try {
    run();
  } catch (error) {
    return expectError(error, errorClass, includes);
  }
  throw new AssertionError({ message: `Expected ${errorClass.name} to be thrown` });
}

/** @returns What it rejected with. */
export async function assertRejects<E extends Error>(
  run: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  includes = "",
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return expectError(error, errorClass, includes);
  }
  throw new AssertionError({ message: `Expected a rejection with ${errorClass.name}` });
}

function expectError<E extends Error>(error: unknown, errorClass: ErrorClass<E>, includes: string): E {
  if (!(error instanceof errorClass)) {
    const message = `Expected ${errorClass.name}, got ${error}`;
    throw new AssertionError({ message, actual: error, expected: errorClass });
  }
  assertStringIncludes(error.message, includes);
  return error;
}
