// @ts-check
/** From a picture to the faces in it; as `mien/inference/faces/detector.py`. */

import { openSession } from "./engine.js";
import { readFacesCard } from "./card.js";
import { LocalError } from "./errors.js";
import { scaleDown } from "./resize.js";

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Detection} Detection */
/** @typedef {import("./types.js").Numbers} Numbers */
/** @typedef {import("./types.js").ReadOptions} ReadOptions */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Session} Session */

export const MIN_SIDE_PX = 2; // smaller boxes show no face
export const MIN_LIMIT_PX = 32;
export const MAX_LIMIT_PX = 8192; // larger scaled pictures would take gigabytes in the network

/** Finds faces in pictures of any size. */
export class Detector {
  /**
   * @param {Engine} engine
   * @param {Session} session
   * @param {import("./card.js").FacesCard} card
   */
  constructor(engine, session, card) {
    this.engine = engine;
    this.session = session;
    this.card = card;
  }

  /**
   * @param {Engine} engine
   * @param {Uint8Array} model
   */
  static async open(engine, model) {
    return new Detector(engine, await openSession(engine, model), readFacesCard(model));
  }

  /**
   * Find the faces of one picture.
   *
   * @param {Pixels} pixels Without transparency.
   * @param {ReadOptions} options
   * @returns {Promise<Detection[]>} The surest first, in pixels of the picture.
   */
  async detect(pixels, { minScore = this.card.min_score, maxSidePx = this.card.max_side_px }) {
    if (!(minScore >= 0 && minScore <= 1)) {
      throw new LocalError("bad_input", `minScore lies between 0 and 1, got ${minScore}.`);
    }
    if (!Number.isInteger(maxSidePx) || maxSidePx < MIN_LIMIT_PX || maxSidePx > MAX_LIMIT_PX) {
      const range = `from ${MIN_LIMIT_PX} to ${MAX_LIMIT_PX}`;
      throw new LocalError("bad_input", `maxSidePx is a whole number ${range}, got ${maxSidePx}.`);
    }
    const scaled = scaleDown(pixels, maxSidePx);
    const { Tensor } = this.engine.runtime;
    const { boxes, scores, landmarks } = await this.session.run({
      images: new Tensor("uint8", scaled.data, [1, scaled.height, scaled.width, 3]),
      min_score: new Tensor("float32", Float32Array.of(minScore), []),
    });
    const ratio = [Math.fround(pixels.width / scaled.width), Math.fround(pixels.height / scaled.height)];
    return describe(boxes.data, scores.data, landmarks.data, ratio);
  }
}

/**
 * Turn the network's arrays into values in pixels of the picture.
 *
 * @param {Numbers} boxes (N, 4)
 * @param {Numbers} scores (N,)
 * @param {Numbers} landmarks (N, 5, 2)
 * @param {Numbers} ratio Of the picture to the scaled one, across and down.
 * @returns {Detection[]}
 */
function describe(boxes, scores, landmarks, ratio) {
  // Python multiplies in float32, too.
  const scale = (/** @type {number} */ value, /** @type {number} */ axis) => Math.fround(value * ratio[axis]);
  /** @type {Detection[]} */
  const found = [];
  for (let n = 0; n < scores.length; n++) {
    const box = /** @type {import("./types.js").Box} */ ([0, 1, 2, 3].map((i) => scale(boxes[n * 4 + i], i % 2)));
    const points = /** @type {import("./types.js").Landmarks} */ (
      [0, 1, 2, 3, 4].map((i) => [0, 1].map((axis) => scale(landmarks[n * 10 + i * 2 + axis], axis)))
    );
    const isFinite = [...box, ...points.flat()].every(Number.isFinite);
    if (isFinite && Math.min(box[2], box[3]) >= MIN_SIDE_PX) found.push({ box, score: scores[n], landmarks: points });
  }
  return found;
}
