// @ts-check
/** Pixels of what a browser decoded: upright, on white where they shine through, colors as they are in the file. */

import { LocalError } from "./errors.js";

/** @typedef {import("./types.js").Pixels} Pixels */

/** As the service: larger pictures take more memory than a page has. */
export const MAX_PIXELS = 50_000_000;

/**
 * Decode a picture's file as the Python side does: EXIF orientation is applied, color profiles are ignored.
 *
 * @param {Blob} file
 * @returns {Promise<ImageBitmap>}
 */
export async function decodePicture(file) {
  try {
    return await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch (error) {
    throw new LocalError("bad_input", "this is no picture that the browser can read, or it is damaged.", error);
  }
}

/**
 * Return the pixels of a bitmap, and free it.
 *
 * @param {ImageBitmap} bitmap
 * @returns {Pixels}
 */
export function takePixels(bitmap) {
  const { width, height } = bitmap;
  try {
    checkSize(width, height);
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
    if (!context) throw new LocalError("failed", "the browser gives no canvas. Close other pages, or use the server.");
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return context.getImageData(0, 0, width, height);
  } finally {
    bitmap.close();
  }
}

/**
 * Return pixels laid on white; opaque ones as they are.
 *
 * @param {Pixels} pixels
 * @returns {Pixels}
 */
export function layOnWhite(pixels) {
  const { width, height } = pixels;
  const data = /** @type {import("./types.js").Numbers} */ (pixels.data);
  checkSize(width, height);
  if (data.length !== width * height * 4) {
    throw new LocalError("bad_input", `${width} x ${height} pixels of RGBA take 4 bytes each, got ${data.length}.`);
  }
  let isOpaque = true;
  for (let i = 3; i < data.length && isOpaque; i += 4) isOpaque = data[i] === 255;
  if (isOpaque) return pixels;
  const laid = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i++) {
    const alpha = data[i | 3];
    laid[i] = i % 4 === 3 ? 255 : (data[i] * alpha + 255 * (255 - alpha)) / 255;
  }
  return { width, height, data: laid };
}

/**
 * @param {number} width
 * @param {number} height
 */
function checkSize(width, height) {
  if (width < 1 || height < 1) throw new LocalError("bad_input", `the picture has no pixels (${width} x ${height}).`);
  if (width * height > MAX_PIXELS) {
    const limit = `at most ${MAX_PIXELS / 1e6} million are read`;
    throw new LocalError("bad_input", `the picture has ${width} x ${height} pixels; ${limit}. Save it smaller.`);
  }
}
