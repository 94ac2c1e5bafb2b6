// @ts-check
/** Averages over rectangles of pixels, rounded to the bit as Pillow's `Image.reduce` rounds them. */

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Rgb} Rgb */
/** @typedef {import("./types.js").Numbers} Numbers */

/**
 * Write the average color of a rectangle.
 *
 * @param {Pixels} pixels
 * @param {number} left
 * @param {number} top
 * @param {number} right The first column beyond it; above `left`.
 * @param {number} bottom The first row beyond it; above `top`.
 * @param {Uint8Array} out Gets red, green and blue.
 * @param {number} at Where in `out`.
 */
export function averageArea(pixels, left, top, right, bottom, out, at) {
  const { width } = pixels;
  const data = /** @type {Numbers} */ (pixels.data);
  const area = (right - left) * (bottom - top);
  let red = 0;
  let green = 0;
  let blue = 0;
  for (let y = top; y < bottom; y++) {
    const end = (y * width + right) * 4;
    for (let i = (y * width + left) * 4; i < end; i += 4) {
      red += data[i];
      green += data[i + 1];
      blue += data[i + 2];
    }
  }
  // Pillow divides by a multiplication with a reciprocal of 24 bits; a true division differs in rare ties.
  const half = area >> 1;
  const reciprocal = Math.floor(2 ** 24 / area);
  out[at] = Math.floor(((red + half) * reciprocal) / 2 ** 24);
  out[at + 1] = Math.floor(((green + half) * reciprocal) / 2 ** 24);
  out[at + 2] = Math.floor(((blue + half) * reciprocal) / 2 ** 24);
}

/**
 * Shrink a picture by whole factors; cells cut short by the border average the pixels they have.
 *
 * @param {Pixels} pixels
 * @param {number} across Whole, from 1 on.
 * @param {number} down Likewise.
 * @returns {Rgb} Its sides are rounded up.
 */
export function reduce(pixels, across, down) {
  const width = Math.ceil(pixels.width / across);
  const height = Math.ceil(pixels.height / down);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    const bottom = Math.min((y + 1) * down, pixels.height);
    for (let x = 0; x < width; x++, at += 3) {
      averageArea(pixels, x * across, y * down, Math.min((x + 1) * across, pixels.width), bottom, data, at);
    }
  }
  return { width, height, data };
}

/**
 * Drop the transparency.
 *
 * @param {Pixels} pixels
 * @returns {Rgb}
 */
export function toRgb(pixels) {
  const { width, height } = pixels;
  const data = /** @type {Numbers} */ (pixels.data);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, at = 0; at < rgb.length; i += 4, at += 3) {
    rgb[at] = data[i];
    rgb[at + 1] = data[i + 1];
    rgb[at + 2] = data[i + 2];
  }
  return { width, height, data: rgb };
}
