// What was read of a clip so far: who is where at a time, and which expression took which share.

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").Probabilities} Probabilities */
/** @typedef {import("./types.js").Sighting} Sighting */

const STALE_S = 0.5;
const LONGEST_HOLD_S = 1;

export class Moments {
  /** @type {Moment[]} In the order of their times. */
  #moments = [];
  /** @type {Map<number, Map<string, number>>} By person, by expression the seconds it was shown; "" is unsure. */
  #seconds = new Map();

  /** How far the clip was read. */
  get end_s() {
    return this.#moments.at(-1)?.time_s ?? 0;
  }

  /** @param {Moment} moment  Not before the one before. */
  add(moment) {
    const hold_s = Math.min(LONGEST_HOLD_S, Math.max(0, moment.time_s - this.end_s)) || 0.04;
    this.#moments.push(moment);
    for (const { person, expression, is_certain } of moment.faces) {
      const seconds = this.#seconds.get(person) ?? new Map();
      const key = is_certain ? expression : "";
      this.#seconds.set(person, seconds.set(key, (seconds.get(key) ?? 0) + hold_s));
    }
  }

  /**
   * Return what was seen when a frame was shown.
   * @param {number} time_s
   * @returns {Moment | null} Null where nothing was read near this time.
   */
  find(time_s) {
    let low = 0;
    let high = this.#moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (/** @type {Moment} */ (this.#moments[middle]).time_s <= time_s + 0.005) low = middle + 1;
      else high = middle;
    }
    const found = this.#moments[low - 1];
    return found && time_s - found.time_s <= STALE_S ? found : null;
  }

  /**
   * Return for each person the shares of their seen time.
   * @returns {{person: number, seen_s: number, unsure: number, shares: Probabilities}[]}  `shares` of the sure time sum to 1.
   */
  sumUp() {
    return [...this.#seconds].sort(([one], [other]) => one - other).map(([person, seconds]) => {
      const seen_s = [...seconds.values()].reduce((sum, each) => sum + each, 0);
      const unsure_s = seconds.get("") ?? 0;
      /** @type {Probabilities} */
      const shares = {};
      for (const [label, each] of seconds) if (label) shares[label] = each / (seen_s - unsure_s);
      return { person, seen_s, unsure: unsure_s / seen_s, shares };
    });
  }
}

/**
 * Return the shares and the valence of all bins that are told of, longer ones counting for more.
 * @param {Group[]} bins
 * @returns {{shares: Probabilities, valence: number | null} | null} Null where none is told of.
 */
export function mergeBins(bins) {
  /** @type {Probabilities} */
  const shares = {};
  let whole = 0;
  /** @type {number | null} */
  let valence = 0;
  for (const bin of bins) {
    const weight = bin.told_s ?? 0;
    for (const [label, share] of Object.entries(bin.shares ?? {})) shares[label] = (shares[label] ?? 0) + share * weight;
    if (!bin.shares) continue;
    whole += weight;
    valence = valence === null || bin.valence == null ? null : valence + bin.valence * weight;
  }
  for (const label of Object.keys(shares)) shares[label] = (shares[label] ?? 0) / whole;
  return whole ? { shares, valence: valence === null ? null : valence / whole } : null;
}
