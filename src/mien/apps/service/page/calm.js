// Keeps "unsure" from flickering: a face about as likely read right as wrong would change with every frame.

/** @typedef {import("./types.js").Sighting} Sighting */

/** How long a change must hold before it is shown. Longer calms more, and tells of doubt later. */
const DWELL_S = 0.4;
/** Where the confidence is lower, doubt is told at once. */
const DOUBT_AT_ONCE = 0.42;
const FORGET_S = 1;

/** @typedef {{isCertain: boolean, expression: string, seen_s: number, other_s: number | null}} Held */

export class Calm {
  /** @type {Map<number, Held>} */
  #held = new Map();

  /**
   * Return sightings of which `is_certain` changes only when the change lasts; a new expression speaks for itself.
   * @param {Sighting[]} sightings
   * @param {number} time_s  Not before that of the call before.
   * @returns {Sighting[]}
   */
  steady(sightings, time_s) {
    for (const [person, held] of this.#held) if (time_s - held.seen_s > FORGET_S) this.#held.delete(person);
    return sightings.map((sighting) => ({ ...sighting, is_certain: this.#decide(sighting, time_s) }));
  }

  /**
   * @param {Sighting} sighting
   * @param {number} time_s
   */
  #decide({ person, expression, confidence, is_certain }, time_s) {
    const held = this.#held.get(person);
    const isDoubtful = !is_certain && confidence < DOUBT_AT_ONCE;
    if (!held || held.expression !== expression || isDoubtful) {
      this.#held.set(person, { isCertain: is_certain, expression, seen_s: time_s, other_s: null });
      return is_certain;
    }
    held.seen_s = time_s;
    if (held.isCertain === is_certain) held.other_s = null;
    else {
      held.other_s ??= time_s;
      if (time_s - held.other_s >= DWELL_S) Object.assign(held, { isCertain: is_certain, other_s: null });
    }
    return held.isCertain;
  }
}
