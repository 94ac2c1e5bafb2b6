// Group mode and summaries: shares of all people together, and nobody alone.

import { LEAST_GROUP } from "./bins.js";
import { find, make, setText } from "./elements.js";
import { findHue, formatShare, sortLabels } from "./expressions.js";
import { findLeader } from "./local/leader.js";
import { sentence } from "./notices.js";
import { makeBars, makeSwatch, setBars } from "./people.js";
import { describeValence } from "./valence.js";

/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").Probabilities} Probabilities */

/**
 * Return one bar of shares, and the shares in words.
 * @param {Probabilities} shares  They sum to 1.
 */
export function makeMix(shares) {
  const mix = make("div", "mix");
  mix.setAttribute("aria-hidden", "true");
  const list = make("ul", "shares");
  for (const label of sortLabels(Object.keys(shares))) {
    const share = shares[label] ?? 0;
    if (share < 0.005) continue;
    const part = make("i");
    part.dataset.expression = findHue(label);
    part.style.flexGrow = String(share);
    mix.append(part);
    list.append(make("li", "", makeSwatch(label), `${label} `, make("b", "", formatShare(share))));
  }
  return [mix, list];
}

/** Say what a reason is good for. @param {string | null | undefined} reason  In the server's words. */
const explainReason = (reason) => reason?.startsWith("too short")
  ? "Less would tell of single people's changes."
  : `A group is told of from ${LEAST_GROUP} people on, so that nobody is told of alone.`;

export class Together {
  #box = find("together", HTMLElement);
  #count = find("reading-count", HTMLElement);
  /** @type {HTMLUListElement | null} */
  #bars = null;

  /**
   * Show shares of all.
   * @param {Group} group
   */
  show(group) {
    const count = group.faces ?? (group.faces_mean == null ? null : Math.round(group.faces_mean));
    setText(this.#count, count == null ? "" : `${count} ${count === 1 ? "face" : "faces"}`);
    if (!group.shares) {
      this.#bars = null;
      this.#box.replaceChildren(
        make("p", "big", group.end_s === undefined ? "Nothing to tell yet" : "Nothing to tell"),
        make("p", "remark", `${sentence(group.reason ?? "too few people")} ${explainReason(group.reason)}`),
      );
    } else {
      if (!this.#bars) {
        this.#bars = makeBars(sortLabels(Object.keys(group.shares)));
        this.#box.replaceChildren(make("p", "big", "All together"), make("p", "remark"), this.#bars);
      }
      setBars(this.#bars, group.shares);
      const remark = this.#box.querySelector(".remark");
      if (remark) setText(remark, describeValence(group.valence) || "Shares of all who are seen.");
    }
    this.#box.hidden = false;
  }

  hide() {
    this.#box.hidden = true;
    this.#bars = null;
    this.#box.replaceChildren();
  }
}

/**
 * Say a group in one phrase.
 * @param {Group} group
 */
export function describeGroup(group) {
  if (!group.shares) return `Nothing is told: ${group.reason ?? "too few people"}.`;
  const [label, share] = findLeader(group.shares);
  return `All together: mostly ${label}, ${Math.round(share * 100)} percent.`;
}
