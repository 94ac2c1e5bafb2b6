// How much of a clip is asked for: all its frames where the server's limits allow it, else as many as they do.

/** How long the browser may take to tell a clip's length; then the clip is sent without it. */
const LEARN_WITHIN_MS = 3000;

/**
 * Which part of a clip is asked for, by the names of `/v1/video`; what is left out isn't limited.
 * @typedef {object} Extent
 * @property {number} [end_s]
 * @property {number} [max_fps]
 */

/**
 * Choose what of a clip is asked for. The browser knows a clip's length and not its frame rate; so the rate is bounded by
 * what the server reads over that length: 1800 a second of a clip of 2 s, 30 of one of 2 minutes, where it reads 3600.
 * @param {number | null} duration_s  Null where it isn't known: then it is taken to be as long as the server reads.
 * @param {Record<string, number> | null} limits  The server's; null where they aren't known.
 * @returns {Extent}
 */
export function chooseExtent(duration_s, limits) {
  const { max_video_s: most_s, max_video_frames: frames } = limits ?? {};
  if (!most_s || !frames) return {};
  const isWhole = duration_s !== null && duration_s <= most_s;
  return isWhole ? { max_fps: frames / duration_s } : { end_s: most_s, max_fps: frames / most_s };
}

/**
 * Wait until a clip's length is known.
 * @param {HTMLVideoElement} video  Has begun to load it.
 * @param {AbortSignal} signal
 * @returns {Promise<number | null>}  Seconds; null where the browser can't tell: it can't play the clip, or the file, such
 *     as a recording of a browser, doesn't say it.
 */
export async function learnDuration(video, signal) {
  if (video.readyState < HTMLMediaElement.HAVE_METADATA && !video.error) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, LEARN_WITHIN_MS);
      for (const [target, name] of /** @type {[EventTarget, string][]} */ ([[video, "loadedmetadata"], [video, "error"], [signal, "abort"]])) {
        target.addEventListener(name, () => { clearTimeout(timer); resolve(null); }, { once: true });
      }
    });
  }
  const { duration } = video;
  return Number.isFinite(duration) && duration > 0 ? duration : null;
}
