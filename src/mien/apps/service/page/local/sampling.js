// @ts-check
/**
 * Turned squares out of a picture, area-averaged where they shrink it; as `mien/inference/faces/sampling.py`.
 *
 * A large picture is first averaged over cells of 2^k x 2^k pixels, so that a pixel of the crop is at most four cells
 * wide. Then each pixel of the crop is the mean of a grid of bilinear samples at most one cell apart.
 */

import { averageArea } from "./areas.js";
import { center, place, side } from "./frame.js";

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Numbers} Numbers */
/** @typedef {import("./frame.js").Square} Square */

/**
 * @typedef {object} Cells Colors of a part of the picture; beyond it the outermost repeat.
 * @property {Numbers} data
 * @property {number} channels Steps from one color to the next: 4 of a canvas, 3 of averages.
 * @property {number} left The first column, in cells of the picture.
 * @property {number} top The first row.
 * @property {number} width
 * @property {number} height
 */

const MAX_CELLS = 4; // across a pixel of the crop
const ROUND = 0.5 + 2 ** -10; // the little more rounds all halves up, whatever the order of the sums was
const SLACK = 1e-6; // a scale this little above a whole number is that number

/**
 * Return what a square shows; beyond the picture its edge pixels repeat.
 *
 * @param {Pixels} pixels
 * @param {Square} square Of any place, turn and size.
 * @param {number} sizePx Side of the crop.
 * @returns {Uint8Array} (sizePx, sizePx, 3) RGB.
 */
export function cutSquare(pixels, square, sizePx) {
  const near = bringNear(square, pixels);
  let cellPx = 1;
  while (side(near) / sizePx > MAX_CELLS * cellPx * (1 + SLACK)) cellPx *= 2;
  return sample(average(pixels, near, cellPx), near, sizePx, cellPx);
}

/**
 * Return a square that shows the same, but lies at most its side beyond the picture.
 *
 * @param {Square} square
 * @param {Pixels} pixels
 * @returns {Square}
 */
function bringNear(square, { width, height }) {
  const length = side(square);
  const [x, y] = center(square);
  const nearX = Math.min(Math.max(x, -length), width + length);
  const nearY = Math.min(Math.max(y, -length), height + length);
  if (nearX === x && nearY === y) return square;
  const [halfX, halfY] = place({ corner: [0, 0], edge: square.edge }, 0.5, 0.5);
  return { corner: [nearX - halfX, nearY - halfY], edge: square.edge };
}

/**
 * Average the part of a picture that a square needs over cells; pixels as cells are not copied.
 *
 * @param {Pixels} pixels
 * @param {Square} square
 * @param {number} cellPx
 * @returns {Cells}
 */
function average(pixels, square, cellPx) {
  const { width, height } = pixels;
  if (cellPx === 1) return { data: pixels.data, channels: 4, left: 0, top: 0, width, height };
  const corners = [place(square, 0, 0), place(square, 1, 0), place(square, 0, 1), place(square, 1, 1)];
  const columns = stretch(corners.map(([x]) => x / cellPx), width, cellPx);
  const rows = stretch(corners.map(([, y]) => y / cellPx), height, cellPx);
  const cells = {
    data: new Uint8Array(columns.spans.length * rows.spans.length * 3),
    channels: 3,
    left: columns.begin,
    top: rows.begin,
    width: columns.spans.length,
    height: rows.spans.length,
  };
  let at = 0;
  for (const [top, bottom] of rows.spans) {
    for (const [left, right] of columns.spans) {
      averageArea(pixels, left, top, right, bottom, cells.data, at);
      at += 3;
    }
  }
  fillLast(cells, columns.missing, rows.missing);
  return cells;
}

/**
 * Return along one axis which pixels the needed cells are made of; one beyond each end, of edge pixels, stands for all.
 *
 * @param {number[]} ends Of the square, in cells.
 * @param {number} length Of the picture.
 * @param {number} cellPx
 * @returns {{begin: number, spans: Array<[number, number]>, missing: number}} `missing` is the share of the picture's
 *     last cell that is cut off, if that cell and the one beyond are needed; else 0.
 */
