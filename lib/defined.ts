/** The type of {@linkcode defined}. */
export type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/**
 * Leaves out what is undefined: an optional property may be missing, not undefined (`exactOptionalPropertyTypes`).
 *
 * @param given Any object.
 * @returns Its other properties.
 */
export function defined<T extends object>(given: T): Defined<T> {
  const kept: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    const value = given[name as keyof T];
    if (value !== undefined) kept[name] = value;
  }
  return kept as Defined<T>;
}
