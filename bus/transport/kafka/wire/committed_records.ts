import type { AbortedTransaction, FetchedRecord } from "./requests.ts";

/** Type in the key of a control record: https://kafka.apache.org/documentation/#controlbatch. */
const ABORT = 0;

/**
 * Removes records of aborted transactions, and the markers that end transactions.
 *
 * The filter of kafkajs starts at most one transaction per record, in the order of the response, which is
 * that of their ends: if transactions of several producers overlap, it lets aborted records pass. It also
 * takes any key of four zero bytes for a marker.
 *
 * @param records In ascending order of their offsets, from the start of a batch.
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
