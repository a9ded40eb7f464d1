import { ModelError } from "../../models/errors.ts";
import { readUrl, showUrl } from "../../models/read_url.ts";

/** Binary version (www.cs.toronto.edu/~kriz/cifar.html): a label, then 32 × 32 reds, greens and blues. */
const PLANE = 32 * 32;
const RECORD = 1 + 3 * PLANE;

/** Content of one file of CIFAR-10. */
export interface CifarBatch {
  /** `records × 32 × 32 × 3` samples. */
  readonly pixels: Uint8Array;
  /** One per record. */
  readonly labels: Uint8Array;
}

/**
 * Reads a file of the binary version of CIFAR-10.
 *
 * @param url The file.
 * @param records Number of images that it must contain.
 * @returns Its images; the labels are not checked.
 * @throws {ModelError} `not_found`, `denied`, or `damaged`: of another size.
 */
export async function readCifarBatch(url: URL, records: number): Promise<CifarBatch> {
  const bytes = await readUrl(url, records * RECORD);
  if (bytes.byteLength !== records * RECORD) {
    throw new ModelError(
      "damaged",
      `${showUrl(url)} has ${bytes.byteLength} bytes; it must have ${records * RECORD}: ` +
        `${records} records of ${RECORD}`,
    );
  }
  const pixels = new Uint8Array(records * 3 * PLANE);
  const labels = new Uint8Array(records);
  for (let i = 0; i < records; i++) {
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
