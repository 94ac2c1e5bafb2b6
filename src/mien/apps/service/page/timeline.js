// Lanes over time: which expression each person showed when. Of the camera the last minute moves by; a clip stands.

import { find, isCalm, make, setText } from "./elements.js";
import { findHue } from "./expressions.js";
import { findLeader } from "./local/leader.js";

/** @typedef {import("./types.js").Sighting} Sighting */
/** @typedef {import("./types.js").Group} Group */

const MINUTE_S = 60;
/** Readings that follow each other within it are one run; a slow device reads about one frame a second. */
const GAP_S = 2;
const MOST_LANES = 8;

/**
 * @typedef {object} Run
 * @property {HTMLElement} element
 * @property {string} key
 * @property {number} start_s
 * @property {number} end_s
 */

/** @typedef {{row: HTMLElement, moving: HTMLElement, cursor: HTMLElement, runs: Run[]}} Lane */

export class Timeline {
  /** @type {Map<number, Lane>} */
  #lanes = new Map();
  #section = find("timeline", HTMLElement);
  #rows = find("lanes", HTMLElement);
  #axis = find("axis", HTMLElement);
  #title = find("timeline-title", HTMLElement);
  #span_s = MINUTE_S;
  #isLive = false;
  #origin_ms = 0;
  #request = 0;
  /** @type {((time_s: number) => void) | null} */
  #onSeek = null;

  /** Begin a minute that moves by. */
  startLive() {
    this.#reset("The last minute", MINUTE_S, true);
    this.#origin_ms = performance.now();
    this.#drawAxis(["60 s", "45 s", "30 s", "15 s", "now"]);
    const tick = () => {
      this.#move();
      this.#request = isCalm() ? setTimeout(tick, 1000) : requestAnimationFrame(tick);
    };
    tick();
  }

  /** Stop moving; what was seen stays. */
  stopLive() {
    clearTimeout(this.#request);
    cancelAnimationFrame(this.#request);
    this.#request = 0;
  }

  /**
   * Begin the lanes of a clip.
   * @param {number} duration_s
   * @param {(time_s: number) => void} onSeek  Called where somebody points at a time.
   */
  startClip(duration_s, onSeek) {
    this.#reset("Over the clip", duration_s, false);
    this.#onSeek = onSeek;
    this.setDuration(duration_s);
  }

  /** @param {number} duration_s */
  setDuration(duration_s) {
    this.#span_s = Math.max(0.1, duration_s);
    const digits = this.#span_s < 8 ? 1 : 0;
    this.#drawAxis([0, 0.25, 0.5, 0.75, 1].map((part) => `${(part * this.#span_s).toFixed(digits)} s`));
    for (const lane of this.#lanes.values()) lane.runs.forEach((run) => this.#place(run));
  }

  hide() {
    this.stopLive();
    this.#section.hidden = true;
  }

  /** Seconds since the live minute began. */
  get now_s() {
    return (performance.now() - this.#origin_ms) / 1000;
  }

  /**
   * Add what one frame showed.
   * @param {number} time_s
   * @param {Sighting[]} sightings
   */
  add(time_s, sightings) {
    for (const { person, expression, is_certain } of sightings) {
      const kind = is_certain ? "" : "is-unsure";
      this.#extend(person, `Person ${person}`, time_s, time_s, expression, kind, is_certain ? expression : "unsure");
    }
  }

  /**
   * Add a span in which only the whole group is told.
   * @param {number} start_s
   * @param {number} end_s
   * @param {Group} group
   */
  addGroup(start_s, end_s, group) {
    const top = group.shares ? findLeader(group.shares)[0] : "";
    this.#extend(0, "All", start_s, end_s, top || "neutral", top ? "" : "is-untold", top ? `mostly ${top}` : (group.reason ?? "not told"));
  }

  /** Show where a clip plays. @param {number} time_s */
  setCursor(time_s) {
    for (const { cursor } of this.#lanes.values()) {
      cursor.hidden = false;
      cursor.style.left = `${Math.min(100, (time_s / this.#span_s) * 100)}%`;
    }
  }

  /**
   * @param {string} title
   * @param {number} span_s
   * @param {boolean} isLive
   */
  #reset(title, span_s, isLive) {
    this.stopLive();
    this.#lanes.clear();
    this.#rows.replaceChildren();
    setText(this.#title, title);
    this.#span_s = span_s;
    this.#isLive = isLive;
    this.#onSeek = null;
    this.#section.classList.toggle("is-clip", !isLive);
    this.#section.hidden = true;
  }

  /** @param {string[]} names */
  #drawAxis(names) {
    this.#axis.replaceChildren(...names.map((name, place) => {
      const mark = make("span", place === 0 ? "first" : place === names.length - 1 ? "last" : "", name);
      mark.style.left = `${(place / (names.length - 1)) * 100}%`;
      return mark;
    }));
  }

