// Group mode on this device, by the rules of the server's (mien.inference.insights.group): time is cut into bins, and one
// is told of once it is over, only where enough different people were seen in it, as many of them at once. What is left
// at the end of a clip is told of likewise, or it is said that it is too short. Nothing of a single frame or person is.

import { estimateValence, meanValence } from "./valence.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").Probabilities} Probabilities */

/** The fewest people that are told of together, as in `mien watch --group`; a test compares all of these. */
export const LEAST_GROUP = 5;
/** Length of a bin of a clip. */
export const CLIP_BIN_S = 10;
/** What is left at its end is told of from half a bin on, and from this length on. */
export const LEAST_BIN_S = 2;
/** Who is seen for less counts neither as one of the people nor in the shares. */
export const LEAST_SEEN_S = 1;
/** A frame counts until the next one, and no longer than this. */
export const LONGEST_STEP_S = 1;

const ROUNDING = 1e-6;
const NOTHING = { told_s: 0, faces_mean: null, faces_max: null, shares: null, valence: null };

export class Bins {
  #bin_s;
  #begin_s;
  #length_s = 0;
  #closed = 0;
  /** @type {Moment | null} */
  #last = null;
  #open = new OpenBin();

  /**
   * @param {number} bin_s  Length of a bin.
   * @param {number} [begin_s]  Where the first one starts; without it, or before it, the first frame is where.
   */
  constructor(bin_s, begin_s = Infinity) {
    this.#bin_s = bin_s;
    this.#begin_s = begin_s;
  }

  /**
   * Take a frame, and return the bins that are over now.
   * @param {Moment} moment  Not before the one before.
   * @returns {Group[]}
   */
  add(moment) {
    if (!this.#last) this.#begin_s = Math.min(this.#begin_s, moment.time_s);
    const over = this.#last ? this.#hold(this.#last, moment.time_s) : [];
    this.#last = moment;
    return [...over, ...this.#closeUntil(moment.time_s - this.#begin_s)];
  }

  /**
   * Return the bins that the last frame brings to their end, and what is left; no frame may follow.
   * @param {number} end_s  Where the clip ends: until then the last frame counts.
   * @returns {Group[]}
   */
  finish(end_s) {
    const over = this.#last ? this.#hold(this.#last, end_s) : [];
    const rest_s = this.#length_s - this.#closed * this.#bin_s;
    const hasRest = rest_s > ROUNDING * this.#bin_s || (this.#last && !this.#closed); // one frame is all rest
    return hasRest ? [...over, this.#describeRest(rest_s)] : over;
  }

  /**
   * Let a frame count until another time, as part of each bin that it reaches into.
   * @param {Moment} moment
   * @param {number} until_s
   */
  #hold({ time_s, faces }, until_s) {
    const bin_s = this.#bin_s;
    const hold_s = Math.max(0, Math.min(until_s - time_s, LONGEST_STEP_S));
    let from_s = time_s - this.#begin_s;
    const to_s = from_s + hold_s;
    this.#length_s = Math.max(this.#length_s, to_s);
    const over = this.#closeUntil(from_s);
    while (to_s - from_s > ROUNDING * hold_s) {
      const border_s = (this.#closed + 1) * bin_s;
      const part_s = (to_s - border_s <= ROUNDING * bin_s ? to_s : border_s) - from_s;
      this.#open.add(faces, part_s);
      from_s += part_s;
      over.push(...this.#closeUntil(from_s));
    }
    return over;
  }

  /** Close each bin that ends at this time or before. @param {number} time_s  From the first one's start. */
  #closeUntil(time_s) {
    /** @type {Group[]} */
    const over = [];
    while ((this.#closed + 1) * this.#bin_s <= time_s + ROUNDING * this.#bin_s) {
      over.push(this.#describe((this.#closed + 1) * this.#bin_s, this.#open.tell()));
      this.#open = new OpenBin();
      this.#closed += 1;
    }
    return over;
  }

  /** @param {number} rest_s */
  #describeRest(rest_s) {
    const least_s = Math.max(this.#bin_s / 2, LEAST_BIN_S);
    const isShort = rest_s < least_s * (1 - ROUNDING);
    const reason = `too short: ${formatTenths(rest_s)} s of at least ${least_s} s`;
    return this.#describe(this.#length_s, isShort ? { ...NOTHING, reason } : this.#open.tell());
  }

  /**
   * @param {number} end_s  Of the bin that is open, from the first one's start.
   * @param {Group} told
   * @returns {Group}
   */
  #describe(end_s, told) {
    return { ...told, start_s: this.#begin_s + this.#closed * this.#bin_s, end_s: this.#begin_s + end_s };
  }
}

/** The bin that goes on; forgotten when it is over. */
class OpenBin {
  #covered_s = 0;
  #face_s = 0;
  #most = 0;
  /** @type {Map<number, Map<string, number>>} By person, by expression the seconds it was shown. */
  #seconds = new Map();
  /** @type {Map<number, number | null>} By person the valence times seconds; null where a label is none of the seven. */
  #valences = new Map();

  /**
   * @param {import("./types.js").Sighting[]} faces
   * @param {number} hold_s
   */
  add(faces, hold_s) {
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

  /** Return what may be told; each person counts alike. @returns {Group} */
  tell() {
    const sum = (/** @type {Map<string, number>} */ seconds) => [...seconds.values()].reduce((all, each) => all + each, 0);
    const counted = [...this.#seconds].filter(([, seconds]) => sum(seconds) >= LEAST_SEEN_S - ROUNDING);
    if (Math.min(counted.length, this.#most) < LEAST_GROUP) return { ...NOTHING, reason: `fewer than ${LEAST_GROUP} people` };
    /** @type {Probabilities} */
    const shares = {};
    for (const [, seconds] of counted) {
      for (const [label, each] of seconds) shares[label] = (shares[label] ?? 0) + each / sum(seconds) / counted.length;
    }
    const valence = meanValence(counted.map(([person, seconds]) => {
      const whole = this.#valences.get(person) ?? null;
      return whole === null ? null : whole / sum(seconds);
    }));
    return { told_s: this.#covered_s, faces_mean: this.#face_s / this.#covered_s, faces_max: this.#most, shares, valence, reason: null };
  }
}

/** Write seconds with one digit, as Python does: what lies in the middle goes to the even one. @param {number} seconds */
const formatTenths = (seconds) => (seconds % 1 === 0.25 ? seconds - 0.05 : seconds).toFixed(1);
