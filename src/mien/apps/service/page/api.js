// The REST API: what the page asks for, and every failure as one kind of error.

/** @typedef {import("./types.js").Picture} Picture */
/** @typedef {import("./types.js").ClipRow} ClipRow */
/** @typedef {import("./types.js").BrowserMode} BrowserMode */

const KEY = "mien.token";
let token = "";
try {
  token = sessionStorage.getItem(KEY) ?? "";
} catch {
  // asked for anew after a reload
}

/** What the service or the network refused. `code` is stable; `message` is for people. */
export class ServiceError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{retryAfter_s?: number | null, pictures?: Picture[]}} [more]
   */
  constructor(code, message, { retryAfter_s = null, pictures = [] } = {}) {
    super(message);
    this.code = code;
    this.retryAfter_s = retryAfter_s;
    this.pictures = pictures;
  }
}

/** The token that goes along, "" without one. */
export const getToken = () => token;

/** @param {string} value  Kept until the tab is closed. */
export function setToken(value) {
  token = value.trim();
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // kept for this page alone
  }
}

/** The headers that carry the token. @returns {Record<string, string>} */
const authorize = () => (token ? { Authorization: `Bearer ${token}` } : {});

/**
 * Ask the service.
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 * @throws {ServiceError} Where it can't be reached ("gone") or refuses.
 */
async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { ...authorize(), ...options.headers }, cache: "no-store" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ServiceError("gone", "no answer");
  }
  if (!response.ok) throw await readProblem(response);
  return response;
}

/** @param {Response} response */
async function readProblem(response) {
  const after = Number(response.headers.get("Retry-After"));
  const retryAfter_s = after > 0 ? after : null;
  try {
    const problem = /** @type {import("./types.js").Problem} */ (await response.json());
    return new ServiceError(problem.code, problem.detail || problem.title, { retryAfter_s, pictures: problem.pictures ?? [] });
  } catch {
    const code = response.status === 401 ? "unauthorized" : response.status === 413 ? "too_large" : "unknown";
    return new ServiceError(code, `the answer had the status ${response.status}`, { retryAfter_s });
  }
}

/** What the service takes at most. @returns {Promise<Record<string, number>>} */
export const getLimits = async () => (await ask("/v1/limits")).json();

/** What the model says of itself, as a file. @returns {Promise<Blob>} */
export const getCard = async () => (await ask("/v1/model")).blob();

/** Whether this server can lend the on-device reader. @returns {Promise<BrowserMode>} */
export const getBrowserMode = async () => (await ask("/v1/browser")).json();

/**
 * Read one photo.
 * @param {File} file
 * @param {AbortSignal} signal
 * @returns {Promise<Picture>}
 * @throws {ServiceError}
 */
export async function readPhoto(file, signal) {
  const body = new FormData();
  body.append("files", file, file.name || "photo");
  let pictures;
  try {
    ({ pictures } = await (await ask("/v1/predict", { method: "POST", body, signal })).json());
  } catch (error) {
    if (error instanceof ServiceError && error.pictures.length) pictures = error.pictures;
    else throw error;
  }
  if (!pictures?.[0]) throw new ServiceError("unknown", "the answer held no picture");
  return pictures[0];
}

/**
 * Send a clip, and hand over each row as it comes.
 * @param {File} file
 * @param {{smoothing: boolean, group: boolean}} wish
 * @param {import("./extent.js").Extent} extent  How much of it is read.
 * @param {(row: ClipRow) => void} onRow
 * @param {AbortSignal} signal
 * @throws {ServiceError} Where the service refuses, or the answer breaks off.
 */
export async function readClip(file, wish, extent, onRow, signal) {
  const query = new URLSearchParams({ smoothing: String(wish.smoothing), group: String(wish.group) });
  for (const [name, value] of Object.entries(extent)) query.set(name, String(value));
  const headers = { "Content-Type": file.type.startsWith("video/") ? file.type : "application/octet-stream" };
  const response = await ask(`/v1/video?${query}`, { method: "POST", body: file, headers, signal });
  if (!response.body) throw new ServiceError("unknown", "the answer was empty");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line) onRow(JSON.parse(line));
    }
  } catch (error) {
    if (signal.aborted || error instanceof ServiceError) throw error;
    throw new ServiceError("gone", "the answer broke off");
  }
  if (rest.trim()) onRow(JSON.parse(rest));
}
