// The camera's way: frames go out one by one, the answers move the overlay, the people and the last minute.

import { Crowd } from "./crowd.js";
import { openDevice } from "./device.js";
import { find, make, say, setText, sleep } from "./elements.js";
import { grabBitmap, grabJpeg } from "./frames.js";
import { Lens } from "./lens.js";
import { LiveConnection } from "./live.js";
import { explain, hideNotice, showNotice, speak } from "./notices.js";
import { Overlay } from "./overlay.js";

/** @typedef {import("./types.js").BrowserMode} BrowserMode */
/** @typedef {import("./types.js").Choices} Choices */
/** @typedef {import("./types.js").Group} Group */
/** @typedef {import("./types.js").LiveAnswer} LiveAnswer */
/** @typedef {import("./types.js").Moment} Moment */
/** @typedef {import("./reading.js").Reading} Reading */

const IDLE = "Start the camera. What each face looks like then stands here, and how likely each expression is.";
const IDLE_GROUP = "Start the camera. How all look together then stands here, from five people on; nobody is told of alone.";
const PACE_EVERY_MS = 500;

/** @implements {Way} @typedef {import("./types.js").Way} Way */
export class CameraWay {
  #stage = find("camera-stage", HTMLElement);
  #video = find("camera-video", HTMLVideoElement);
  #canvas = find("camera-overlay", HTMLCanvasElement);
  #idle = find("camera-idle", HTMLElement);
  #start = find("camera-start", HTMLButtonElement);
  #chip = find("camera-chip", HTMLElement);
  #choice = find("camera-choice", HTMLElement);
  #select = find("camera-select", HTMLSelectElement);
  #stop = find("stop", HTMLButtonElement);
  #pace = find("pace", HTMLElement);
  #overlay = new Overlay(this.#canvas);
  #lens = new Lens(this.#video, () => this.#lose());
  /** @type {{close: () => void, set: (change: {smoothing?: boolean, group?: boolean}) => void} | null} */
  #source = null;
  #took_ms = 0;
  #gap_ms = 0;
  #answered_ms = 0;
  #paced_ms = 0;

