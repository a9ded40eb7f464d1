/**
 * The file of a class's sample image, in the folder of a model.
 *
 * @param index Of the class.
 * @param label Of the class.
 * @returns `samples/<index>-<label>.png`, in lower case, with "-" for anything but letters and digits.
 */
export function sampleFile(index: number, label: string): string {
  return `samples/${index}-${label.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")}.png`;
}
