// @ts-check
/**
 * Reading on the device: the same models as the service's, run by onnxruntime-web in a worker. No picture leaves the
 * browser; what is fetched are the models and the runtime, from the server that the page came from.
 */

import { LocalError } from "./errors.js";

export { decodePicture } from "./pixels.js";
export { createFollower } from "./follow.js";
export { LocalError };

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").ReadOptions} ReadOptions */

/**
 * @typedef {object} LocalReader
 * @property {import("./types.js").Backend} backend What the networks run on.
 * @property {number} threads Of WASM.
 * @property {string[]} labels In the order of the model's card.
 * @property {(picture: ImageBitmap | ImageData, options?: ReadOptions) => Promise<Picture>} read Answer as
 *     `POST /v1/predict` does for one picture. A bitmap is taken over and closed; an ImageData is copied. Pictures are
 *     read one after the other: who shows a camera's frames waits for each answer. Rejects with a `LocalError`.
 * @property {() => void} close End the worker; answers that are still out reject.
 */

/**
 * Open a reader in a worker of its own. It takes the time to fetch some 20 megabytes; rejects with a `LocalError`.
 *
 * @param {import("./types.js").OpenOptions} options Addresses may be relative to the page.
 * @returns {Promise<LocalReader>}
 */
export async function createLocalReader(options) {
  const link = new WorkerLink();
  const absolute = (/** @type {string} */ address) => new URL(address, document.baseURI).href;
  const { expression, faces } = options.models;
  try {
    /** @type {import("./worker.js").Opened} */
    const opened = await link.ask("open", {
      options: {
        ...options,
        runtime: absolute(options.runtime),
        models: { expression: absolute(expression), faces: absolute(faces) },
      },
    });
    return {
      ...opened,
      read: (picture, readOptions = {}) => {
        const isBitmap = picture instanceof ImageBitmap;
        return link.ask("read", { picture, options: readOptions }, isBitmap ? [picture] : []);
      },
      close: () => link.close(),
    };
  } catch (error) {
    link.close();
    throw error;
  }
}

/** Questions to the worker, and the promises of their answers. */
class WorkerLink {
  constructor() {
    /** @type {Map<number, {resolve: (answer: any) => void, reject: (error: LocalError) => void}>} */
    this.open = new Map();
    this.count = 0;
    this.isClosed = false;
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "mien-reader" });
    this.worker.addEventListener("message", ({ data }) => this.settle(data));
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.close(new LocalError("failed", `the reader's worker failed: ${event.message || "it can't be loaded"}.`));
    });
  }

  /**
   * @param {"open" | "read"} kind
   * @param {object} content
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  ask(kind, content, transfer = []) {
    if (this.isClosed) return Promise.reject(new LocalError("closed", "the reader is closed. Open a new one."));
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      this.worker.postMessage({ id, kind, ...content }, transfer);
    });
  }

  /** @param {import("./worker.js").Reply} reply */
  settle(reply) {
    const question = this.open.get(reply.id);
    this.open.delete(reply.id);
    if (!question) return;
    if ("answer" in reply) question.resolve(reply.answer);
    else {
      const code = /** @type {import("./errors.js").LocalCode} */ (reply.error.code);
      question.reject(new LocalError(code, reply.error.message));
    }
  }

  /** @param {LocalError} [reason] */
  close(reason = new LocalError("closed", "the reader was closed before it answered.")) {
    this.isClosed = true;
    this.worker.terminate();
    for (const { reject } of this.open.values()) reject(reason);
    this.open.clear();
  }
}
