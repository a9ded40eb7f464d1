import { createHash } from "node:crypto";
import type { CanarySpec } from "../../models/serving.ts";
import type { Supervisor } from "../workers/supervisor.ts";

/** A canary is judged after this many images. */
const MIN_IMAGES = 200;

/** It is stopped when its share of failures exceeds that of the served version by this much. */
const MAX_EXCESS = 0.05;

/** A version that gets a share of the images. */
export class Canary {
  /** Its Workers. */
  readonly supervisor: Supervisor;
  /** Which version, and its share. */
  readonly spec: CanarySpec;
  readonly #salt: string;

  /**
   * @param spec Which version, and its share.
   * @param supervisor Its Workers.
   */
  constructor(spec: CanarySpec, supervisor: Supervisor) {
    this.spec = spec;
    this.supervisor = supervisor;
    const { name, version } = supervisor.files.manifest;
    this.#salt = `${name}/${version}/`;
  }

  /** Whether it gets the images with this key: always the same ones, in each worker process. */
  takes(key: string): boolean {
    return 100 * position(this.#salt + key) < this.spec.percent;
  }

  /**
   * Why it must get no more images.
   *
   * @param stable The version that is served.
   * @returns `null` when it does well.
   */
  fault(stable: Supervisor): string | null {
    const { state, tally } = this.supervisor;
    if (state === "down") return "it is down";
    const excess = shareOf(tally) - shareOf(stable.tally);
    if (tally.images < MIN_IMAGES || excess <= MAX_EXCESS) return null;
    return `it fails on ${percent(shareOf(tally))} of ${tally.images} images, and ${stable.version} on ` +
      percent(shareOf(stable.tally));
  }
}

/** From 0 to 1, evenly spread. The hash has nothing to do with the one that chooses partitions. */
function position(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;
}

function shareOf({ images, failures }: Supervisor["tally"]): number {
  return images === 0 ? 0 : failures / images;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
