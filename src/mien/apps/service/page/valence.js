// How pleasant a face looks, by what people link with its expression: the numbers and the words for them.

import { findExpression } from "./expressions.js";

/** @typedef {import("./types.js").Probabilities} Probabilities */

/** By expression its valence, from -1 to 1: VALENCES of mien.core.coarse; a test compares them. @type {Record<string, number>} */
export const VALENCES = { angry: -0.51, disgust: -0.6, fear: -0.64, happy: 0.81, sad: -0.63, surprise: 0, neutral: 0 };

/** From here on, up or down, it is called by a word; what lies between is neither. */
const NOTABLE = 0.15;

/**
 * Return the expected valence, from -1 to 1.
 * @param {Probabilities} probabilities
 * @returns {number | null} Null if a label is none of the seven.
 */
export function estimateValence(probabilities) {
  let valence = 0;
  for (const [label, probability] of Object.entries(probabilities)) {
    const each = VALENCES[findExpression(label) ?? ""];
    if (each === undefined) return null;
    valence += each * probability;
  }
  return valence;
}

/**
 * Return the mean of valences.
 * @param {(number | null)[]} valences  One at least.
 * @returns {number | null} Null if one of them isn't known.
 */
export function meanValence(valences) {
  return valences.reduce((sum, each) => (sum === null || each === null ? null : sum + each / valences.length), /** @type {number | null} */ (0));
}

/**
 * Say a valence in a sentence.
 * @param {number | null | undefined} valence  From -1 to 1.
 * @returns {string} "" where it isn't known.
 */
export function describeValence(valence) {
  if (valence === null || valence === undefined) return "";
  if (Math.abs(valence) <= NOTABLE) return "Looks neither pleasant nor unpleasant.";
  return valence > 0 ? "Looks rather pleasant." : "Looks rather unpleasant.";
}
