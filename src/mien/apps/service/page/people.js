// A card for each person: what the face looks like, how sure that is, and bars of all expressions.

import { find, make, setText } from "./elements.js";
import { describeDoubt } from "./doubt.js";
import { findHue, formatShare, SEVEN, sortLabels } from "./expressions.js";

/** @typedef {import("./types.js").Face} Face */
/** @typedef {import("./types.js").Probabilities} Probabilities */

const LEAVE_AFTER_MS = 1200;
const MANY = 2;

/**
 * Return a list of bars, one a label.
 * @param {readonly string[]} labels
 */
export function makeBars(labels) {
  const list = make("ul", "bars");
  for (const label of labels) {
    const track = make("span", "track", make("i"));
    track.setAttribute("aria-hidden", "true");
    const row = make("li", "", make("span", "label", label), track, make("span", "share"));
    row.dataset.expression = findHue(label);
    row.dataset.label = label;
    list.append(row);
  }
  return list;
}

/**
 * Set the bars' lengths.
 * @param {HTMLElement} list  From `makeBars`.
 * @param {Probabilities} probabilities
 * @param {string} [first]  The label that stands out.
 */
export function setBars(list, probabilities, first = "") {
  for (const row of list.querySelectorAll("li")) {
    const label = row.dataset.label ?? "";
    const share = probabilities[label] ?? 0;
    row.classList.toggle("is-first", label === first);
    const bar = row.querySelector("i");
    if (bar) bar.style.transform = `translateX(${((share - 1) * 100).toFixed(1)}%)`;
    const written = row.querySelector(".share");
    if (written) setText(written, formatShare(share));
  }
}

/** Return a spot of an expression's color. @param {string} label */
export function makeSwatch(label) {
  const swatch = make("i", "swatch");
  swatch.dataset.expression = findHue(label);
  swatch.setAttribute("aria-hidden", "true");
  return swatch;
}

/**
 * Say how a face looks in one phrase.
 * @param {Face} face
 */
export function describeFace(face) {
  return face.is_certain ? face.expression : "unsure";
}

/** @typedef {{card: HTMLLIElement, bars: HTMLUListElement, how: HTMLElement, more: HTMLElement, doubt: HTMLElement, seen_ms: number}} Card */

export class People {
  /** @type {Map<number, Card>} */
  #cards = new Map();
  #list = find("people", HTMLUListElement);
  #empty = find("reading-empty", HTMLElement);
  #count = find("reading-count", HTMLElement);

  /**
   * Show who is there. A person who was there a moment ago stays for that moment.
   * @param {(Face & {person?: number})[]} faces
   * @param {{word?: string, isLive?: boolean, nobody?: string}} [options]  `word`: what stands before the number;
   *     `nobody`: what is said where there is no face.
   */
  show(faces, { word = "Person", isLive = true, nobody = "" } = {}) {
    const now_ms = performance.now();
    if (!this.#cards.size) this.#list.replaceChildren();
    faces.forEach((face, place) => {
      const person = face.person ?? place + 1; // faces of a photo are numbered as they come
      let card = this.#cards.get(person);
      if (!card) {
        card = this.#make(`${word} ${person}`, sortLabels(Object.keys(face.probabilities)));
        this.#cards.set(person, card);
        this.#insert(person, card.card);
      }
      card.seen_ms = now_ms;
      this.#fill(card, face);
    });
    for (const [person, card] of this.#cards) {
      if (now_ms - card.seen_ms > (isLive ? LEAVE_AFTER_MS : 0)) this.#remove(person, card);
    }
    this.#list.classList.toggle("are-many", this.#cards.size > MANY);
    this.#list.toggleAttribute("tabindex", false);
    if (this.#cards.size > MANY) this.#list.tabIndex = 0;
    if (!this.#cards.size) setText(this.#empty, nobody);
    setText(this.#count, this.#cards.size ? `${this.#cards.size} ${this.#cards.size === 1 ? "face" : "faces"}` : "");
  }

  /** Take all cards away, and say something instead. @param {string} text */
  clear(text) {
    this.#cards.clear();
    this.#list.replaceChildren();
    this.#list.classList.remove("are-many");
    setText(this.#count, "");
    setText(this.#empty, text);
  }

  /** Say what to do, before anything was read, and which color means what. @param {string} text */
  invite(text) {
    this.clear("");
    const key = make("ul", "key", ...SEVEN.map((label) => make("li", "", makeSwatch(label), label)));
    key.setAttribute("aria-label", "Expressions and their colors");
    this.#empty.replaceChildren(make("p", "big", "Nothing read yet"), make("p", "", text), key);
  }

  /**
   * @param {string} name
   * @param {string[]} labels
   * @returns {Card}
   */
  #make(name, labels) {
    const how = make("b");
    const more = make("span");
    const doubt = make("span");
    const bars = makeBars(labels);
    const card = make("li", "person", make("p", "who", name, doubt), make("p", "how", how, more), bars);
    return { card, bars, how, more, doubt, seen_ms: 0 };
  }

  /**
   * @param {Card} card
   * @param {Face} face
   */
  #fill({ card, bars, how, more, doubt }, face) {
    card.dataset.expression = findHue(face.expression);
    card.classList.toggle("is-unsure", !face.is_certain);
    setText(how, face.is_certain ? face.expression : "unsure");
    setText(doubt, describeDoubt(face));
    setText(more, face.is_certain ? formatShare(face.confidence) : `perhaps ${face.expression}`);
    setBars(bars, face.probabilities, face.is_certain ? face.expression : "");
  }

  /**
   * Put a card into its place by the person's number.
   * @param {number} person
   * @param {HTMLLIElement} card
   */
  #insert(person, card) {
    const next = [...this.#cards.keys()].filter((other) => other > person).sort((one, other) => one - other)[0];
    const before = next === undefined ? null : (this.#cards.get(next)?.card ?? null);
    this.#list.insertBefore(card, before);
  }

  /**
   * @param {number} person
   * @param {Card} card
   */
  #remove(person, card) {
    card.card.remove();
    this.#cards.delete(person);
  }
}
