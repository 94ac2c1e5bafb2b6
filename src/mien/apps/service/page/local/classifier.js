// @ts-check
/** From face crops to probabilities of expressions; as `mien/inference/expression/classifier.py`. */

import { openSession } from "./engine.js";
import { readExpressionCard } from "./card.js";
import { LocalError } from "./errors.js";
import { SHARPNESS_SIZE_PX } from "./quality.js";

/** @typedef {import("./types.js").Probabilities} Probabilities */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Session} Session */

const BATCH_SIZE = 64;
const OUTPUT = "probabilities";

/** Shows gray face crops to one model. */
export class Classifier {
  /**
   * @param {Engine} engine
   * @param {Session} session
   * @param {import("./card.js").ExpressionCard} card
   */
  constructor(engine, session, card) {
    this.engine = engine;
    this.session = session;
    this.labels = card.labels;
    this.sizePx = card.input.size_px;
  }

  /**
   * @param {Engine} engine
   * @param {Uint8Array} model
   */
  static async open(engine, model) {
    const card = readExpressionCard(model);
    const { size_px, color } = card.input;
    if (size_px !== SHARPNESS_SIZE_PX || color !== "gray") {
      const wanted = `gray crops of ${SHARPNESS_SIZE_PX} pixels`;
      throw new LocalError(
        "model_unusable",
        `models that take ${wanted} run on the device; this one takes ${color} ones of ${size_px}. Use the server.`,
      );
    }
    return new Classifier(engine, await openSession(engine, model), card);
  }

  /**
   * Compute the probability of each label for every crop.
   *
   * @param {Uint8Array[]} crops Gray, of `sizePx` on a side.
   * @returns {Promise<Probabilities[]>}
   */
  async classify(crops) {
    /** @type {Probabilities[]} */
    const rows = [];
    for (let start = 0; start < crops.length; start += BATCH_SIZE) {
      rows.push(...(await this.classifyBatch(crops.slice(start, start + BATCH_SIZE))));
    }
    return rows;
  }

  /**
   * @param {Uint8Array[]} crops
   * @returns {Promise<Probabilities[]>}
   */
  async classifyBatch(crops) {
    const images = new Uint8Array(crops.length * this.sizePx ** 2);
    crops.forEach((crop, index) => images.set(crop, index * this.sizePx ** 2));
    const { Tensor } = this.engine.runtime;
    const shape = [crops.length, this.sizePx, this.sizePx];
    const answers = await this.session.run({ images: new Tensor("uint8", images, shape) }, [OUTPUT]);
    const data = answers[OUTPUT].data;
    return crops.map((_, row) => {
      const values = this.labels.map((label, column) => [label, data[row * this.labels.length + column]]);
      if (!values.every(([, value]) => Number.isFinite(value))) {
        throw new LocalError("failed", `the model gave no probabilities by ${this.engine.backend}. Use the server.`);
      }
      return Object.fromEntries(values);
    });
  }
}
