// Which color and which place an expression has; the colors themselves stand in page.css.

/** @typedef {import("./types.js").Probabilities} Probabilities */

/** From first to last wherever expressions are listed, as in the reports of `mien watch`; a test compares them. */
export const SEVEN = ["happy", "surprise", "sad", "fear", "disgust", "angry", "neutral"];

/** Other words for the seven: OTHER_NAMES of mien.core.labels; a test compares them. @type {Record<string, string>} */
export const MEANINGS = {
  anger: "angry", disgusted: "disgust", fearful: "fear", afraid: "fear", scared: "fear", happiness: "happy",
  joy: "happy", sadness: "sad", surprised: "surprise", suprise: "surprise",
};

/**
 * Return which of the seven a label means.
 * @param {string} label
 * @returns {string | null} Null for any other word.
 */
export function findExpression(label) {
  const word = label.trim().toLowerCase();
  const meaning = MEANINGS[word] ?? word;
  return SEVEN.includes(meaning) ? meaning : null;
}

/**
 * Return which of the seven colors a label has. Labels that are none of the seven share them: names stand beside
 * colors everywhere.
 * @param {string} label
 */
export function findHue(label) {
  const meaning = findExpression(label);
  if (meaning) return meaning;
  const sum = [...label.trim().toLowerCase()].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return /** @type {string} */ (SEVEN[sum % 6]);
}

/** @param {string} label */
const rank = (label) => {
  const meaning = findExpression(label);
  return meaning ? SEVEN.indexOf(meaning) : SEVEN.length - 1.5;
};

/**
 * Return labels in the order in which they are listed.
 * @param {Iterable<string>} labels
 */
export function sortLabels(labels) {
  return [...labels].sort((one, other) => rank(one) - rank(other));
}

/**
 * Return the color of an expression on a picture, the same in the light and in the dark page.
 * @param {string} label
 */
export function findPictureColor(label) {
  const hue = findHue(label);
  const name = hue === "neutral" ? "--neutral-on-picture" : `--${hue}`;
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/**
 * Return a share as people write it.
 * @param {number} share  0-1.
 */
export function formatShare(share) {
  return `${Math.round(share * 100)}\u00a0%`; // the sign stays on its line
}
