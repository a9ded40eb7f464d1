import { argmax, rowsOf } from "../models/logits.ts";
import type { Manifest } from "../models/manifest.ts";
import type { Evaluation } from "./evaluation/evaluate.ts";
import { count, percent as percentOf } from "./report/format.ts";

/** The accuracies of both precisions. */
export interface PrecisionMeasures {
  readonly float32: Evaluation;
  readonly int8: Evaluation;
}

/** Title of the section of a card. */
export const PRECISION_SECTION = "Precision";

/**
 * Describes a version in int8.
 *
 * @param former The version in float32.
 * @param manifest Of the version in int8.
 * @param measures Of both, if there were test images.
 * @returns Markdown.
 */
export function precisionSection(
  former: Manifest,
  { calibration }: Manifest,
  measures?: PrecisionMeasures,
): string {
  const { data, images, ranges } = calibration!;
  const about =
    `Computed in int8 (bytes), with the weights of version ${former.version}, which is computed in float32. Of ${ranges.length} layers, ${
      ranges.filter((range) => range > 0).length
    } give bytes, which the next convolution or dense layer multiplies; all else is float32. The ranges of the bytes were measured on ${
      count(images)
    } images of ${data}. What the rest of this card reports was measured in float32.`;
  return `${about}\n\n${measures === undefined ? "The accuracy was not measured." : measuresText(measures)}`;
}

function measuresText({ float32, int8 }: PrecisionMeasures): string {
  const same = sameLabels(float32, int8);
  const accuracy = ({ correct, accuracy }: Evaluation) => `${count(correct)} (${percent(accuracy)})`;
  return [
    `| ${float32.data}, ${count(float32.images)} images | float32 | int8 |`,
    "|---|---|---|",
    `| correct | ${accuracy(float32)} | ${accuracy(int8)} |`,
    `| time per image, PNG to label, one thread | ${time(float32)} | ${time(int8)} |`,
    "",
    `Both give the same label for ${count(same)} of ${count(float32.images)} images (${
      percent(same / float32.images)
    }).`,
  ].join("\n");
}

/**
 * Counts the images for which two measurements on the same images give the same label.
 *
 * @param one Of a model.
 * @param other Of another, with the same classes.
 */
export function sameLabels(one: Evaluation, other: Evaluation): number {
  const others = rowsOf(other.logits, other.images);
  return rowsOf(one.logits, one.images).filter((row, i) => argmax(row) === argmax(others[i]!)).length;
}

/**
 * Time per image, decoding included, on one thread.
 *
 * @param evaluation What was measured.
 * @returns Milliseconds.
 */
export function msPerImage({ seconds, images }: Evaluation): number {
  return 1_000 * seconds / images;
}

function time(evaluation: Evaluation): string {
  return `${msPerImage(evaluation).toFixed(2)} ms`;
}

function percent(share: number): string {
  return percentOf(share, 2).replaceAll("\u00a0", " ");
}
