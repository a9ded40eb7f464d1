import { ModelError } from "../errors.ts";
import { readUrl, showUrl } from "../read_url.ts";

/** Of the binary version (www.cs.toronto.edu/~kriz/cifar.html): a label, then 32 × 32 reds, greens and blues. */
const PLANE = 32 * 32;
const RECORD = 1 + 3 * PLANE;
const RECORDS = 10_000;

/** What one file of CIFAR-10 holds. */
export interface CifarBatch {
  /** `10,000 × 32 × 32 × 3` samples, the three of a pixel together. */
  readonly pixels: Uint8Array;
  /** 10,000 labels. */
  readonly labels: Uint8Array;
}

/**
 * Reads a file of the binary version of CIFAR-10.
 *
 * @param url The file.
 * @returns Its 10,000 images; the labels are not checked.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: of another size.
 */
export async function readCifarBatch(url: URL): Promise<CifarBatch> {
  const bytes = await readUrl(url, RECORDS * RECORD);
  if (bytes.byteLength !== RECORDS * RECORD) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has ${bytes.byteLength} bytes; it must have ${RECORDS * RECORD}: ` +
        `${RECORDS} records of ${RECORD}`,
    );
  }
  const pixels = new Uint8Array(RECORDS * 3 * PLANE);
  const labels = new Uint8Array(RECORDS);
  for (let i = 0; i < RECORDS; i++) {
    const record = bytes.subarray(i * RECORD, (i + 1) * RECORD);
    labels[i] = record[0]!;
    interleave(record.subarray(1), pixels.subarray(i * 3 * PLANE, (i + 1) * 3 * PLANE));
  }
  return { pixels, labels };
}

function interleave(planes: Uint8Array, pixels: Uint8Array): void {
  for (let i = 0; i < PLANE; i++) {
    pixels[3 * i] = planes[i]!;
    pixels[3 * i + 1] = planes[PLANE + i]!;
    pixels[3 * i + 2] = planes[2 * PLANE + i]!;
  }
}
