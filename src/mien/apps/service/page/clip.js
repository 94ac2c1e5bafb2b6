// The clip's way: it plays here, while the rows of its reading come in and fill the lanes and the summary.

import { readClip, ServiceError } from "./api.js";
import { Calm } from "./calm.js";
import { find, say, setText } from "./elements.js";
import { formatShare } from "./expressions.js";
import { chooseExtent, learnDuration } from "./extent.js";
import { FileWay } from "./files.js";
import { readClipHere } from "./here.js";
import { Moments } from "./moments.js";
import { hideNotice, speak } from "./notices.js";
import { Overlay } from "./overlay.js";
import { Summary } from "./summary.js";

/** @typedef {import("./types.js").Choices} Choices */
/** @typedef {import("./types.js").ClipRow} ClipRow */
/** @typedef {import("./types.js").Group} Group */

/** How far the reading must be ahead before playback that waited for it goes on. */
const AHEAD_S = 0.6;
const IDLE = "Choose a clip. While it plays, what each face looks like stands here; the whole clip is summed up below.";
const IDLE_GROUP = "Choose a clip of a group. While it plays, how all look together stands here, from five people on; nobody is told of alone.";

/** @implements {Way} @typedef {import("./types.js").Way} Way */
export class ClipWay extends FileWay {
  #stage = find("clip-stage", HTMLElement);
  #video = find("clip-video", HTMLVideoElement);
  #canvas = find("clip-overlay", HTMLCanvasElement);
  #plate = find("clip-plate", HTMLElement);
  #idle = find("clip-idle", HTMLElement);
  #chip = find("clip-chip", HTMLElement);
  #again = find("again", HTMLButtonElement);
  #stop = find("stop", HTMLButtonElement);
  #summary = new Summary();
  #overlay = new Overlay(this.#canvas);
  #moments = new Moments();
  #calm = new Calm();
  /** @type {Group[]} */
  #bins = [];
  /** @type {Group | null} The bin that is shown. */
  #bin = null;
  /** @type {File | null} */
  #file = null;
  #abort = new AbortController();
  #isReading = false;
  #hasFailed = false;
  /** Whether playback waits for the reading. */
  #isHeld = false;

  /** @param {import("./files.js").Page} page */
  constructor(page) {
    super("clip", page, ([file]) => this.open(/** @type {File} */ (file)));
    this.#video.addEventListener("loadedmetadata", () => this.#measure());
    this.#video.addEventListener("error", () => this.#lackPicture());
    this.#video.addEventListener("seeked", () => this.#showFrame(this.#video.currentTime));
    this.#followPlayback();
  }

