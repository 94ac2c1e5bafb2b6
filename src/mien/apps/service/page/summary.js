// The whole clip in a few bars: shares of each person's time, or of all together.

import { find, make } from "./elements.js";
import { formatShare } from "./expressions.js";
import { mergeBins } from "./moments.js";
import { sentence } from "./notices.js";
import { makeMix } from "./together.js";
import { describeValence } from "./valence.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {ReturnType<import("./moments.js").Moments["sumUp"]>[number]} Sum */

const MOST_SUMMED = 6;

export class Summary {
  #box = find("summary", HTMLElement);
  #content = find("summary-content", HTMLElement);

  /** The first shares in words, for those who listen. */
  get spoken() {
    return this.#content.querySelector(".shares")?.textContent ?? "";
  }

  hide() {
    this.#box.hidden = true;
    this.#content.replaceChildren();
  }

  /**
   * Show each person by themselves.
   * @param {Sum[]} persons
   * @param {string} facts  What is said below; "" for nothing.
   */
  showPersons(persons, facts) {
    const parts = persons.slice(0, MOST_SUMMED).flatMap((sum) => describe(sum, persons.length > 1));
    if (persons.length > MOST_SUMMED) parts.push(make("p", "facts", `And ${persons.length - MOST_SUMMED} more.`));
    this.#show(parts, facts);
  }

  /**
   * Show all together.
   * @param {Group[]} bins
   * @param {string} facts  "" while it is read.
   */
  showGroup(bins, facts) {
    const told = mergeBins(bins);
    /** @type {HTMLElement[]} */
    const parts = told ? makeMix(told.shares) : [];
    const word = describeValence(told?.valence);
    if (word) parts.push(make("p", "word", word));
    const reason = bins.length === 1 ? bins[0]?.reason : null;
    if (!told && facts) parts.push(make("p", "facts", reason ? `Nothing to tell. ${sentence(reason)}` : "No stretch with enough people."));
    this.#show(parts, facts);
  }

  /**
   * @param {HTMLElement[]} parts
   * @param {string} facts
   */
  #show(parts, facts) {
    if (facts) parts.push(make("p", "facts", facts));
    this.#content.replaceChildren(...parts);
    this.#box.hidden = !parts.length;
  }
}

/**
 * @param {Sum} sum
 * @param {boolean} hasName
 * @returns {HTMLElement[]}
 */
function describe({ person, unsure, shares }, hasName) {
  /** @type {HTMLElement[]} */
  const parts = hasName ? [make("h3", "", `Person ${person}`)] : [];
  if (Object.keys(shares).length) parts.push(...makeMix(shares));
  if (unsure >= 0.01) parts.push(make("p", "facts", `Unsure for ${formatShare(unsure)} of the time; the shares are of the rest.`));
  return parts;
}
