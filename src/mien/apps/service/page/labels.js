// A label at a face: how large it is, where it covers neither another label nor another face, and how it looks.

import { formatShare } from "./expressions.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Face} Face */

/**
 * @typedef {object} Label
 * @property {string} number  Of the person; empty where there is one face alone.
 * @property {string} word
 * @property {string} more
 * @property {boolean} isCertain
 * @property {boolean} isSmall
 * @property {number} width
 * @property {number} height
 * @property {number[]} stops  Where number, word and more begin.
 */

/** Beside others, a label may be so many times as wide as its box; else it says less, and covers no neighbor. */
const MOST_WIDTHS = 1.5;
const GAP_PX = 6;
const EDGE_PX = 2;
/** What stands above its face may cover this share of itself before it goes elsewhere, so that moving labels don't hop. */
const TOLERANCE = 0.06;
const FONT = '"Segoe UI", system-ui, -apple-system, Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number | null} person  Their number; null where there is nobody else.
 * @param {Face} face
 * @param {number} confidence  That is shown, which glides.
 * @param {number} boxWidth  Of the face, on the canvas.
 * @returns {Label}
 */
export function measureLabel(context, person, face, confidence, boxWidth) {
  const isSmall = boxWidth < 64;
  const pad = isSmall ? 6 : 9;
  const share = formatShare(confidence);
  const number = person === null ? "" : `${person}`;
  const word = face.is_certain ? face.expression : "unsure";
  const wish = isSmall ? "" : face.is_certain ? share : `${face.expression} ${share}`;
  /** @param {string} text @param {number} weight */
  const measure = (text, weight) => {
    context.font = `${weight} ${isSmall ? 11 : 13.5}px ${FONT}`;
    return context.measureText(text).width;
  };
  const numberWidth = number ? measure(number, 400) + 8 : 0;
  const wordWidth = measure(word, 600);
  const wishWidth = wish ? measure(wish, 400) + 8 : 0;
  const isRoom = person === null || numberWidth + wordWidth + wishWidth + 2 * pad <= MOST_WIDTHS * boxWidth;
  return {
    number,
    word,
    more: isRoom ? wish : "",
    isCertain: face.is_certain,
    isSmall,
    width: numberWidth + wordWidth + (isRoom ? wishWidth : 0) + 2 * pad,
    height: isSmall ? 20 : 30,
    stops: [pad, pad + numberWidth, pad + numberWidth + wordWidth + 8],
  };
}

/**
 * Find the place where a label covers the least of what should be seen: above its face if it can be.
 * @param {{width: number, height: number}} label
 * @param {Box} box  Of its face, on the canvas.
 * @param {Box[]} taken  Labels that stand already.
 * @param {Box[]} faces  All of them, its own among them.
 * @param {[number, number]} stage  Width and height of the canvas.
 * @param {number} before  Its place on the last frame.
 * @returns {{box: Box, place: number}}
 */
export function placeLabel({ width, height }, [x, y, boxWidth, boxHeight], taken, faces, stage, before) {
  const above = y - height - GAP_PX;
  const below = y + boxHeight + GAP_PX;
  const right = x + boxWidth - width;
  const wishes = [[x, above], [right, above], [x, below], [right, below], [x, y + GAP_PX], [x, y + boxHeight - height - GAP_PX]];
  const tries = wishes.map(([left = 0, top = 0], place) => {
    const found = /** @type {Box} */ ([keep(left, width, stage[0]), keep(top, height, stage[1]), width, height]);
    const covered = sum(faces.map((face) => cover(found, face))) + 3 * sum(taken.map((label) => cover(found, label)));
    return { box: found, place, cost: covered / (width * height) + 0.01 * place - (place === 0 && before === 0 ? TOLERANCE : 0) };
  });
  const best = tries.reduce((least, next) => (next.cost < least.cost ? next : least));
  return { box: best.box, place: best.place };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Label} label
 * @param {Box} box  Where it stands.
 * @param {string} color
 * @param {number} confidence
 */
export function drawLabel(context, label, [left, top, width, height], color, confidence) {
  const { isSmall } = label;
  const middle = top + height / 2 + (isSmall ? 0.5 : -1);
  context.beginPath();
  context.roundRect(left, top, width, height, 7);
  context.fillStyle = "rgb(13 17 22 / .78)";
  context.fill();
  context.textBaseline = "middle";
  /** @param {string} text @param {number} stop @param {number} weight @param {string} ink */
  const write = (text, stop, weight, ink) => {
    context.font = `${weight} ${isSmall ? 11 : 13.5}px ${FONT}`;
    context.fillStyle = ink;
    if (text) context.fillText(text, left + stop, middle);
  };
  const [number = 0, word = 0, more = 0] = label.stops;
  write(label.number, number, 400, "rgb(255 255 255 / .6)");
  write(label.word, word, 600, label.isCertain ? "#ffffff" : "rgb(255 255 255 / .72)");
  write(label.more, more, 400, "rgb(255 255 255 / .78)");
  if (isSmall) return;
  const full = width - 2 * number;
  context.fillStyle = "rgb(255 255 255 / .2)";
  context.fillRect(left + number, top + height - 6, full, 2.5);
  context.fillStyle = color;
  context.fillRect(left + number, top + height - 6, full * confidence, 2.5);
}

/** @param {number} start @param {number} length @param {number} most */
const keep = (start, length, most) => Math.max(EDGE_PX, Math.min(start, most - length - EDGE_PX));

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Return the area that two boxes share. @param {Box} one @param {Box} other */
function cover([x, y, width, height], [left, top, wide, high]) {
  const across = Math.min(x + width, left + wide) - Math.max(x, left);
  const down = Math.min(y + height, top + high) - Math.max(y, top);
  return Math.max(0, across) * Math.max(0, down);
}
