import type { AbortedTransaction, FetchedRecord } from "./requests.ts";

/** The second number of an end marker's key: https://kafka.apache.org/documentation/#controlbatch. */
const ABORT = 0;

/**
 * What a reader may see of fetched records: neither what was sent in transactions that were aborted, nor the markers that
 * end transactions.
 *
 * kafkajs's own filter begins at most one transaction a record, in the order of the answer, which is that of their ends: where
 * transactions of several producers overlap it lets records through. It also takes any key of four zero bytes for a marker.
 *
 * @param records In ascending order of their offsets, from the beginning of a batch.
 * @param aborted The aborted transactions among them, in any order.
 */
export function committedRecords(
  records: readonly FetchedRecord[],
  aborted: readonly AbortedTransaction[],
): FetchedRecord[] {
  const coming = aborted.toSorted((a, b) => Number(a.firstOffset) - Number(b.firstOffset));
  const current = new Set<string>();
  return records.filter((record) => {
    const { inTransaction, producerId } = record.batchContext;
    while (coming.length > 0 && Number(coming[0]!.firstOffset) <= Number(record.offset)) {
      current.add(coming.shift()!.producerId);
    }
    if (!record.isControlRecord) return !(inTransaction && current.has(producerId));
    if (record.key?.readInt16BE(2) === ABORT) current.delete(producerId);
    return false;
  });
}
