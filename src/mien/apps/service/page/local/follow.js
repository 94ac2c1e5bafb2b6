// @ts-check
/**
 * Who is who from frame to frame, on the device: the next face to where a person was gets their number.
 *
 * The server's tracker is better: it expects people where they move to, finds them again behind others, keeps numbers
 * off false boxes, and follows a camera that moves. This one is for a few people before a camera that stands.
 */

import { findLeader } from "./leader.js";
import { isCertain } from "./quality.js";
import { Smoother } from "./smoothing.js";

/** @typedef {import("./types.js").Box} Box */
/** @typedef {import("./types.js").Face} Face */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./types.js").Picture} Picture */

/** In seconds and face sizes (side of the square of the box's area), as the server's tracker counts. */
const REMEMBER_S = 2; // persons who are gone for longer get a new number
const REACH = 0.8; // how far a face may be from where the person was
const REACH_GROWTH = 1.5; // by how much that grows for each second that the person was not found
const STRETCH = 1.5; // by which factor the size may differ

/**
 * @typedef {object} Known
 * @property {number} person
 * @property {Box} box
 * @property {number} seenS
 *
 * @typedef {object} When
 * @property {number} frame The frame's number, from 0 on.
 * @property {number} timeS Of the frame, in seconds; never goes backward.
 *
 * @typedef {object} Follower
 * @property {(picture: Picture, when: When) => Moment} update Give a frame's faces their numbers and steady labels.
 * @property {(isSmoothing: boolean) => void} setSmoothing Switch it; numbers stay.
 */

/**
 * Begin without persons.
 *
 * @param {{smoothing?: boolean}} [options]
 * @returns {Follower}
 */
export function createFollower({ smoothing = true } = {}) {
  /** @type {Known[]} */
  let known = [];
  let count = 0;
  let smoother = smoothing ? new Smoother() : null;
  return {
    update(picture, { frame, timeS }) {
      known = known.filter(({ seenS }) => timeS - seenS <= REMEMBER_S);
      const matched = match(known, picture.faces, timeS);
      const faces = picture.faces.map((face, index) => {
        const one = matched.get(index);
        const person = one ? one.person : ++count;
        known = [...known.filter((other) => other !== one), { person, box: face.box, seenS: timeS }];
        return describe(face, person, smoother, timeS);
      });
      smoother?.forgetAllBut(new Set(known.map(({ person }) => person)));
      return { type: "moment", frame, time_s: timeS, width: picture.width, height: picture.height, faces };
    },
    setSmoothing(isSmoothing) {
      smoother = isSmoothing ? (smoother ?? new Smoother()) : null;
    },
  };
}

/**
 * Pair persons and faces, the closest first.
 *
 * @param {Known[]} known
 * @param {Face[]} faces
 * @param {number} timeS
 * @returns {Map<number, Known>} By the face's index who it is; without new persons.
 */
function match(known, faces, timeS) {
  const pairs = known
    .flatMap((one) => faces.map((face, index) => ({ one, index, cost: weigh(one, face.box, timeS) })))
    .filter(({ cost }) => cost < Infinity)
    .sort((a, b) => a.cost - b.cost);
  /** @type {Map<number, Known>} */
  const matched = new Map();
  const taken = new Set();
  for (const { one, index } of pairs) {
    if (matched.has(index) || taken.has(one)) continue;
    matched.set(index, one);
    taken.add(one);
  }
  return matched;
}

/**
 * Tell how unlike a face's place and size are to where the person was.
 *
 * @param {Known} one
 * @param {Box} box
 * @param {number} timeS
 * @returns {number} Infinity where it can't be the same.
 */
function weigh(one, box, timeS) {
  const sizes = [Math.sqrt(one.box[2] * one.box[3]), Math.sqrt(box[2] * box[3])];
  const larger = Math.max(...sizes);
  const away =
    Math.hypot(
      box[0] + box[2] / 2 - one.box[0] - one.box[2] / 2,
      box[1] + box[3] / 2 - one.box[1] - one.box[3] / 2,
    ) / larger;
  const stretch = larger / Math.min(...sizes);
  const isPossible = away <= REACH + REACH_GROWTH * (timeS - one.seenS) && stretch <= STRETCH;
  return isPossible ? away + Math.log(stretch) : Infinity;
}

/**
 * @param {Face} face
 * @param {number} person
 * @param {Smoother | null} smoother
 * @param {number} timeS
 * @returns {import("./types.js").Sighting}
 */
function describe(face, person, smoother, timeS) {
  const raw = face.probabilities;
  const unsmoothed = { probabilities: raw, label: findLeader(raw)[0] };
  const { probabilities, label } = smoother?.update(person, raw, timeS) ?? unsmoothed;
  const confidence = probabilities[label] ?? 0;
  return {
    person,
    box: face.box,
    score: face.score,
    expression: label,
    confidence,
    is_certain: isCertain(confidence, face.quality),
    probabilities,
    raw_probabilities: raw,
  };
}
