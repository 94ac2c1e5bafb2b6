// @ts-check
/**
 * What the modules of this folder hand to each other. Names in snake_case are those of the service's JSON.
 *
 * @typedef {object} Pixels A picture as a canvas gives it; an ImageData is one.
 * @property {number} width
 * @property {number} height
 * @property {Uint8ClampedArray | Uint8Array} data RGBA, a row after the other, from the top left.
 *
 * @typedef {object} Rgb A picture without transparency, as the networks take it.
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data RGB, a row after the other, from the top left.
 *
 * @typedef {any} Numbers An array of numbers. Untyped, so that loops which know its ends index it without asking each
 *     time whether there is a number.
 *
 * @typedef {[number, number, number, number]} Box x, y, width, height in pixels; may reach over the border.
 * @typedef {[number, number]} Point x, y in pixels, counted from the corner of the top left pixel.
 * @typedef {[Point, Point, Point, Point, Point]} Landmarks Right eye, left eye, nose tip, right and left mouth corner;
 *     right is the person's.
 *
 * @typedef {object} Detection
 * @property {Box} box
 * @property {number} score 0-1.
 * @property {Landmarks} landmarks
 *
 * @typedef {object} Quality How well a face can be seen, as `mien.core.results.Quality`.
 * @property {number} size_px
 * @property {number | null} sharpness
 * @property {number | null} turn_deg
 * @property {number | null} tilt_deg
 *
 * @typedef {Record<string, number>} Probabilities By label, in the order of the model's card; they sum to 1.
 *
 * @typedef {object} Face
 * @property {Box} box
 * @property {number | null} score
 * @property {Landmarks | null} landmarks
 * @property {string} expression
 * @property {number} confidence
 * @property {boolean} is_certain
 * @property {Probabilities} probabilities
 * @property {Quality} quality
 *
 * @typedef {object} Picture What `POST /v1/predict` gives for one picture that could be read.
 * @property {string} source
 * @property {number} width
 * @property {number} height
 * @property {Face[]} faces The surest first.
 *
 * @typedef {object} Sighting One person on one frame, as the service's `/v1/live` tells it.
 * @property {number} person
 * @property {Box} box
 * @property {number | null} score
 * @property {string} expression The steady label; need not be the likeliest.
 * @property {number} confidence
 * @property {boolean} is_certain
 * @property {Probabilities} probabilities Smoothed.
 * @property {Probabilities} raw_probabilities
 *
 * @typedef {object} Moment Who is on one frame, as a line of the service's `/v1/video`.
 * @property {"moment"} type
 * @property {number} frame
 * @property {number} time_s
 * @property {number} width
 * @property {number} height
 * @property {Sighting[]} faces
 *
 * @typedef {object} ReadOptions
 * @property {string} [source] Name of the picture in the answer.
 * @property {number} [minScore] Score from which on a detection is shown, 0-1; left out: the detector's own.
 * @property {number} [maxSidePx] Larger pictures are scaled down to this longer side; left out: the detector's own.
 *
 * @typedef {"wasm" | "webgpu"} Backend
 *
 * @typedef {object} OpenOptions
 * @property {{expression: string, faces: string}} models Addresses of the two model files.
 * @property {string} runtime Address of the folder in which onnxruntime-web's `dist` lies.
 * @property {Backend} [backend] Left out: WebGPU where a real one is present, else WASM.
 * @property {number} [threads] Of WASM; left out: half the processors, at most 4. 1 where the page isn't isolated.
 * @property {Record<string, string>} [headers] Sent along when the models are fetched, such as a token's.
 */

export {};
