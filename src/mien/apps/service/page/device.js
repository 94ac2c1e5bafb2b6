// The reader on this device: loaded only when somebody chooses it, with the same models as the server's.

import { getToken } from "./api.js";

/** @typedef {import("./types.js").BrowserMode} BrowserMode */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Moment} Moment */

/**
 * @typedef {object} Device
 * @property {(file: File) => Promise<Picture>} readFile  One photo.
 * @property {(isSmoothing: boolean) => Follow} follow  Begin a film: frames one after the other.
 */

/**
 * @typedef {object} Follow
 * @property {(frame: ImageBitmap, time_s: number) => Promise<Moment>} read
 * @property {(isSmoothing: boolean) => void} setSmoothing
 */

/** @type {Promise<Device> | null} */
let device = null;

/**
 * Return the reader; the first call loads about 20 MB from this server.
 * @param {BrowserMode} mode
 * @returns {Promise<Device>}
 */
export function openDevice(mode) {
  device ??= load(mode).catch((error) => {
    device = null; // another try may go well
    throw error;
  });
  return device;
}

/** @param {BrowserMode} mode @returns {Promise<Device>} */
async function load(mode) {
  const { createFollower, createLocalReader, decodePicture } = await import("./local/source.js");
  const { expression = "", faces = "" } = mode.models;
  const headers = getToken() ? { Authorization: `Bearer ${getToken()}` } : undefined;
  const reader = await createLocalReader({ models: { expression, faces }, runtime: mode.runtime, ...(headers && { headers }) });
  return {
    readFile: async (file) => reader.read(await decodePicture(file), { source: file.name || "photo" }),
    follow: (isSmoothing) => {
      const follower = createFollower({ smoothing: isSmoothing });
      let frame = 0;
      return {
        read: async (picture, time_s) => follower.update(await reader.read(picture), { frame: frame++, timeS: time_s }),
        setSmoothing: (next) => follower.setSmoothing(next),
      };
    },
  };
}
