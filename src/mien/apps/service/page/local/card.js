// @ts-check
/**
 * The model card inside the bytes of an ONNX file, found without any library.
 *
 * An ONNX file is one protobuf message; its `metadata_props` are text under text keys, and the card is one of them. So
 * labels, sizes and thresholds always belong to the file that is run. The card's hashes are checked in Python, by the
 * service that serves the file; here nothing is checked twice.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (ModelProto, StringStringEntryProto)
 */

import { LocalError } from "./errors.js";

/**
 * @typedef {object} ExpressionCard
 * @property {"expression"} task
 * @property {string[]} labels In the order of the network's columns.
 * @property {{size_px: number, color: "gray" | "rgb"}} input
 *
 * @typedef {object} FacesCard
 * @property {"faces"} task
 * @property {number} min_score
 * @property {number} max_side_px
 */

const CARD_KEY = "mien.card";
const METADATA = 14;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const LENGTH_DELIMITED = 2;

/**
 * Return the card of a model that tells expressions.
 *
 * @param {Uint8Array} model A whole .onnx file.
 * @returns {ExpressionCard}
 */
export function readExpressionCard(model) {
  const card = readCard(model, "expression");
  const { labels, input } = card;
  if (!Array.isArray(labels) || !labels.length || !Number.isInteger(input?.size_px)) {
    throw new LocalError("model_unusable", "the model's card names no labels or no size of its input.");
  }
  return card;
}

/**
 * Return the card of a model that finds faces.
 *
 * @param {Uint8Array} model A whole .onnx file.
 * @returns {FacesCard}
 */
export function readFacesCard(model) {
  const card = readCard(model, "faces");
  if (!Number.isFinite(card.min_score) || !Number.isInteger(card.max_side_px)) {
    throw new LocalError("model_unusable", "the detector's card names no least score or no largest side.");
  }
  return card;
}

/**
 * @param {Uint8Array} model
 * @param {string} task
 * @returns {any}
 */
function readCard(model, task) {
  for (const [number, value] of walkFields(model)) {
    if (number !== METADATA) continue;
    const entry = new Map(walkFields(value));
    if (decode(entry.get(ENTRY_KEY)) !== CARD_KEY) continue;
    const card = JSON.parse(decode(entry.get(ENTRY_VALUE)));
    if (card.task === task) return card;
    throw new LocalError("model_unusable", `the model is one for "${card.task}", and "${task}" is wanted here.`);
  }
  throw new LocalError("model_unusable", "the file holds no model card, so `mien export` did not write it.");
}

/** @param {Uint8Array | undefined} text */
function decode(text) {
  return new TextDecoder().decode(text ?? new Uint8Array());
}

/**
 * Yield the fields of a protobuf message that have a length: their numbers and bytes.
 *
 * @param {Uint8Array} data
 * @returns {Generator<[number, Uint8Array]>}
 */
function* walkFields(data) {
  let at = 0;
  const readVarint = () => {
    let value = 0;
    for (let factor = 1; at < data.length; factor *= 128) {
      const byte = data[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw new LocalError("model_unusable", "the model file is cut short. Load the page again.");
  };
  while (at < data.length) {
    const tag = readVarint();
    const wireType = tag % 8;
    if (wireType === LENGTH_DELIMITED) {
      const length = readVarint();
      yield [Math.floor(tag / 8), data.subarray(at, at + length)];
      at += length;
    } else if (wireType === 0) readVarint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else throw new LocalError("model_unusable", "the model file is no ONNX file.");
  }
}
