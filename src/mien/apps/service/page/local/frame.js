// @ts-check
/** Which square of a picture a face's crop shows; as `mien/inference/faces/frame.py`, with its numbers. */

import { arrange, mean, subtract } from "./landmarks.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Point} Point */
/** @typedef {import("./types.js").Landmarks} Landmarks */

/**
 * @typedef {object} Square
 * @property {Point} corner Where the top left corner of the crop lies, in pixels.
 * @property {Point} edge From there to the crop's top right corner; its length is the side, its angle the turn.
 */

/** Where FER2013's pictures have a face; the crop is the unit square. Python's FER2013_FRAME; a test compares them. */
export const FRAME = Object.freeze({
  landmarks: /** @type {Landmarks} */ ([
    [0.319, 0.387],
    [0.681, 0.387],
    [0.5, 0.588],
    [0.347, 0.741],
    [0.653, 0.741],
  ]),
  shift: /** @type {Point} */ ([0, 0.001]),
  side: 1.126,
});

export const MAX_SIZE_RATIO = 4; // of landmarks' square to the box's, either way; others are not believed
export const MAX_DISTANCE = 1; // of their centers, in sides of the box's square

/**
 * Find the part of the picture that the crop of a face shows.
 *
 * The landmarks are laid onto those of the frame by the turn, scale and shift with the least squared distance.
 *
 * @param {Box} box
 * @param {Landmarks | null} landmarks
 * @returns {Square} Turned by the landmarks; without any that can be believed upright, by the box.
 */
export function locate(box, landmarks) {
  const upright = around(box);
  const points = landmarks && arrange(landmarks);
  if (!points) return upright;
  const turned = align(points, upright);
  if (!turned) return upright;
  const uprightSide = side(upright);
  const isTooSmall = side(turned) * MAX_SIZE_RATIO < uprightSide;
  const isElsewhere = Math.hypot(...subtract(center(turned), center(upright))) > MAX_DISTANCE * uprightSide;
  return isTooSmall || isElsewhere ? upright : turned;
}

/** @param {Square} square */
export function side(square) {
  return Math.hypot(...square.edge);
}

/**
 * Return the point of a square that lies at (x, y) of the crop as the unit square.
 *
 * @param {Square} square
 * @param {number} x
 * @param {number} y
 * @returns {Point}
 */
export function place({ corner, edge }, x, y) {
  return [corner[0] + edge[0] * x - edge[1] * y, corner[1] + edge[0] * y + edge[1] * x];
}

/**
 * Return the middle of a square.
 *
 * @param {Square} square
 */
export function center(square) {
  return place(square, 0.5, 0.5);
}

/**
 * @param {Landmarks} points
 * @param {Square} upright
 * @returns {Square | null} null where it would be far larger than the box's.
 */
function align(points, upright) {
  const middle = mean(points);
  const frameMiddle = mean(FRAME.landmarks);
  let across = 0; // the scale as a complex number: its length, and its angle, which is the turn
  let down = 0;
  let spread = 0;
  points.forEach((point, index) => {
    const [x, y] = subtract(point, middle);
    const [u, v] = subtract(/** @type {Point} */ (FRAME.landmarks[index]), frameMiddle);
    across += x * u + y * v;
    down += x * v - y * u;
    spread += x * x + y * y;
  });
  across /= spread;
  down /= spread;
  if (Math.hypot(across, down) * side(upright) * MAX_SIZE_RATIO < 1) return null;
  const length = across * across + down * down;
  /** @type {Point} */
  const edge = [across / length, -down / length];
  const [x, y] = place({ corner: [0, 0], edge }, ...frameMiddle);
  return { corner: subtract(middle, [x, y]), edge };
}

/**
 * @param {Box} box
 * @returns {Square}
 */
function around([x, y, width, height]) {
  const meanSide = (width + height) / 2;
  const edge = meanSide * FRAME.side;
  const middleX = x + width / 2 + meanSide * FRAME.shift[0];
  const middleY = y + height / 2 + meanSide * FRAME.shift[1];
  return { corner: [middleX - edge / 2, middleY - edge / 2], edge: [edge, 0] };
}