  enter() {
    if (!this.#file) this.#show(false);
    else this.open(this.#file);
  }

  leave() {
    this.#abort.abort();
    this.#video.pause();
    this.#summary.hide();
    this.reading.timeline.hide();
  }

  /** @param {keyof Choices} what */
  change(what) {
    if (!this.#file) this.#show(false);
    else if (what !== "mirror") this.open(this.#file);
  }

  stop() {
    this.#abort.abort();
    this.#file = null;
    this.#release();
    this.reading.timeline.hide();
    hideNotice();
    this.#show(false);
    this.chooser.focus();
  }

  /** Play a clip and have it read. @param {File} file */
  open(file) {
    hideNotice();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#release();
    this.#isHeld = false;
    this.#file = file;
    this.#moments = new Moments();
    this.#calm = new Calm();
    this.#bins = [];
    this.#bin = null;
    this.#summary.hide();
    this.#plate.hidden = true;
    document.body.classList.add("has-begun");
    this.#show(true);
    this.#video.src = URL.createObjectURL(file);
    this.reading.wait();
    this.reading.timeline.startClip(10, (time_s) => { this.#video.currentTime = time_s; });
    void this.#read(file, this.#abort.signal);
  }

  #release() {
    if (this.#video.src) URL.revokeObjectURL(this.#video.src);
    this.#video.removeAttribute("src");
    this.#overlay.clear();
  }

  /** @param {boolean} isOn */
  #show(isOn) {
    const hadFocus = document.activeElement === this.chooser;
    this.#stage.classList.toggle("is-on", isOn);
    this.#idle.hidden = isOn;
    this.#video.hidden = !isOn;
    this.#canvas.hidden = !isOn;
    this.#again.hidden = !isOn;
    this.#stop.hidden = !isOn;
    setText(this.#again, "Another clip");
    setText(this.#stop, "Close");
    if (isOn) {
      if (hadFocus) this.#again.focus({ preventScroll: true }); // the chooser is gone
      return;
    }
    this.#plate.hidden = true;
    this.#summary.hide();
    say(this.#chip, "");
    this.reading.invite(this.choices.group ? IDLE_GROUP : IDLE);
  }

  /** The clip's length is known now. */
  #measure() {
    const { duration, videoWidth, videoHeight } = this.#video;
    if (Number.isFinite(duration)) this.reading.timeline.setDuration(duration);
    if (videoWidth && videoHeight) this.#stage.style.setProperty("--shape", `${videoWidth} / ${videoHeight}`);
  }

  /** This browser can't play it; the server may still read it, and this device can't. */
  #lackPicture() {
    if (!this.#file || !this.#video.src) return;
    this.#video.hidden = true;
    this.#canvas.hidden = true;
    const there = this.#hasFailed ? "The server did not read it either." : "The server reads it all the same.";
    setText(this.#plate, `This browser can't play the clip. ${this.choices.where === "device" ? "A server may be able to read it." : there}`);
    this.#plate.hidden = false;
  }

  /**
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async #read(file, signal) {
    this.#isReading = true;
    this.#hasFailed = false;
    try {
      const mode = this.getMode();
      if (this.choices.where === "device" && mode) {
        say(this.#chip, "Loading the models");
        speak("Loading the models.");
        const take = { onRow: (/** @type {ClipRow} */ row) => this.#take(row), onTime: (/** @type {number} */ time_s) => this.#tellProgress(time_s) };
        await readClipHere(this.#video, mode, this.choices, take, signal);
      } else await this.#readThere(file, signal);
    } catch (error) {
      if (signal.aborted) return;
      say(this.#chip, "");
      this.#hasFailed = true;
      if (!this.#plate.hidden) this.#lackPicture();
      if (!this.#moments.end_s && !this.#bins.length) this.reading.wait("This clip was not read.");
      this.complain(error, file, () => this.open(file));
    } finally {
      if (!signal.aborted) {
        this.#isReading = false;
        this.#goOn();
      }
    }
  }

  /**
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async #readThere(file, signal) {
    const most = this.getLimits()?.max_video_bytes;
    if (most && file.size > most) {
      throw new ServiceError("too_large", `this clip has ${Math.ceil(file.size / 2 ** 20)} MB; the server takes at most ${Math.floor(most / 2 ** 20)} MB`);
    }
    say(this.#chip, this.choices.group ? "Sending and reading the clip" : "Sending the clip"); // a group's first row comes late
    const extent = chooseExtent(await learnDuration(this.#video, signal), this.getLimits());
    if (signal.aborted) return;
    let isFirst = true;
    let isOver = false;
    await readClip(file, this.choices, extent, (row) => {
      if (signal.aborted) return;
      if (isFirst) void this.#video.play().catch(() => undefined); // it may be a clip that can't be played
      isFirst = false;
      isOver ||= row.type === "end";
      this.#take(row);
    }, signal);
    if (!isOver) throw new ServiceError("gone", "the answer broke off");
  }

  /** @param {ClipRow} row */
  #take(row) {
    if (row.type === "error") throw new ServiceError(row.problem.code, row.problem.detail);
    if (row.type === "moment") {
      if (this.choices.smoothing) row.faces = this.#calm.steady(row.faces, row.time_s);
      this.#moments.add(row);
      if (this.#video.hidden) this.reading.timeline.setDuration(Math.max(10, row.time_s));
      this.reading.timeline.add(row.time_s, row.faces);
      this.#tellProgress(row.time_s);
      if (row.time_s > this.#video.currentTime + AHEAD_S) this.#goOn();
    } else if (row.type === "group") {
      this.#bins.push(row);
      this.#showBin(this.#video.currentTime);
      this.reading.timeline.addGroup(row.start_s ?? 0, row.end_s ?? 0, row);
      this.#tellProgress(row.end_s ?? 0);
    } else this.#finish(row);
  }

  /** @param {number} time_s  How far it was read. */
  #tellProgress(time_s) {
    const { duration } = this.#video;
    const part = Number.isFinite(duration) && duration > 0 ? Math.min(1, time_s / duration) : null;
    say(this.#chip, part === null ? "Reading" : `Reading, ${formatShare(part)}`);
    this.#sumUp("");
  }

  /** @param {import("./types.js").End} end */
  #finish({ frames, frames_with_faces, persons, is_complete, note }) {
    say(this.#chip, "");
    const counted = persons === null ? "" : `, ${frames_with_faces} with a face, ${persons} ${persons === 1 ? "person" : "persons"}`;
    const most_s = this.choices.where === "server" ? this.getLimits()?.max_video_s : undefined;
    const { duration } = this.#video;
    let left = "";
    if (!is_complete) left = ` ${note ? `${note.replace(/\.$/, "")}.` : "The end was not read."}`;
    else if (most_s && Number.isFinite(duration) && duration > most_s + 1) left = ` Only its first ${most_s} seconds were read.`;
    this.#sumUp(`${frames} frames${counted}.${left}`);
    if (persons === 0) this.reading.wait("No face was found in this clip.");
    else this.#showFrame(this.#video.currentTime); // it may have been read after it was shown
    speak(`The clip is read: ${frames} frames${counted}. ${this.#summary.spoken}`);
  }

  /** Show the shares so far. @param {string} facts */
  #sumUp(facts) {
    if (this.choices.group) this.#summary.showGroup(this.#bins, facts);
    else this.#summary.showPersons(this.#moments.sumUp(), facts);
  }

  /** Keep the overlay in step with what the video shows. */
  #followPlayback() {
    const step = (/** @type {number} */ _now, /** @type {VideoFrameCallbackMetadata} */ { mediaTime }) => {
      this.#showFrame(mediaTime);
      this.#video.requestVideoFrameCallback(step);
    };
    this.#video.requestVideoFrameCallback(step);
  }

  /** @param {number} time_s */
  #showFrame(time_s) {
    if (!this.#file) return;
    this.reading.timeline.setCursor(time_s);
    if (this.choices.group) {
      this.#showBin(time_s);
      return;
    }
    const moment = this.#moments.find(time_s);
    if (moment) {
      this.#overlay.show(moment.faces, moment.width, moment.height);
      this.reading.showSightings(moment.faces, false);
    } else this.#overlay.clear();
    if (this.#isReading && this.choices.where === "server" && time_s > this.#moments.end_s && !this.#video.paused) {
      this.#isHeld = true;
      this.#video.pause();
    }
  }

  /** Show all together as they looked then; before and after what was read, the nearest that is known. @param {number} time_s */
  #showBin(time_s) {
    const bin = this.#bins.find(({ end_s }) => time_s < (end_s ?? 0)) ?? this.#bins.at(-1);
    if (!bin || bin === this.#bin) return;
    this.#bin = bin;
    this.reading.showGroup(bin);
  }

  /** Play on where playback waited. */
  #goOn() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    void this.#video.play().catch(() => undefined);
  }
}
