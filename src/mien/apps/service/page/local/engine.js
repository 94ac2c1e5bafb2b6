// @ts-check
/**
 * onnxruntime-web: loaded from our own server, told how many threads to use, and on WebGPU where a real one is there.
 *
 * It has no types here, so that the page is checked without it; what is used of it is written down below.
 */

import { LocalError } from "./errors.js";

/** @typedef {import("./types.js").Backend} Backend */

/**
 * @typedef {object} Tensor
 * @property {Float32Array | Uint8Array} data
 * @property {readonly number[]} dims
 *
 * @typedef {object} Session
 * @property {(inputs: Record<string, Tensor>, outputs?: readonly string[]) => Promise<any>} run Gives tensors by name.
 * @property {() => Promise<void>} release
 *
 * @typedef {object} Runtime What we use of the module `onnxruntime-web`.
 * @property {{logLevel: string, wasm: {numThreads: number, wasmPaths: string}}} env
 * @property {new (type: string, data: Uint8Array | Float32Array, dims: readonly number[]) => Tensor} Tensor
 * @property {{create: (model: Uint8Array, options: object) => Promise<Session>}} InferenceSession
 *
 * @typedef {object} Engine
 * @property {Runtime} runtime
 * @property {Backend} backend
 * @property {number} threads
 */

/** Builds of onnxruntime-web: the small one, and the one with WebGPU, whose WASM is twice as large. */
const BUILDS = Object.freeze({ wasm: "ort.wasm.min.mjs", webgpu: "ort.webgpu.min.mjs" });

const MAX_THREADS = 4; // more cost such small networks more in waiting for each other than they gain

/**
 * Load onnxruntime-web.
 *
 * @param {string} folder Address of its `dist`.
 * @param {Backend} backend
 * @param {number} [threads]
 * @returns {Promise<Engine>}
 */
export async function loadEngine(folder, backend, threads) {
  const base = folder.endsWith("/") ? folder : `${folder}/`;
  /** @type {Runtime} */
  let runtime;
  try {
    runtime = await import(base + BUILDS[backend]);
  } catch (error) {
    throw new LocalError("runtime_absent", `${base}${BUILDS[backend]} can't be loaded: ${error}`, error);
  }
  const used = countThreads(threads);
  runtime.env.logLevel = "error";
  runtime.env.wasm.wasmPaths = base;
  runtime.env.wasm.numThreads = used;
  return { runtime, backend, threads: used };
}

/**
 * Open a model.
 *
 * @param {Engine} engine
 * @param {Uint8Array} model
 * @returns {Promise<Session>}
 */
export async function openSession({ runtime, backend }, model) {
  try {
    // The wasm behind webgpu runs what WebGPU has no kernel for, such as the suppression of doubles.
    const executionProviders = backend === "webgpu" ? ["webgpu", "wasm"] : ["wasm"];
    return await runtime.InferenceSession.create(model, { executionProviders });
  } catch (error) {
    throw new LocalError("model_unusable", `onnxruntime-web can't open the model by ${backend}: ${error}`, error);
  }
}

/**
 * Tell which backends to try, the preferred first.
 *
 * @param {Backend} [wanted]
 * @returns {Promise<Backend[]>}
 */
export async function listBackends(wanted) {
  if (wanted === "wasm") return ["wasm"];
  const adapter = await findAdapter();
  // A fallback adapter computes on the processor, and slower than WASM: only who names WebGPU gets it.
  const isUsable = adapter && (wanted === "webgpu" || !adapter.info?.isFallbackAdapter);
  return isUsable ? ["webgpu", "wasm"] : ["wasm"];
}

/** @returns {Promise<any>} A GPUAdapter; null where there is no WebGPU. */
async function findAdapter() {
  try {
    return (await /** @type {any} */ (navigator).gpu?.requestAdapter()) ?? null;
  } catch {
    return null;
  }
}

/** @param {number} [wanted] */
function countThreads(wanted) {
  if (!globalThis.crossOriginIsolated) return 1; // no shared memory: the page lacks COOP and COEP
  return wanted ?? Math.max(1, Math.min(MAX_THREADS, Math.floor(navigator.hardwareConcurrency / 2)));
}
