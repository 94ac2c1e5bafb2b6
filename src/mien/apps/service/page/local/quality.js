// @ts-check
/** How well a face can be seen; as `mien/inference/faces/quality.py` and the limits of `mien/core/results.py`. */

import { LEFT_EYE, NOSE, RIGHT_EYE, arrange, downTheFace, mean, subtract } from "./landmarks.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Landmarks} Landmarks */
/** @typedef {import("./types.js").Numbers} Numbers */
/** @typedef {import("./types.js").Quality} Quality */

/** The calibrated confidence from which a label is more likely right than wrong, and what a face needs for that. */
export const LIMITS = Object.freeze({ certainFrom: 0.5, smallestPx: 12, leastSharpness: 0.05, mostTurnDeg: 30 });

/** How far the nose tip stands out from the plane of eyes and mouth corners, in distances between the eyes. */
export const NOSE_DEPTH = 0.4;

/** Side of the crops whose sharpness can be told. */
export const SHARPNESS_SIZE_PX = 48;

const NOISE = 1 / 12; // variance that rounding to whole gray levels adds
const DEGREES = 180 / Math.PI;

/**
 * Measure how well one face can be seen.
 *
 * @param {Box} box
 * @param {Landmarks | null} landmarks
 * @param {Uint8Array} gray The crop, `SHARPNESS_SIZE_PX` on a side.
 * @returns {Quality}
 */
export function measureQuality(box, landmarks, gray) {
  const pose = landmarks && estimatePose(landmarks);
  return {
    size_px: Math.min(box[2], box[3]),
    sharpness: measureSharpness(gray),
    turn_deg: pose ? pose.turnDeg : null,
    tilt_deg: pose ? pose.tiltDeg : null,
  };
}

/**
 * Tell whether a face's label is more likely right than wrong.
 *
 * @param {number} confidence
 * @param {Quality} quality
 */
export function isCertain(confidence, quality) {
  return confidence >= LIMITS.certainFrom && isSufficient(quality);
}

/**
 * Tell whether a face can be seen well enough for its confidence to mean what it says.
 *
 * @param {Quality} quality
 */
export function isSufficient({ size_px, sharpness, turn_deg }) {
  return (
    size_px >= LIMITS.smallestPx &&
    (sharpness === null || sharpness >= LIMITS.leastSharpness) &&
    (turn_deg === null || Math.abs(turn_deg) <= LIMITS.mostTurnDeg)
  );
}

/**
 * Estimate how a head is turned from its five landmarks.
 *
 * @param {Landmarks} landmarks
 * @returns {{turnDeg: number, tiltDeg: number} | null} null where they are no face.
 */
export function estimatePose(landmarks) {
  const points = arrange(landmarks);
  if (!points) return null;
  const eyes = subtract(points[LEFT_EYE], points[RIGHT_EYE]);
  const down = downTheFace(points);
  const between = Math.hypot(...eyes);
  const length = down[0] ** 2 + down[1] ** 2;
  if (!between || !length) return null;
  const nose = subtract(points[NOSE], mean([points[RIGHT_EYE], points[LEFT_EYE]]));
  const along = (nose[0] * down[0] + nose[1] * down[1]) / length;
  const aside = subtract(nose, [along * down[0], along * down[1]]);
  const out = (aside[0] * eyes[0] + aside[1] * eyes[1]) / between;
  return {
    turnDeg: Math.atan2(out, NOSE_DEPTH * between) * DEGREES,
    tiltDeg: Math.atan2(eyes[1], eyes[0]) * DEGREES,
  };
}

/**
 * Measure the share of a crop's gradient energy that is lost when it is halved: the detail in its finest octave.
 *
 * @param {Numbers} gray A Uint8Array, `SHARPNESS_SIZE_PX` on a side.
 * @returns {number} 0 (nothing finer than two pixels, or flat) to nearly 1.
 */
export function measureSharpness(gray) {
  const half = SHARPNESS_SIZE_PX / 2;
  const coarse = Float64Array.from({ length: half * half }, (_, index) => {
    const at = Math.floor(index / half) * 2 * SHARPNESS_SIZE_PX + (index % half) * 2;
    return (gray[at] + gray[at + 1] + gray[at + SHARPNESS_SIZE_PX] + gray[at + SHARPNESS_SIZE_PX + 1]) / 4;
  });
  const total = 4 * gradientEnergy(gray, SHARPNESS_SIZE_PX);
  const lost = total - gradientEnergy(coarse, half) - 15 * NOISE;
  return total ? Math.max(0, lost / total) : 0;
}

/**
 * Return the mean of the squared differences to the right, plus that downward.
 *
 * @param {Numbers} values
 * @param {number} sizePx
 */
function gradientEnergy(values, sizePx) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) {
    if ((i + 1) % sizePx) sum += (values[i + 1] - values[i]) ** 2;
    if (i + sizePx < values.length) sum += (values[i + sizePx] - values[i]) ** 2;
  }
  return sum / (sizePx * (sizePx - 1));
}
