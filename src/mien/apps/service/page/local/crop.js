// @ts-check
/** The one crop: faces of photos cut, turned and scaled as the training pictures are. */

import { locate } from "./frame.js";
import { cutSquare } from "./sampling.js";

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Landmarks} Landmarks */
/** @typedef {import("./types.js").Numbers} Numbers */

/**
 * Cut one face as `mien.inference.faces.crop.crop_face` does.
 *
 * @param {Pixels} pixels Without transparency.
 * @param {Box} box At least 2 pixels on a side.
 * @param {Landmarks | null} landmarks null: the face is not turned upright.
 * @param {number} sizePx Side of the crop.
 * @returns {Uint8Array} (sizePx, sizePx, 3) RGB.
 */
export function cropFace(pixels, box, landmarks, sizePx) {
  return cutSquare(pixels, locate(box, landmarks), sizePx);
}

/**
 * Return the luma of RGB as Pillow's mode "L" has it.
 *
 * @param {Numbers} rgb A Uint8Array.
 * @returns {Uint8Array} A third as long.
 */
export function toGray(rgb) {
  const gray = new Uint8Array(rgb.length / 3);
  for (let i = 0, at = 0; i < gray.length; i++, at += 3) {
    gray[i] = (rgb[at] * 19595 + rgb[at + 1] * 38470 + rgb[at + 2] * 7471 + 0x8000) >> 16;
  }
  return gray;
}