  /**
   * Lengthen the last run of a lane, or begin another one.
   * @param {number} person
   * @param {string} name
   * @param {number} start_s
   * @param {number} end_s
   * @param {string} expression
   * @param {string} kind
   * @param {string} word
   */
  #extend(person, name, start_s, end_s, expression, kind, word) {
    const lane = this.#lanes.get(person) ?? this.#addLane(person, name);
    if (!lane) return;
    const last = lane.runs.at(-1);
    const key = `${expression} ${kind}`;
    const isNear = last && start_s - last.end_s <= GAP_S;
    if (last && isNear) {
      last.end_s = last.key === key ? end_s : start_s;
      this.#place(last);
    }
    if (last && isNear && last.key === key) return;
    const element = make("i", `run ${kind}`, make("b", "", word));
    element.dataset.expression = findHue(expression);
    element.title = word;
    const run = { element, key, start_s, end_s };
    lane.runs.push(run);
    lane.moving.append(element);
    this.#place(run);
  }

  /**
   * @param {number} person
   * @param {string} name
   * @returns {Lane | null}
   */
  #addLane(person, name) {
    if (this.#lanes.size >= MOST_LANES) {
      if (!this.#isLive || !this.#dropOldest()) return null;
    }
    const moving = make("div", "moving");
    const cursor = make("i", "cursor");
    cursor.hidden = true;
    const band = make("div", "band", moving, cursor);
    band.setAttribute("aria-hidden", "true");
    const row = make("div", "lane", make("span", "who", name), band);
    band.addEventListener("click", (event) => {
      const area = band.getBoundingClientRect();
      this.#onSeek?.(((event.clientX - area.left) / area.width) * this.#span_s);
    });
    const lane = { row, moving, cursor, runs: [] };
    this.#lanes.set(person, lane);
    this.#rows.append(row);
    this.#section.hidden = false;
    return lane;
  }

  /** Take away the lane of who was not seen for longest, if anyone is gone. */
  #dropOldest() {
    const [oldest, lane] = [...this.#lanes].reduce((best, entry) => ((entry[1].runs.at(-1)?.end_s ?? 0) < (best[1].runs.at(-1)?.end_s ?? 0) ? entry : best));
    if (this.now_s - (lane.runs.at(-1)?.end_s ?? 0) < 2) return false;
    lane.row.remove();
    return this.#lanes.delete(oldest);
  }

  /** @param {Run} run */
  #place(run) {
    run.element.style.left = `${(run.start_s / this.#span_s) * 100}%`;
    run.element.style.width = `${(Math.max(run.end_s - run.start_s, this.#span_s / 400) / this.#span_s) * 100}%`;
  }

  /** Let time pass: everything moves left, and what is older than a minute goes. */
  #move() {
    const from_s = this.now_s - this.#span_s;
    for (const [person, lane] of this.#lanes) {
      while (lane.runs[0] && lane.runs[0].end_s < from_s - 1) lane.runs.shift()?.element.remove();
      if (!lane.runs.length) {
        lane.row.remove();
        this.#lanes.delete(person);
        continue;
      }
      lane.moving.style.transform = `translateX(${(-from_s / this.#span_s) * 100}%)`;
    }
  }
}
