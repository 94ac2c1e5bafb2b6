// @ts-check
/**
 * Expressions smoothed over time, so that a steady face keeps its label; as `mien/inference/track/smoothing.py`.
 *
 * All is done in seconds, not frames: a frame's probabilities are taken to hold from the frame before it to itself.
 */

import { findLeader } from "./leader.js";

/** @typedef {import("./types.js").Probabilities} Probabilities */

/** The same as Python's SmoothingSettings; a test compares what comes out. */
export const SMOOTHING = Object.freeze({
  timeConstantS: 0.2,
  margin: 0.18,
  dwellS: 0.1,
  returnMargin: 0.4,
  returnS: 10,
  restartAfterS: 1,
});

const ROUNDING_S = 1e-9;

/**
 * @typedef {object} State
 * @property {number} timeS
 * @property {Probabilities} probabilities Smoothed.
 * @property {string} label The steady one.
 * @property {number | null} behindSinceS From when on the label has been behind another one by the margin.
 * @property {Readonly<Record<string, number>>} leftS When the labels before this one were left, not long ago.
 */

/** Smooths each person's probabilities, and holds the label until another one clearly leads. */
export class Smoother {
  constructor() {
    /** @type {Map<number, State>} */
    this.states = new Map();
  }

  /**
   * Take what one frame shows of a person.
   *
   * @param {number} person
   * @param {Probabilities} raw As read on this frame alone.
   * @param {number} timeS Not before the person's last one.
   * @returns {{probabilities: Probabilities, label: string}}
   */
  update(person, raw, timeS) {
    const last = this.states.get(person);
    const isNew = !last || timeS - last.timeS > SMOOTHING.restartAfterS + ROUNDING_S;
    const state = isNew
      ? { timeS, probabilities: raw, label: findLeader(raw)[0], behindSinceS: null, leftS: {} }
      : continueState(last, raw, timeS);
    this.states.set(person, state);
    return { probabilities: state.probabilities, label: state.label };
  }

  /**
   * Drop what is known of all others, so that memory doesn't grow with those who left.
   *
   * @param {Set<number>} persons
   */
  forgetAllBut(persons) {
    for (const person of this.states.keys()) if (!persons.has(person)) this.states.delete(person);
  }
}

/**
 * @param {State} last
 * @param {Probabilities} raw
 * @param {number} timeS
 * @returns {State}
 */
function continueState(last, raw, timeS) {
  const stepS = Math.max(0, timeS - last.timeS);
  const kept = Math.exp(-stepS / SMOOTHING.timeConstantS);
  const probabilities = Object.fromEntries(
    Object.entries(raw).map(([label, value]) => [label, kept * (last.probabilities[label] ?? 0) + (1 - kept) * value]),
  );
  const [leader] = findLeader(probabilities);
  const leadIn = (/** @type {Probabilities} */ of) => (of[leader] ?? 0) - (of[last.label] ?? 0);
  const lead = leadIn(probabilities);
  const leftS = Object.fromEntries(Object.entries(last.leftS).filter(([, left]) => timeS - left < SMOOTHING.returnS));
  if (lead <= 0 || lead < SMOOTHING.margin) return { timeS, probabilities, label: last.label, behindSinceS: null, leftS };
  const crossingS = findCrossingS(leadIn(last.probabilities), leadIn(raw), stepS);
  const sinceS = last.behindSinceS ?? last.timeS + crossingS;
  const isBrief = timeS - sinceS < SMOOTHING.dwellS - ROUNDING_S;
  if (isBrief || (leader in leftS && lead < SMOOTHING.returnMargin)) {
    return { timeS, probabilities, label: last.label, behindSinceS: sinceS, leftS };
  }
  return { timeS, probabilities, label: leader, behindSinceS: null, leftS: { ...leftS, [last.label]: timeS } };
}

/**
 * Return how long after the last frame a lead reached the margin; counted from there the delay is the same at any rate.
 *
 * @param {number} before The smoothed lead at the last frame.
 * @param {number} toward The raw lead, which the smoothed one approaches.
 * @param {number} stepS
 */
function findCrossingS(before, toward, stepS) {
  if (before >= SMOOTHING.margin || toward <= SMOOTHING.margin) return 0;
  const crossingS = SMOOTHING.timeConstantS * Math.log((toward - before) / (toward - SMOOTHING.margin));
  return Math.min(crossingS, stepS);
}
