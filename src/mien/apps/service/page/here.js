// A clip read on this device: frames are taken while it plays, and told in the same rows as the server's.

import { Bins, CLIP_BIN_S } from "./bins.js";
import { openDevice } from "./device.js";
import { sleep } from "./elements.js";
import { grabBitmap } from "./frames.js";

/** @typedef {import("./types.js").ClipRow} ClipRow */

const LOOK_AGAIN_MS = 30;

/**
 * Play a clip and hand over a row for each frame that is read; the device may leave some out.
 * @param {HTMLVideoElement} video
 * @param {import("./types.js").BrowserMode} mode
 * @param {{smoothing: boolean, group: boolean}} wish
 * @param {{onRow: (row: ClipRow) => void, onTime: (time_s: number) => void}} take  `onTime`: how far it was read.
 * @param {AbortSignal} signal
 */
export async function readClipHere(video, mode, wish, { onRow, onTime }, signal) {
  const follow = (await openDevice(mode)).follow(wish.smoothing);
  const bins = new Bins(CLIP_BIN_S, video.currentTime); // it plays on while the first frame is read
  await video.play();
  let frames = 0;
  let withFaces = 0;
  let last_s = -1;
  const persons = new Set();
  const tellGroups = (/** @type {import("./types.js").Group[]} */ groups) => groups.forEach((group) => onRow({ type: "group", ...group }));
  while (!signal.aborted && !video.ended) {
    const time_s = video.currentTime;
    const isNew = !video.paused && time_s > last_s; // what was jumped back to is known already
    const frame = isNew ? await grabBitmap(video) : null;
    if (!frame) {
      await sleep(LOOK_AGAIN_MS, signal);
      continue;
    }
    const moment = await follow.read(frame, time_s);
    if (signal.aborted) return;
    frames += 1;
    withFaces += moment.faces.length ? 1 : 0;
    moment.faces.forEach(({ person }) => persons.add(person));
    if (wish.group) tellGroups(bins.add(moment));
    else onRow({ ...moment, type: "moment" });
    onTime(time_s);
    last_s = time_s;
  }
  if (signal.aborted) return;
  if (wish.group) tellGroups(bins.finish(Number.isFinite(video.duration) ? video.duration : video.currentTime));
  const counts = wish.group ? { frames_with_faces: null, persons: null } : { frames_with_faces: withFaces, persons: persons.size };
  onRow({ type: "end", frames, ...counts, is_complete: true, note: null });
}
