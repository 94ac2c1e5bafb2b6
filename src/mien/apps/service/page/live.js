// The live connection: the newest frame only, one at a time, and back again after a break with growing waits.

import { getLimits, getToken, ServiceError } from "./api.js";
import { sleep } from "./elements.js";

/** @typedef {import("./types.js").LiveAnswer} LiveAnswer */

const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];
const ANSWER_WITHIN_MS = 10000;
const BUSY_WAIT_MS = 5000;
const BUSY_REST_MS = 500; // before the next frame, where the server had no room for the last one
/** Close codes after which coming back would change nothing. @type {Record<number, string>} */
const FINAL = { 1008: "unauthorized", 1009: "too_large" };

/**
 * @typedef {object} LiveWish
 * @property {() => Promise<Blob | null>} grab  Returns the newest frame; null where none is there yet.
 * @property {(answer: LiveAnswer, took_ms: number) => void} onAnswer  `took_ms`: from the frame's sending to its answer.
 * @property {(state: "open" | "waiting", wait_ms: number, error: ServiceError | null) => void} onState
 * @property {(error: ServiceError) => void} onEnd  Where it makes no sense to come back.
 */

export class LiveConnection {
  /** @type {WebSocket | null} */
  #socket = null;
  #stop = new AbortController();
  #failures = 0;
  #sent_ms = 0;
  #watch = 0;

  /**
   * Connect, and stay connected until `close`.
   * @param {LiveWish} wish
   * @param {{smoothing: boolean, group: boolean}} settings
   */
  constructor(wish, settings) {
    this.wish = wish;
    this.settings = { ...settings };
    this.#connect();
  }

  /** @param {{smoothing?: boolean, group?: boolean}} change  Holds from the next frame on. */
  set(change) {
    Object.assign(this.settings, change);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(change));
  }

  close() {
    this.#stop.abort();
    clearTimeout(this.#watch);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  #connect() {
    const { smoothing, group } = this.settings;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const protocols = getToken() ? ["mien.v1", `bearer.${getToken()}`] : ["mien.v1"];
    const socket = new WebSocket(`${scheme}//${location.host}/v1/live?smoothing=${smoothing}&group=${group}`, protocols);
    let hasOpened = false;
    this.#socket = socket;
    socket.addEventListener("open", () => {
      hasOpened = true;
      this.wish.onState("open", 0, null);
      void this.#send(socket);
    });
    socket.addEventListener("message", (event) => this.#take(socket, JSON.parse(event.data)));
    socket.addEventListener("close", (event) => {
      clearTimeout(this.#watch);
      if (!this.#stop.signal.aborted) void this.#recover(event.code, hasOpened);
    });
  }

  /**
   * Send the newest frame.
   * @param {WebSocket} socket
   * @param {number} [rest_ms]  Wait so long before.
   */
  async #send(socket, rest_ms = 0) {
    if (rest_ms) await sleep(rest_ms, this.#stop.signal);
    while (socket.readyState === WebSocket.OPEN && !this.#stop.signal.aborted) {
      const frame = await this.wish.grab();
      if (frame && socket.readyState === WebSocket.OPEN) {
        this.#sent_ms = performance.now();
        socket.send(frame);
        clearTimeout(this.#watch);
        this.#watch = setTimeout(() => socket.close(4000, "no answer"), ANSWER_WITHIN_MS);
        return;
      }
      await sleep(100, this.#stop.signal);
    }
  }

  /**
   * @param {WebSocket} socket
   * @param {LiveAnswer} answer
   */
  #take(socket, answer) {
    if (this.#stop.signal.aborted) return;
    this.wish.onAnswer(answer, performance.now() - this.#sent_ms);
    if (answer.type === "hello" || (answer.type === "error" && answer.frame === null)) return; // no frame's answer
    if (answer.type !== "error") this.#failures = 0;
    clearTimeout(this.#watch);
    void this.#send(socket, answer.type === "error" && answer.code === "busy" ? BUSY_REST_MS : 0);
  }

  /**
   * Wait and connect again, or give up where that is useless.
   * @param {number} code
   * @param {boolean} hasOpened
   */
  async #recover(code, hasOpened) {
    const error = FINAL[code] ? new ServiceError(/** @type {string} */ (FINAL[code]), "the connection was refused") : await this.#probe(code, hasOpened);
    if (this.#stop.signal.aborted) return;
    if (error?.code === "unauthorized" || error?.code === "too_large" || error?.code === "forbidden_origin") {
      this.#stop.abort();
      this.wish.onEnd(error);
      return;
    }
    const growing_ms = /** @type {number} */ (WAITS_MS[Math.min(this.#failures, WAITS_MS.length - 1)]);
    const wait_ms = Math.max(growing_ms, code === 1013 ? BUSY_WAIT_MS : 0);
    this.#failures += 1;
    this.wish.onState("waiting", wait_ms, error);
    await sleep(wait_ms, this.#stop.signal);
    if (!this.#stop.signal.aborted) this.#connect();
  }

  /**
   * Find out why: a browser is not told why a handshake failed.
   * @param {number} code
   * @param {boolean} hasOpened
   * @returns {Promise<ServiceError | null>}
   */
  async #probe(code, hasOpened) {
    if (code === 1013) return new ServiceError("busy", "too many cameras at once");
    if (hasOpened && code !== 1006) return code === 1001 ? new ServiceError("draining", "the server stops") : null;
    try {
      await getLimits();
      return null;
    } catch (error) {
      return error instanceof ServiceError ? error : null;
    }
  }
}
