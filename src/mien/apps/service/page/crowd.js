// Group mode on this device, by the rules of the server's: a stretch of time is told of once it is over, and only where
// enough different people were seen in it, as many of them at once. Nothing of a single frame or person is told.

import { estimateValence, meanValence } from "./valence.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").Probabilities} Probabilities */

/** The fewest people that are told of together, as in `mien watch --group`; a test compares all of these. */
export const LEAST_GROUP = 5;
/** Length of a stretch of what the camera shows. */
export const BIN_S = 5;
/** Likewise of a clip, as it is told of once and for all. */
export const CLIP_BIN_S = 10;
/** Who is seen for less counts neither as one of the people nor in the shares. */
export const LEAST_SEEN_S = 1;
/** A frame counts until the next one, and no longer than this. */
export const LONGEST_STEP_S = 1;

const TINY_S = 1e-6;
const TOO_FEW = `fewer than ${LEAST_GROUP} people`;

export class Crowd {
  /** @type {Moment | null} */
  #last = null;
  #begin_s = 0;
  /** @type {Group | null} */
  #told = null;
  #covered_s = 0;
  #face_s = 0;
  #most = 0;
  /** @type {Map<number, Map<string, number>>} By person, by expression the seconds it was shown. */
  #seconds = new Map();
  /** @type {Map<number, number | null>} By person the valence times seconds; null where a label is none of the seven. */
  #valences = new Map();

  /** @param {number} [bin_s]  Length of a stretch. */
  constructor(bin_s = BIN_S) {
    this.bin_s = bin_s;
  }

  /**
   * Take a frame, and return what may be told now: of the last stretch that is over.
   * @param {Moment} moment  Not before the one before.
   * @returns {Group}
   */
  tell(moment) {
    const { time_s } = moment;
    if (!this.#last) this.#begin_s = time_s;
    else this.#hold(this.#last, time_s);
    this.#last = moment;
    if (time_s >= this.#begin_s + this.bin_s - TINY_S) this.#close(time_s);
    const faces = moment.faces.length < LEAST_GROUP ? null : moment.faces.length;
    return { ...(this.#told ?? { shares: null, reason: `the first ${this.bin_s} s are not over` }), faces };
  }

  /**
   * @param {Moment} moment
   * @param {number} until_s
   */
  #hold({ time_s, faces }, until_s) {
    const hold_s = Math.min(until_s - time_s, LONGEST_STEP_S, this.#begin_s + this.bin_s - time_s);
    if (hold_s <= 0) return;
    this.#covered_s += hold_s;
    this.#face_s += hold_s * faces.length;
    this.#most = Math.max(this.#most, faces.length);
    for (const { person, expression, probabilities } of faces) {
      const valence = estimateValence(probabilities);
      const before = this.#valences.get(person);
      this.#valences.set(person, valence === null || before === null ? null : (before ?? 0) + valence * hold_s);
      const seconds = this.#seconds.get(person) ?? new Map(Object.keys(probabilities).map((label) => [label, 0])); // all are told of
      this.#seconds.set(person, seconds.set(expression, (seconds.get(expression) ?? 0) + hold_s));
    }
  }

  /** Keep what may be told of the stretch, forget the rest, and begin anew. @param {number} now_s */
  #close(now_s) {
    const times = { start_s: this.#begin_s, end_s: this.#begin_s + this.bin_s };
    const told = this.#share();
    this.#told = told
      ? { ...times, ...told, reason: null, faces_mean: this.#face_s / this.#covered_s }
      : { ...times, shares: null, reason: TOO_FEW };
    this.#begin_s = now_s;
    this.#covered_s = this.#face_s = this.#most = 0;
    this.#seconds.clear();
    this.#valences.clear();
  }

  /** @returns {{shares: Probabilities, valence: number | null} | null} Null where too few people were seen; each of the others counts alike. */
  #share() {
    const sum = (/** @type {Map<string, number>} */ seconds) => [...seconds.values()].reduce((all, each) => all + each, 0);
    const counted = [...this.#seconds].filter(([, seconds]) => sum(seconds) >= LEAST_SEEN_S - TINY_S);
    if (Math.min(counted.length, this.#most) < LEAST_GROUP) return null;
    /** @type {Probabilities} */
    const shares = {};
    for (const [, seconds] of counted) {
      for (const [label, each] of seconds) shares[label] = (shares[label] ?? 0) + each / sum(seconds) / counted.length;
    }
    const valence = meanValence(counted.map(([person, seconds]) => {
      const whole = this.#valences.get(person) ?? null;
      return whole === null ? null : whole / sum(seconds);
    }));
    return { shares, valence };
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
