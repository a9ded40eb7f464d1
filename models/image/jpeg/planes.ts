import type { Component, Frame } from "./segments.ts";

/** Samples a side of a block without reduction. */
export const BLOCK = 8;

/** The samples of one component. */
export interface Plane {
  readonly component: Component;
  /** Samples a side of a decoded block: 1, 2, 4 or 8. */
  readonly size: number;
  /** Blocks that hold the image. */
  readonly blocksWide: number;
  readonly blocksHigh: number;
  /** Blocks with those that fill up the last unit of an interleaved scan. */
  readonly paddedWide: number;
  readonly paddedHigh: number;
  /** Samples that belong to the image. */
  readonly width: number;
  readonly height: number;
  /** How many times fewer samples than the image it has. */
  readonly stepX: number;
  readonly stepY: number;
}

/** How a frame is decoded. */
export interface Layout {
  /** In pixels, of the result. */
  readonly width: number;
  readonly height: number;
  /** Units (MCUs) of an interleaved scan. */
  readonly unitsWide: number;
  readonly unitsHigh: number;
  readonly planes: readonly Plane[];
}

/**
 * Lays out the planes of a frame. Components with fewer samples are transformed at a larger size before they are stretched,
 * as libjpeg does (jdmaster.c).
 *
 * @param frame Its header, with its height.
 * @param size Samples a side that a full block becomes: 8, 4, 2 or 1.
 * @returns The layout.
 */
export function layOut(frame: Frame, size: number): Layout {
  const { maxH, maxV } = frame;
  const unitsWide = Math.ceil(frame.width / (BLOCK * maxH));
  const unitsHigh = Math.ceil(frame.height / (BLOCK * maxV));
  const planes = frame.components.map((component) => {
    const { h, v } = component;
    let own = size;
    while (own < BLOCK && (maxH * size) % (h * own * 2) === 0 && (maxV * size) % (v * own * 2) === 0) {
      own *= 2;
    }
    return {
      component,
      size: own,
      blocksWide: Math.ceil(frame.width * h / (maxH * BLOCK)),
      blocksHigh: Math.ceil(frame.height * v / (maxV * BLOCK)),
      paddedWide: unitsWide * h,
      paddedHigh: unitsHigh * v,
      width: Math.ceil(frame.width * h * own / (maxH * BLOCK)),
      height: Math.ceil(frame.height * v * own / (maxV * BLOCK)),
      stepX: maxH * size / (h * own),
      stepY: maxV * size / (v * own),
    };
  });
  const [width, height] = [Math.ceil(frame.width * size / BLOCK), Math.ceil(frame.height * size / BLOCK)];
  return { width, height, unitsWide, unitsHigh, planes };
}

/**
 * Chooses how far an image is reduced.
 *
 * @param frame Its header.
 * @param maxPixels More are not wanted.
 * @returns Samples a side that a full block becomes: 8, 4, 2 or 1.
 */
export function chooseSize({ width, height }: Frame, maxPixels: number): number {
  let size = BLOCK;
  while (size > 1 && Math.ceil(width * size / BLOCK) * Math.ceil(height * size / BLOCK) > maxPixels) {
    size /= 2;
  }
  return size;
}

/**
 * @param layout Of the frame.
 * @param keepsCoefficients Whether all coefficients are kept until all scans are read.
 * @returns How much memory decoding takes, in bytes.
 */
export function layoutBytes({ planes, width, height }: Layout, keepsCoefficients: boolean): number {
  const perBlock = (size: number) => size * size + (keepsCoefficients ? 2 * BLOCK * BLOCK : 0);
  const planeBytes = planes.map((p) => p.paddedWide * p.paddedHigh * perBlock(p.size));
  return planeBytes.reduce((a, b) => a + b) + width * height * planes.length;
}
