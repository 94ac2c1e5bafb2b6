// Boxes and labels over a picture or a video. Between two answers they glide, so that nothing jumps.

import { isCalm } from "./elements.js";
import { findPictureColor, formatShare } from "./expressions.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Face} Face */

const GLIDE_MS = 75;
const FADE_MS = 140;
/** Beside others, a label may be so many times as wide as its box; else it says less, and covers no neighbor. */
const MOST_WIDTHS = 1.5;
const FONT = '"Segoe UI", system-ui, -apple-system, Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

/**
 * @typedef {object} Shown
 * @property {Box} box
 * @property {Box} target
 * @property {Face} face
 * @property {number} confidence
 * @property {number} alpha
 * @property {boolean} isHere
 */

export class Overlay {
  /** @type {Map<number, Shown>} */
  #shown = new Map();
  #width = 1;
  #height = 1;
  #request = 0;
  #last_ms = 0;

  /**
   * @param {HTMLCanvasElement} canvas  Lies over the picture, which is fitted into it.
   */
  constructor(canvas) {
    this.canvas = canvas;
    this.isMirrored = false;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    new ResizeObserver(() => this.#wake()).observe(canvas);
  }

  /**
   * Show faces; those that were there before glide to their new place.
   * @param {(Face & {person?: number})[]} faces
   * @param {number} width  Of the picture they were found on.
   * @param {number} height  Likewise.
   */
  show(faces, width, height) {
    if (width !== this.#width || height !== this.#height) this.#shown.clear();
    this.#width = width;
    this.#height = height;
    for (const shown of this.#shown.values()) shown.isHere = false;
    faces.forEach((face, place) => {
      const key = face.person ?? place + 1;
      const before = this.#shown.get(key);
      if (before) Object.assign(before, { target: face.box, face, isHere: true });
      else this.#shown.set(key, { box: face.box, target: face.box, face, confidence: face.confidence, alpha: 0, isHere: true });
    });
    this.#wake();
  }

  clear() {
    this.#shown.clear();
    this.#wake();
  }

  #wake() {
    if (this.#request) return;
    this.#last_ms = performance.now();
    this.#request = requestAnimationFrame((now_ms) => this.#step(now_ms));
  }

  /** @param {number} now_ms */
  #step(now_ms) {
    const passed_ms = Math.max(0, now_ms - this.#last_ms);
    this.#last_ms = now_ms;
    const glide = isCalm() ? 1 : 1 - Math.exp(-passed_ms / GLIDE_MS);
    const fade = isCalm() ? 1 : passed_ms / FADE_MS;
    let isMoving = false;
    for (const [person, shown] of this.#shown) {
      shown.box = /** @type {Box} */ (shown.box.map((value, side) => value + ((shown.target[side] ?? value) - value) * glide));
      shown.confidence += (shown.face.confidence - shown.confidence) * glide;
      shown.alpha = Math.min(1, Math.max(0, shown.alpha + (shown.isHere ? fade : -fade)));
      const isSettled = shown.box.every((value, side) => Math.abs(value - (shown.target[side] ?? value)) < 0.05);
      isMoving ||= !isSettled || (shown.isHere ? shown.alpha < 1 : shown.alpha > 0);
      if (!shown.isHere && shown.alpha === 0) this.#shown.delete(person);
    }
    this.#draw();
    this.#request = isMoving ? requestAnimationFrame((next_ms) => this.#step(next_ms)) : 0;
  }

  #draw() {
    const { canvas, context } = this;
    const density = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = canvas;
    if (canvas.width !== Math.round(clientWidth * density) || canvas.height !== Math.round(clientHeight * density)) {
      canvas.width = Math.round(clientWidth * density);
      canvas.height = Math.round(clientHeight * density);
    }
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const scale = Math.min(clientWidth / this.#width, clientHeight / this.#height);
    const left = (clientWidth - this.#width * scale) / 2;
    const top = (clientHeight - this.#height * scale) / 2;
    for (const [person, shown] of this.#shown) {
      const [x, y, width, height] = shown.box;
      const fromLeft = this.isMirrored ? this.#width - x - width : x;
      context.globalAlpha = shown.alpha;
      this.#drawFace(person, shown, [left + fromLeft * scale, top + y * scale, width * scale, height * scale]);
    }
    context.globalAlpha = 1;
  }

  /**
   * @param {number} person
   * @param {Shown} shown
   * @param {Box} box  On the canvas.
   */
  #drawFace(person, shown, [x, y, width, height]) {
    const { context } = this;
    const { face } = shown;
    const color = findPictureColor(face.expression);
    const radius = Math.min(14, width * 0.12);
    context.beginPath();
    context.roundRect(x, y, width, height, radius);
    context.lineWidth = face.is_certain ? 5 : 3.5;
    context.strokeStyle = "rgb(13 17 22 / .32)";
    context.stroke();
    context.lineWidth = face.is_certain ? 2.5 : 1.5;
    context.strokeStyle = color;
    context.setLineDash(face.is_certain ? [] : [5, 5]);
    context.stroke();
    context.setLineDash([]);
    this.#drawLabel(person, shown, color, x, y, width, height);
  }

  /**
   * @param {number} person
   * @param {Shown} shown
   * @param {string} color
   * @param {number} x
   * @param {number} y
   * @param {number} width
   * @param {number} height
   */
  #drawLabel(person, { face, confidence }, color, x, y, width, height) {
    const { context, canvas } = this;
    const isSmall = width < 64;
    const size = isSmall ? 11 : 13.5;
    const share = formatShare(confidence);
    const word = face.is_certain ? face.expression : "unsure";
    context.font = `600 ${size}px ${FONT}`;
    const wordWidth = context.measureText(word).width;
    context.font = `400 ${size}px ${FONT}`;
    const isAlone = this.#shown.size === 1;
    const number = isAlone ? "" : `${person}`;
    const numberWidth = number ? context.measureText(number).width + 8 : 0;
    const pad = isSmall ? 6 : 9;
    const wish = isSmall ? "" : face.is_certain ? share : `${face.expression} ${share}`;
    const wishWidth = wish ? context.measureText(wish).width + 8 : 0;
    const isRoom = isAlone || numberWidth + wordWidth + wishWidth + 2 * pad <= MOST_WIDTHS * width;
    const more = isRoom ? wish : "";
    const moreWidth = isRoom ? wishWidth : 0;
    const labelWidth = numberWidth + wordWidth + moreWidth + 2 * pad;
    const labelHeight = isSmall ? 20 : 30;
    const left = Math.min(Math.max(2, x), Math.max(2, canvas.clientWidth - labelWidth - 2));
    const above = y - labelHeight - 6;
    const top = above >= 2 ? above : Math.min(y + height + 6, canvas.clientHeight - labelHeight - 2);
    const middle = top + labelHeight / 2 + (isSmall ? 0.5 : -1);

    context.beginPath();
    context.roundRect(left, top, labelWidth, labelHeight, 7);
    context.fillStyle = "rgb(13 17 22 / .78)";
    context.fill();
    context.textBaseline = "middle";
    context.fillStyle = "rgb(255 255 255 / .6)";
    if (number) context.fillText(number, left + pad, middle);
    context.fillStyle = face.is_certain ? "#ffffff" : "rgb(255 255 255 / .72)";
    context.font = `600 ${size}px ${FONT}`;
    context.fillText(word, left + pad + numberWidth, middle);
    context.font = `400 ${size}px ${FONT}`;
    context.fillStyle = "rgb(255 255 255 / .78)";
    if (more) context.fillText(more, left + pad + numberWidth + wordWidth + 8, middle);
    if (isSmall) return;
    const full = labelWidth - 2 * pad;
    context.fillStyle = "rgb(255 255 255 / .2)";
    context.fillRect(left + pad, top + labelHeight - 6, full, 2.5);
    context.fillStyle = color;
    context.fillRect(left + pad, top + labelHeight - 6, full * confidence, 2.5);
  }
}
