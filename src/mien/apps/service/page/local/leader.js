// @ts-check
/** Which label leads. */

/**
 * Return the likeliest label and its probability; of equals the first.
 *
 * @param {import("./types.js").Probabilities} probabilities Of one label at least.
 * @returns {[string, number]}
 */
export function findLeader(probabilities) {
  return Object.entries(probabilities).reduce((best, entry) => (entry[1] > best[1] ? entry : best));
}
