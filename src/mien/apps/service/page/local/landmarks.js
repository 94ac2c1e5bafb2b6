// @ts-check
/** Five landmarks in their order, if they can be a face; as `mien/inference/faces/landmarks.py`. */

/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Landmarks} Landmarks */

export const RIGHT_EYE = 0;
export const LEFT_EYE = 1;
export const NOSE = 2;
export const RIGHT_MOUTH = 3;
export const LEFT_MOUTH = 4;

export const MIN_SPREAD_PX = 0.5; // landmarks that lie closer together say nothing of a face

/**
 * Return the landmarks, right and left put right where a detector names the sides as the picture has them.
 *
 * @param {Landmarks} landmarks
 * @returns {Landmarks | null} null if a coordinate is not finite, or all points are nearly one.
 */
export function arrange(landmarks) {
  if (landmarks.length !== 5 || !landmarks.flat().every(Number.isFinite)) return null;
  const [x, y] = mean(landmarks);
  const spread = landmarks.reduce((sum, [px, py]) => sum + (px - x) ** 2 + (py - y) ** 2, 0) / 5;
  if (Math.sqrt(spread) < MIN_SPREAD_PX) return null;
  const eyes = subtract(landmarks[LEFT_EYE], landmarks[RIGHT_EYE]);
  const down = downTheFace(landmarks);
  const isMirrored = eyes[0] * down[1] - eyes[1] * down[0] < 0;
  const [right, left, nose, rightMouth, leftMouth] = landmarks;
  return isMirrored ? [left, right, nose, leftMouth, rightMouth] : landmarks;
}

/**
 * Return the way from the middle of the eyes to the middle of the mouth.
 *
 * @param {Landmarks} points
 * @returns {Point}
 */
export function downTheFace(points) {
  return subtract(
    mean([points[RIGHT_MOUTH], points[LEFT_MOUTH]]),
    mean([points[RIGHT_EYE], points[LEFT_EYE]]),
  );
}

/**
 * @param {Point[]} points
 * @returns {Point}
 */
export function mean(points) {
  const [x, y] = points.reduce(([sumX, sumY], [px, py]) => [sumX + px, sumY + py], [0, 0]);
  return [x / points.length, y / points.length];
}

/**
 * @param {Point} point
 * @param {Point} other
 * @returns {Point}
 */
export function subtract(point, other) {
  return [point[0] - other[0], point[1] - other[1]];
}