function stretch(ends, length, cellPx) {
  const count = Math.ceil(length / cellPx);
  const begin = Math.min(Math.max(Math.floor(Math.min(...ends)) - 1, -1), count);
  let end = Math.max(Math.min(Math.ceil(Math.max(...ends)) + 1, count + 1), begin + 1);
  if (end >= count) end = count + 1;
  /** @type {Array<[number, number]>} */
  const spans = [];
  for (let cell = begin; cell < end; cell++) {
    if (cell < 0) spans.push([0, 1]);
    else if (cell >= count) spans.push([length - 1, length]);
    else spans.push([cell * cellPx, Math.min((cell + 1) * cellPx, length)]);
  }
  const rest = length % cellPx;
  return { begin, spans, missing: rest && end > count && spans.length > 1 ? 1 - rest / cellPx : 0 };
}

/**
 * Fill what the last cells of the picture lack from those beyond.
 *
 * @param {Cells} cells
 * @param {number} missingAcross Share of the last but one column.
 * @param {number} missingDown Share of the last but one row.
 */
function fillLast({ data, width, height }, missingAcross, missingDown) {
  const row = width * 3;
  if (missingAcross) {
    for (let i = row - 6; i < data.length; i += row) {
      for (let c = i; c < i + 3; c++) data[c] = mix(data[c], data[c + 3], missingAcross);
    }
  }
  if (missingDown) {
    for (let i = (height - 2) * row; i < (height - 1) * row; i++) data[i] = mix(data[i], data[i + row], missingDown);
  }
}

/**
 * @param {number} value
 * @param {number} other
 * @param {number} share Of the other.
 */
function mix(value, other, share) {
  return Math.floor((1 - share) * value + share * other + ROUND);
}

/**
 * @param {Cells} cells
 * @param {Square} square
 * @param {number} sizePx
 * @param {number} cellPx
 * @returns {Uint8Array}
 */
function sample(cells, square, sizePx, cellPx) {
  const times = Math.max(1, Math.ceil(side(square) / (sizePx * cellPx) - SLACK));
  const steps = sizePx * cellPx * times;
  const [fineX, fineY] = [square.edge[0] / steps, square.edge[1] / steps];
  // Counted from the middle of the first cell that we have.
  const startX = square.corner[0] / cellPx - cells.left - 0.5;
  const startY = square.corner[1] / cellPx - cells.top - 0.5;
  const sums = /** @type {Numbers} */ (new Float64Array(3));
  const crop = new Uint8Array(sizePx * sizePx * 3);
  for (let row = 0, at = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++, at += 3) {
      sums.fill(0);
      for (let v = row * times + 0.5; v < (row + 1) * times; v++) {
        for (let u = column * times + 0.5; u < (column + 1) * times; u++) {
          addSample(cells, startX + fineX * u - fineY * v, startY + fineY * u + fineX * v, sums);
        }
      }
      for (let c = 0; c < 3; c++) crop[at + c] = Math.min(255, Math.floor(sums[c] / (times * times) + ROUND));
    }
  }
  return crop;
}

/**
 * Add the color at a point, between the four cells around it.
 *
 * @param {Cells} cells
 * @param {number} x In cells, 0 is the middle of the first column.
 * @param {number} y Likewise.
 * @param {Numbers} sums A Float64Array; gets red, green and blue added.
 */
function addSample({ data, channels, width, height }, x, y, sums) {
  const floorX = Math.floor(x);
  const floorY = Math.floor(y);
  const shareX = x - floorX;
  const shareY = y - floorY;
  const left = Math.min(Math.max(floorX, 0), width - 1) * channels;
  const right = Math.min(Math.max(floorX + 1, 0), width - 1) * channels;
  const top = Math.min(Math.max(floorY, 0), height - 1) * width * channels;
  const bottom = Math.min(Math.max(floorY + 1, 0), height - 1) * width * channels;
  for (let c = 0; c < 3; c++) {
    const above = data[top + left + c] + (data[top + right + c] - data[top + left + c]) * shareX;
    const below = data[bottom + left + c] + (data[bottom + right + c] - data[bottom + left + c]) * shareX;
    sums[c] += above + (below - above) * shareY;
  }
}
