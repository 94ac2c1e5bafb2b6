// Group mode of this device's camera and of photos: the last bin that is over, or all photos with enough faces.

import { Bins, LEAST_GROUP } from "./bins.js";
import { estimateValence, meanValence } from "./valence.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").Probabilities} Probabilities */

/** Length of a bin of what the camera shows. Shorter ones would follow single people's changes. */
export const BIN_S = 5;

export class Crowd {
  #bins = new Bins(BIN_S);
  /** @type {Group} */
  #told = { shares: null, valence: null, reason: `the first ${BIN_S} s are not over` };

  /**
   * Take a frame, and return what may be told now: of the last bin that is over.
   * @param {Moment} moment  Not before the one before.
   * @returns {Group}
   */
  tell(moment) {
    const over = this.#bins.add(moment).at(-1);
    if (over) {
      this.#told = over;
      this.#bins = new Bins(BIN_S); // the next one begins with this frame
      this.#bins.add(moment);
    }
    return { ...this.#told, faces: moment.faces.length < LEAST_GROUP ? null : moment.faces.length };
  }
}

/**
 * Sum up photos as a group: those with enough faces, as one face on many photos is no group.
 * @param {import("./types.js").Face[][]} photos  The faces of each.
 * @returns {Group}
 */
export function sumUp(photos) {
  const faces = photos.filter(({ length }) => length >= LEAST_GROUP).flat();
  if (!faces.length) return { faces: null, shares: null, reason: `no photo with ${LEAST_GROUP} faces or more` };
  /** @type {Probabilities} */
  const shares = {};
  for (const face of faces) {
    for (const [label, share] of Object.entries(face.probabilities)) shares[label] = (shares[label] ?? 0) + share / faces.length;
  }
  const valence = meanValence(faces.map(({ probabilities }) => estimateValence(probabilities)));
  return { faces: faces.length, shares, valence, reason: null };
}