  /**
   * @param {Reading} reading
   * @param {Choices} choices
   * @param {() => BrowserMode | null} getMode
   * @param {(retry?: () => void) => void} askToken
   */
  constructor(reading, choices, getMode, askToken) {
    this.reading = reading;
    this.choices = choices;
    this.getMode = getMode;
    this.askToken = askToken;
    this.#start.addEventListener("click", () => void this.start());
    this.#select.addEventListener("change", () => void this.start(this.#select.value));
    this.#video.addEventListener("resize", () => this.#shape());
    document.addEventListener("visibilitychange", () => this.#rest());
  }

  enter() {
    this.#invite();
    this.#stop.hidden = true;
  }

  leave() {
    this.stop();
  }

  /** @param {keyof Choices} what */
  change(what) {
    if (what === "mirror") this.#mirror();
    if (!this.#lens.isOn) {
      this.#invite();
      return;
    }
    if (what === "where") this.#connect();
    if (what === "smoothing") this.#source?.set({ smoothing: this.choices.smoothing });
    if (what === "group") {
      this.#source?.set({ group: this.choices.group });
      this.#overlay.clear();
      this.reading.wait();
      this.reading.timeline.startLive(); // what was told of single people goes
    }
  }

  /** @param {string} [deviceId] */
  async start(deviceId) {
    hideNotice();
    const hadFocus = document.activeElement === this.#start; // a disabled button loses it
    this.#start.disabled = true;
    setText(this.#start, "Opening the camera");
    try {
      await this.#lens.open(deviceId);
    } catch (error) {
      this.stop();
      showNotice(explain(error), { label: "Try again", run: () => void this.start() });
      return;
    } finally {
      this.#start.disabled = false;
      setText(this.#start, "Start camera");
      if (hadFocus) this.#start.focus();
    }
    this.#show(true);
    document.body.classList.add("has-begun"); // the picture gets the room from here on
    if (hadFocus) this.#stop.focus({ preventScroll: true }); // the picture stays where it is
    this.#shape();
    this.#mirror();
    this.reading.wait();
    this.reading.timeline.startLive();
    this.#connect();
    await this.#listCameras();
  }

  stop() {
    const hadFocus = document.activeElement === this.#stop;
    this.#source?.close();
    this.#source = null;
    this.#lens.close();
    this.#show(false);
    this.#overlay.clear();
    this.reading.timeline.hide();
    this.#invite();
    if (hadFocus) this.#start.focus();
  }

  #invite() {
    this.reading.invite(this.choices.group ? IDLE_GROUP : IDLE);
  }

  /** @param {boolean} isOn */
  #show(isOn) {
    this.#stage.classList.toggle("is-on", isOn);
    this.#idle.hidden = isOn;
    this.#video.hidden = !isOn;
    this.#canvas.hidden = !isOn;
    this.#stop.hidden = !isOn;
    setText(this.#stop, "Stop");
    if (!isOn) this.#choice.hidden = true;
    say(this.#chip, "");
    setText(this.#pace, "");
    this.#answered_ms = 0;
  }

  #shape() {
    const { videoWidth, videoHeight } = this.#video;
    if (videoWidth && videoHeight) this.#stage.style.setProperty("--shape", `${videoWidth} / ${videoHeight}`);
  }

  #mirror() {
    const isMirrored = this.choices.mirror && this.#lens.isFront;
    this.#stage.classList.toggle("is-mirrored", isMirrored);
    this.#overlay.isMirrored = isMirrored;
  }

  async #listCameras() {
    const cameras = await this.#lens.list();
    this.#choice.hidden = cameras.length < 2 || !this.#lens.isOn;
    this.#select.replaceChildren(...cameras.map((camera, place) => {
      const option = make("option", "", camera.label || `Camera ${place + 1}`);
      option.value = camera.deviceId;
      option.selected = camera.deviceId === this.#lens.deviceId;
      return option;
    }));
  }

  /** The camera went away by itself. */
  #lose() {
    this.stop();
    showNotice({ title: "The camera stopped.", text: "It was unplugged, or another program took it." }, { label: "Start again", run: () => void this.start() });
  }

  /** Nothing is read while nobody looks at the page. */
  #rest() {
    if (!this.#lens.isOn) return;
    if (document.hidden) {
      this.#source?.close();
      this.#source = null;
    } else if (!this.#source) this.#connect();
  }

  #connect() {
    this.#source?.close();
    this.#answered_ms = 0;
    const mode = this.getMode();
    this.#source = this.choices.where === "device" && mode ? this.#readHere(mode) : this.#readThere();
  }

  #readThere() {
    say(this.#chip, "Connecting");
    return new LiveConnection({
      grab: () => grabJpeg(this.#video),
      onAnswer: (answer, took_ms) => this.#take(answer, took_ms),
      onState: (state, wait_ms, error) => {
        if (state === "open") say(this.#chip, "");
        else {
          const why = error?.code === "busy" ? "The server is busy" : "The server doesn't answer";
          say(this.#chip, `${why}; next try in ${Math.max(1, Math.round(wait_ms / 1000))} s`);
          setText(this.#pace, "");
          this.#overlay.clear();
          this.reading.wait(`${why}. The reading goes on as soon as it can.`);
          speak(`${why}; trying again.`);
        }
      },
      onEnd: (error) => {
        this.stop();
        if (error.code === "unauthorized") this.askToken(() => void this.start());
        else showNotice(explain(error), { label: "Try again", run: () => void this.start() });
      },
    }, this.choices);
  }

  /**
   * @param {LiveAnswer} answer
   * @param {number} took_ms
   */
  #take(answer, took_ms) {
    if (answer.type === "hello") return;
    if (answer.type === "error") {
      say(this.#chip, answer.message);
      return;
    }
    say(this.#chip, "");
    if (answer.type === "group") this.#showGroup(answer);
    else if (!this.choices.group) this.#showMoment(answer);
    this.#measure(took_ms);
  }

  /** @param {Moment} moment */
  #showMoment({ faces, width, height }) {
    this.#overlay.show(this.reading.takeLive(faces, this.choices.smoothing), width, height);
  }

  /** @param {Group} group */
  #showGroup(group) {
    if (!this.choices.group) return; // an answer to a frame from before the switch
    const now_s = this.reading.timeline.now_s;
    this.reading.showGroup(group);
    this.reading.timeline.addGroup(now_s, now_s, group);
  }

  /** @param {BrowserMode} mode */
  #readHere(mode) {
    const stop = new AbortController();
    /** @type {import("./device.js").Follow | null} */
    let follow = null;
    /** @type {Crowd | null} */
    let crowd = null;
    const run = async () => {
      say(this.#chip, "Loading the models");
      speak("Loading the models.");
      follow = (await openDevice(mode)).follow(this.choices.smoothing);
      say(this.#chip, "");
      while (!stop.signal.aborted) {
        const frame = await grabBitmap(this.#video);
        if (!frame) {
          await sleep(100, stop.signal);
          continue;
        }
        const started_ms = performance.now();
        const moment = await follow.read(frame, started_ms / 1000);
        if (stop.signal.aborted) return;
        crowd = this.choices.group ? (crowd ?? new Crowd()) : null;
        if (crowd) this.#showGroup(crowd.tell(moment));
        else this.#showMoment(moment);
        this.#measure(performance.now() - started_ms);
        await sleep(0, stop.signal);
      }
    };
    run().catch((error) => {
      if (stop.signal.aborted) return;
      this.stop();
      showNotice(explain(error), { label: "Try again", run: () => void this.start() });
    });
    return {
      close: () => stop.abort(),
      set: (/** @type {{smoothing?: boolean}} */ { smoothing }) => { if (smoothing !== undefined) follow?.setSmoothing(smoothing); },
    };
  }

  /** Say how quick it is, small and calm. @param {number} took_ms  From a frame to its answer. */
  #measure(took_ms) {
    const now_ms = performance.now();
    const gap_ms = this.#answered_ms ? now_ms - this.#answered_ms : 0;
    const isFirst = !gap_ms;
    this.#answered_ms = now_ms;
    this.#took_ms = isFirst ? took_ms : this.#took_ms * 0.85 + took_ms * 0.15;
    this.#gap_ms = isFirst || !this.#gap_ms ? gap_ms : this.#gap_ms * 0.85 + gap_ms * 0.15;
    if (!this.#gap_ms || now_ms - this.#paced_ms < PACE_EVERY_MS) return;
    this.#paced_ms = now_ms;
    const rate = 1000 / this.#gap_ms;
    const written = rate.toFixed(rate < 0.95 ? 1 : 0);
    setText(this.#pace, `${Math.round(this.#took_ms)} ms, ${written} ${written === "1" ? "frame" : "frames"}/s`);
  }
}
