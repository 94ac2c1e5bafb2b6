// @ts-check
/**
 * Pictures scaled as Pillow scales them: `resize(size, BILINEAR, reducing_gap=2.0)`, bit for bit.
 *
 * The detector was trained and measured on such pictures. A canvas scales in its own way, which differs between
 * browsers, and its shrinking aliases.
 *
 * Source: Pillow's `Resample.c` by A. Clark and others, the arithmetic only.
 */

import { reduce, toRgb } from "./areas.js";

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Rgb} Rgb */
/** @typedef {import("./types.js").Numbers} Numbers */

const REDUCING_GAP = 2;
const BITS = 22; // of a weight's fraction: 32, less 8 for a color and 2 to spare
const ONE = 2 ** BITS;

/**
 * Scale a large picture down, so that its longer side is `maxSidePx`; smaller ones stay as they are.
 *
 * @param {Pixels} pixels
 * @param {number} maxSidePx
 * @returns {Rgb}
 */
export function scaleDown(pixels, maxSidePx) {
  const { width, height } = pixels;
  const longer = Math.max(width, height);
  if (longer <= maxSidePx) return toRgb(pixels);
  const factor = maxSidePx / longer;
  return resize(pixels, Math.max(1, roundToEven(width * factor)), Math.max(1, roundToEven(height * factor)));
}

/**
 * Scale a picture; areas are averaged where it shrinks.
 *
 * @param {Pixels} pixels
 * @param {number} width Wanted.
 * @param {number} height Wanted.
 * @returns {Rgb}
 */
export function resize(pixels, width, height) {
  const across = Math.max(1, Math.floor(pixels.width / width / REDUCING_GAP));
  const down = Math.max(1, Math.floor(pixels.height / height / REDUCING_GAP));
  const small = across > 1 || down > 1 ? reduce(pixels, across, down) : toRgb(pixels);
  // What is left of the picture in cells, whose last ones may be cut short.
  const spanX = pixels.width / across;
  const spanY = pixels.height / down;
  const lost = small.height - height;
  // Colors are rounded in between, so the order shows; Pillow saves work where many rows are lost.
  if (lost > 0 && lost > 2 * (small.width - width)) return scaleColumns(scaleRows(small, spanY, height), spanX, width);
  return scaleRows(scaleColumns(small, spanX, width), spanY, height);
}

/**
 * Round as Python does: halves go to the even number.
 *
 * @param {number} value
 */
export function roundToEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 ? floor + 1 : floor;
}

/**
 * @param {Rgb} picture
 * @param {number} span How many of its columns are meant; the last may be a part of one.
 * @param {number} width Wanted.
 * @returns {Rgb}
 */
function scaleColumns(picture, span, width) {
  if (width === picture.width && span === width) return picture;
  const old = /** @type {Numbers} */ (picture.data);
  const { firsts, counts, weights, most } = weigh(picture.width, span, width);
  const { height } = picture;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      let red = ONE / 2;
      let green = ONE / 2;
      let blue = ONE / 2;
      let from = (y * picture.width + firsts[x]) * 3;
      for (let k = x * most; k < x * most + counts[x]; k++, from += 3) {
        red += old[from] * weights[k];
        green += old[from + 1] * weights[k];
        blue += old[from + 2] * weights[k];
      }
      data[at] = red >> BITS;
      data[at + 1] = green >> BITS;
      data[at + 2] = blue >> BITS;
    }
  }
  return { width, height, data };
}

/**
 * @param {Rgb} picture
 * @param {number} span How many of its rows are meant; the last may be a part of one.
 * @param {number} height Wanted.
 * @returns {Rgb}
 */
function scaleRows(picture, span, height) {
  if (height === picture.height && span === height) return picture;
  const old = /** @type {Numbers} */ (picture.data);
  const { firsts, counts, weights, most } = weigh(picture.height, span, height);
  const { width } = picture;
  const row = width * 3;
  const data = new Uint8Array(row * height);
  const sums = /** @type {Numbers} */ (new Int32Array(row));
  for (let y = 0; y < height; y++) {
    sums.fill(ONE / 2);
    for (let n = 0; n < counts[y]; n++) {
      const weight = weights[y * most + n];
      const from = (firsts[y] + n) * row;
      for (let i = 0; i < row; i++) sums[i] += old[from + i] * weight;
    }
    for (let i = 0; i < row; i++) data[y * row + i] = sums[i] >> BITS;
  }
  return { width, height, data };
}

/**
 * Compute which old pixels each new one is made of, by a triangle as wide as two new pixels.
 *
 * @param {number} before Pixels there are.
 * @param {number} span How many of them are meant.
 * @param {number} after Pixels wanted.
 * @returns {{firsts: Numbers, counts: Numbers, weights: Numbers, most: number}} By new pixel the first old one and how
 *     many there are; the weights of each begin at `most` times its index.
 */
function weigh(before, span, after) {
  const scale = Math.fround(span) / after;
  const reach = Math.max(scale, 1);
  const most = Math.ceil(reach) * 2 + 1;
  const firsts = new Int32Array(after);
  const counts = new Int32Array(after);
  const weights = new Int32Array(after * most);
  for (let x = 0; x < after; x++) {
    const center = (x + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const count = Math.min(before, Math.trunc(center + reach + 0.5)) - first;
    const shares = Array.from({ length: count }, (_, n) => {
      return Math.max(0, 1 - Math.abs((n + first - center + 0.5) * (1 / reach)));
    });
    const sum = shares.reduce((total, share) => total + share, 0);
    firsts[x] = first;
    counts[x] = count;
    shares.forEach((share, n) => (weights[x * most + n] = Math.trunc(0.5 + (share / sum) * ONE)));
  }
  return { firsts, counts, weights, most };
}
