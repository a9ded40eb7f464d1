/** The type of {@linkcode defined}. */
export type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/**
 * Leaves out what is undefined: an optional property may be missing, not undefined (`exactOptionalPropertyTypes`).
 *
 * @param given Any object.
 * @returns Its other properties.
 */
export function defined<T extends object>(given: T): Defined<T> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<T>;
}
