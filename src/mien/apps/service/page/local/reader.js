// @ts-check
/** From pixels to the answer that the service gives for a picture; as `mien.Recognizer`. Runs in any thread. */

import { Classifier } from "./classifier.js";
import { cropFace, toGray } from "./crop.js";
import { Detector } from "./detector.js";
import { listBackends, loadEngine } from "./engine.js";
import { LocalError, toLocalError } from "./errors.js";
import { findLeader } from "./leader.js";
import { isCertain, measureQuality } from "./quality.js";

/** @typedef {import("./types.js").Pixels} Pixels */
/** @typedef {import("./types.js").Face} Face */
/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").Probabilities} Probabilities */
/** @typedef {import("./types.js").OpenOptions} OpenOptions */
/** @typedef {import("./types.js").ReadOptions} ReadOptions */

const WARM_UP_PX = 64;

/** Reads the apparent expressions of all faces in a picture. */
export class Reader {
  /**
   * @param {Detector} detector
   * @param {Classifier} classifier
   * @param {OpenOptions} options With which it was opened.
   */
  constructor(detector, classifier, options) {
    this.detector = detector;
    this.classifier = classifier;
    this.options = options;
  }

  /**
   * Load onnxruntime-web and both models.
   *
   * @param {OpenOptions} options
   * @returns {Promise<Reader>}
   */
  static async open(options) {
    const { models, runtime, backend, threads, headers } = options;
    const fetching = [fetchModel(models.expression, headers), fetchModel(models.faces, headers)];
    const [expression, faces] = /** @type {[Uint8Array, Uint8Array]} */ (await Promise.all(fetching));
    const backends = await listBackends(backend);
    for (const candidate of backends) {
      try {
        const engine = await loadEngine(runtime, candidate, threads);
        const reader = new Reader(
          await Detector.open(engine, faces),
          await Classifier.open(engine, expression),
          options,
        );
        await reader.warmUp();
        return reader;
      } catch (error) {
        if (candidate === backends[backends.length - 1]) throw error; // else a driver can't do it, and WASM can
      }
    }
    throw new LocalError("failed", "no backend was tried.");
  }

  /** What the models run on. */
  get engine() {
    return this.detector.engine;
  }

  /**
   * Read one picture.
   *
   * @param {Pixels} pixels Without transparency.
   * @param {ReadOptions} [options]
   * @returns {Promise<Picture>}
   */
  async read(pixels, options = {}) {
    try {
      return await this.readOnce(pixels, options);
    } catch (error) {
      if (this.engine.backend === "wasm" || toLocalError(error).code === "bad_input") throw error;
      // A graphics card can be lost at any time, as when a laptop wakes up. WASM goes on from here.
      const { detector, classifier } = await Reader.open({ ...this.options, backend: "wasm" });
      this.detector = detector;
      this.classifier = classifier;
      return this.readOnce(pixels, options);
    }
  }

  /**
   * @param {Pixels} pixels
   * @param {ReadOptions} options
   * @returns {Promise<Picture>}
   */
  async readOnce(pixels, options) {
    const found = await this.detector.detect(pixels, options);
    const seen = found.map((detection) => {
      const crop = cropFace(pixels, detection.box, detection.landmarks, this.classifier.sizePx);
      return { detection, crop: toGray(crop) };
    });
    const rows = await this.classifier.classify(seen.map(({ crop }) => crop));
    return {
      source: options.source ?? "picture-1",
      width: pixels.width,
      height: pixels.height,
      faces: seen.map(({ detection, crop }, index) => describe(detection, rows[index] ?? {}, crop)),
    };
  }

  /** Run both networks once: a backend that can't is found out, and the first picture doesn't wait for compilers. */
  async warmUp() {
    const data = new Uint8Array(WARM_UP_PX ** 2 * 4).fill(128);
    await this.readOnce({ width: WARM_UP_PX, height: WARM_UP_PX, data }, {});
    await this.classifier.classify([new Uint8Array(this.classifier.sizePx ** 2).fill(128)]);
  }
}

/**
 * @param {import("./types.js").Detection} detection
 * @param {Probabilities} probabilities
 * @param {Uint8Array} crop
 * @returns {Face}
 */
function describe({ box, score, landmarks }, probabilities, crop) {
  const quality = measureQuality(box, landmarks, crop);
  const [expression, confidence] = findLeader(probabilities);
  return {
    box,
    score,
    landmarks,
    expression,
    confidence,
    is_certain: isCertain(confidence, quality),
    probabilities,
    quality,
  };
}

/**
 * @param {string} address
 * @param {Record<string, string>} [headers]
 */
async function fetchModel(address, headers) {
  const response = await fetch(address, { headers }).catch((error) => {
    throw new LocalError("model_absent", `${address} can't be loaded: ${error.message}.`, error);
  });
  if (!response.ok) {
    throw new LocalError("model_absent", `${address} can't be loaded: the server answers ${response.status}.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}
