// @ts-check
/** The reader in a thread of its own, so that the page stays smooth; `source.js` talks to it. */

import { toLocalError } from "./errors.js";
import { layOnWhite, takePixels } from "./pixels.js";
import { Reader } from "./reader.js";

/**
 * @typedef {object} Opened
 * @property {import("./types.js").Backend} backend
 * @property {number} threads
 * @property {string[]} labels
 *
 * @typedef {{id: number, kind: "open", options: import("./types.js").OpenOptions}} OpenRequest
 * @typedef {{id: number, kind: "read", picture: ImageBitmap | import("./types.js").Pixels,
 *     options: import("./types.js").ReadOptions}} ReadRequest
 * @typedef {{id: number, answer: unknown} | {id: number, error: {code: string, message: string}}} Reply
 */

/** @type {Promise<Reader> | null} */
let opening = null;

/** @type {Promise<unknown>} */
let last = Promise.resolve(); // the networks run one picture at a time

self.addEventListener("message", (/** @type {MessageEvent<OpenRequest | ReadRequest>} */ { data: request }) => {
  last = last.then(async () => {
    /** @type {Reply} */
    let reply;
    try {
      reply = { id: request.id, answer: await answer(request) };
    } catch (error) {
      const { code, message } = toLocalError(error);
      reply = { id: request.id, error: { code, message } };
    }
    self.postMessage(reply);
  });
});

/**
 * @param {OpenRequest | ReadRequest} request
 * @returns {Promise<Opened | import("./types.js").Picture>}
 */
async function answer(request) {
  if (request.kind === "open") {
    opening = Reader.open(request.options);
    const { engine, classifier } = await opening;
    return { backend: engine.backend, threads: engine.threads, labels: classifier.labels };
  }
  if (!opening) throw new Error("the reader was not opened");
  const { picture, options } = request;
  const pixels = picture instanceof ImageBitmap ? takePixels(picture) : layOnWhite(picture);
  return (await opening).read(pixels, options);
}
