// Boxes and labels over a picture or a video. Between two answers they glide, so that nothing jumps.

import { isCalm } from "./elements.js";
import { findPictureColor } from "./expressions.js";
import { drawLabel, measureLabel, placeLabel } from "./labels.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Face} Face */

const GLIDE_MS = 75;
const FADE_MS = 140;

/**
 * @typedef {object} Shown
 * @property {Box} box
 * @property {Box} target
 * @property {Face} face
 * @property {number} confidence
 * @property {number} alpha
 * @property {boolean} isHere
 * @property {number} place  Where its label stood last, of those that `placeLabel` tries.
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
      else this.#shown.set(key, { box: face.box, target: face.box, face, confidence: face.confidence, alpha: 0, isHere: true, place: 0 });
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
    const drawn = [...this.#shown].map(([person, shown]) => {
      const [x, y, width, height] = shown.box;
      const fromLeft = this.isMirrored ? this.#width - x - width : x;
      const box = /** @type {Box} */ ([left + fromLeft * scale, top + y * scale, width * scale, height * scale]);
      return { person, shown, box };
    });
    for (const { shown, box } of drawn) {
      context.globalAlpha = shown.alpha;
      this.#drawBox(shown.face, box);
    }
    const faces = drawn.map(({ box }) => box);
    /** @type {Box[]} */
    const taken = [];
    for (const { person, shown, box } of drawn) {
      context.globalAlpha = shown.alpha;
      const label = measureLabel(context, drawn.length > 1 ? person : null, shown.face, shown.confidence, box[2]);
      const found = placeLabel(label, box, taken, faces, [clientWidth, clientHeight], shown.place);
      shown.place = found.place;
      taken.push(found.box);
      drawLabel(context, label, found.box, findPictureColor(shown.face.expression), shown.confidence);
    }
    context.globalAlpha = 1;
  }

  /**
   * @param {Face} face
   * @param {Box} box  On the canvas.
   */
  #drawBox(face, [x, y, width, height]) {
    const { context } = this;
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
  }
}
