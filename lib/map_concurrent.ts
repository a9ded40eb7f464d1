/**
 * Calls a function for each item, a limited number at the same time.
 *
 * @param items Are read as they are needed.
 * @param max Number of calls at the same time.
 * @param call Is called with an item and its index.
 * @returns The results in the order of the items.
 * @throws What a call threw first; no further item is read then.
 *
 * @example
 * ```ts
 * import { mapConcurrent } from "./map_concurrent.ts";
 * const doubled = await mapConcurrent([1, 2, 3], 2, (number) => Promise.resolve(2 * number));
 * console.log(doubled); // [2, 4, 6]
 * ```
 */
export async function mapConcurrent<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  max: number,
  call: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const entries = enumerate(items);
  // All share the generator; what one throws closes it for the others.
  const work = async () => {
    for await (const [index, item] of entries) results[index] = await call(item, index);
  };
  await Promise.all(Array.from({ length: max }, work));
  return results;
}

async function* enumerate<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<[number, T]> {
  let index = 0;
  for await (const item of items) yield [index++, item];
}
