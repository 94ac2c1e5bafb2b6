// Why a face is told as unsure although one expression leads: it can't be seen well enough.

import { LIMITS } from "./local/quality.js";

/** @typedef {import("./types.js").Face} Face */

/**
 * Say what keeps a face from being read surely.
 * @param {Face} face
 * @returns {string} "" where it is sure, where nothing leads, or where it isn't known, as on frames of a film.
 */
export function describeDoubt({ is_certain, quality }) {
  if (is_certain || !quality) return "";
  if (quality.size_px < LIMITS.smallestPx) return "too small";
  if (quality.turn_deg !== null && Math.abs(quality.turn_deg) > LIMITS.mostTurnDeg) return "turned away";
  return quality.sharpness !== null && quality.sharpness < LIMITS.leastSharpness ? "blurred" : "";
}
