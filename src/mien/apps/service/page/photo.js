// The photos' way: several at once, each with its faces; one of them is on the stage.

import { readPhoto, ServiceError } from "./api.js";
import { sumUp } from "./crowd.js";
import { openDevice } from "./device.js";
import { find, make, makeIcon, say, setText, sleep } from "./elements.js";
import { FileWay } from "./files.js";
import { hideNotice, tellLeftOut } from "./notices.js";
import { Overlay } from "./overlay.js";

/** @typedef {import("./types.js").Choices} Choices */
/** @typedef {import("./types.js").Picture} Picture */

/** @typedef {{file: File, url: string, state: "waiting" | "done" | "failed", picture: Picture | null, error: unknown, button: HTMLButtonElement}} Photo */

const AT_ONCE = 2;
const MOST_TRIES = 5;
const IDLE = "Choose a photo, or several at once. What each face looks like then stands here, and how likely each expression is.";
const IDLE_GROUP = "Choose photos of groups. How all look together then stands here, from five faces on; nobody is told of alone.";

/** @implements {Way} @typedef {import("./types.js").Way} Way */
export class PhotoWay extends FileWay {
  #stage = find("photo-stage", HTMLElement);
  #image = find("photo-image", HTMLImageElement);
  #canvas = find("photo-overlay", HTMLCanvasElement);
  #idle = find("photo-idle", HTMLElement);
  #chip = find("photo-chip", HTMLElement);
  #plate = find("photo-plate", HTMLElement);
  #strip = find("photo-strip", HTMLUListElement);
  #again = find("again", HTMLButtonElement);
  #stop = find("stop", HTMLButtonElement);
  #overlay = new Overlay(this.#canvas);
  /** @type {Photo[]} */
  #photos = [];
  /** @type {File[]} */
  #leftOut = [];
  /** @type {Photo | null} */
  #shown = null;
  #abort = new AbortController();
  #reading = 0;

  /** @param {import("./files.js").Page} page */
  constructor(page) {
    super("photo", page, (files) => this.add(files));
    this.#image.addEventListener("error", () => this.#lackPicture());
  }

  enter() {
    this.reading.timeline.hide();
    this.#show(this.#shown);
  }

  leave() {}

  /** @param {keyof Choices} what */
  change(what) {
    if (what === "group") this.#show(this.#shown);
  }

  stop() {
    this.#abort.abort();
    this.#abort = new AbortController();
    for (const photo of this.#photos) URL.revokeObjectURL(photo.url);
    this.#photos = [];
    this.#leftOut = [];
    this.#strip.replaceChildren();
    hideNotice();
    this.#show(null);
    this.chooser.focus();
  }

  /**
   * Read more photos.
   * @param {File[]} files
   * @param {File[]} leftOut  What came with them and is no photo.
   */
  add(files, leftOut = []) {
    if (!files.length) return;
    hideNotice();
    this.#leftOut = leftOut;
    document.body.classList.add("has-begun");
    const added = files.map((file) => this.#make(file));
    this.#photos.push(...added);
    this.#strip.append(...added.map(({ button }) => make("li", "", button)));
    this.#show(added[0] ?? null);
    this.#readNext();
  }

  /** This browser can't show the photo; the server may have read it all the same. */
  #lackPicture() {
    this.#image.hidden = true;
    if (!this.#shown) return;
    setText(this.#plate, `“${this.#shown.file.name || "The photo"}” can't be shown here.`);
    this.#plate.hidden = false;
  }

  /** @param {File} file @returns {Photo} */
  #make(file) {
    const url = URL.createObjectURL(file);
    const picture = make("img");
    picture.src = url;
    picture.alt = file.name || "Photo";
    picture.addEventListener("error", () => picture.replaceWith(makeIcon("photo")));
    const button = make("button", "is-waiting", picture);
    button.type = "button";
    /** @type {Photo} */
    const photo = { file, url, state: "waiting", picture: null, error: null, button };
    button.addEventListener("click", () => {
      hideNotice(); // it told of another one
      this.#show(photo);
    });
    return photo;
  }

  /** Keep a few photos on their way. */
  #readNext() {
    while (this.#reading < AT_ONCE) {
      const next = this.#photos.find((photo) => photo.state === "waiting" && !photo.button.dataset.taken);
      if (!next) return;
      next.button.dataset.taken = "yes";
      this.#reading += 1;
      void this.#readOne(next, this.#abort.signal).finally(() => {
        this.#reading -= 1;
        this.#readNext();
        if (!this.#reading) this.#tellLosses();
      });
    }
  }

  /** Say which files nothing is told of, when all others are read; why one was not read stands where it is shown. */
  #tellLosses() {
    const failed = this.#photos.filter(({ state }) => state === "failed").map(({ file }) => file);
    const lost = [...failed, ...this.#leftOut];
    const total = this.#photos.length + this.#leftOut.length;
    if (lost.length && total > 1 && this.#shown?.state === "done") tellLeftOut(lost, total);
    this.#leftOut = [];
  }

  /**
   * @param {Photo} photo
   * @param {AbortSignal} signal
   */
  async #readOne(photo, signal) {
    try {
      const picture = await this.#ask(photo.file, signal);
      if (picture.error) throw new ServiceError(picture.error.code, picture.error.message);
      photo.picture = picture;
      photo.state = "done";
    } catch (error) {
      if (signal.aborted) return;
      photo.state = "failed";
      photo.error = error;
    }
    if (signal.aborted) return;
    this.#mark(photo);
    if (this.#shown === photo || this.choices.group) this.#show(this.#shown);
  }

  /**
   * @param {File} file
   * @param {AbortSignal} signal
   * @returns {Promise<Picture>}
   */
  async #ask(file, signal) {
    const mode = this.getMode();
    if (this.choices.where === "device" && mode) return (await openDevice(mode)).readFile(file);
    const most = this.getLimits()?.max_picture_bytes;
    if (most && file.size > most) throw new ServiceError("too_large", `this photo has ${inMegabytes(file.size)}; the server takes at most ${inMegabytes(most)}`);
    for (let tries = 1; ; tries += 1) {
      try {
        return await readPhoto(file, signal);
      } catch (error) {
        if (!(error instanceof ServiceError) || error.code !== "busy" || tries === MOST_TRIES) throw error;
        say(this.#chip, `The server is busy; next try in ${Math.ceil(error.retryAfter_s ?? 1)} s`);
        await sleep((error.retryAfter_s ?? 1) * 1000, signal);
      }
    }
  }

  /** Show on the strip how far a photo is. @param {Photo} photo */
  #mark({ button, state, picture, file }) {
    button.classList.toggle("is-waiting", state === "waiting");
    button.classList.toggle("has-failed", state === "failed");
    const name = file.name || "Photo";
    const count = picture?.faces?.length ?? 0;
    button.querySelector("span")?.remove();
    if (state === "failed") button.append(make("span", "", makeIcon("warning")));
    else if (state === "done" && !this.choices.group) button.append(make("span", "", String(count)));
    const read = this.choices.group ? name : `${name}, ${count} ${count === 1 ? "face" : "faces"}`;
    button.setAttribute("aria-label", state === "done" ? read : `${name}, ${state === "failed" ? "not read" : "being read"}`);
  }

  /** Put a photo on the stage, with its faces. @param {Photo | null} photo */
  #show(photo) {
    const isOn = photo !== null;
    const hadFocus = document.activeElement === this.chooser;
    this.#shown = photo;
    this.#stage.classList.toggle("is-on", isOn);
    this.#idle.hidden = isOn;
    this.#canvas.hidden = !isOn;
    this.#strip.hidden = this.#photos.length < 2;
    this.#again.hidden = !isOn;
    this.#stop.hidden = !isOn;
    setText(this.#again, "More photos");
    setText(this.#stop, "Clear");
    for (const each of this.#photos) each.button.setAttribute("aria-pressed", String(each === photo));
    if (isOn && hadFocus) this.#again.focus({ preventScroll: true }); // the chooser is gone
    if (!photo) {
      this.#plate.hidden = true;
      this.#image.hidden = true;
      say(this.#chip, "");
      this.#overlay.clear();
      this.reading.invite(this.choices.group ? IDLE_GROUP : IDLE);
      return;
    }
    if (this.#image.src !== photo.url) {
      this.#overlay.clear();
      this.#image.src = photo.url;
      this.#image.alt = photo.file.name || "Photo";
      this.#image.hidden = false;
      this.#plate.hidden = true;
    }
    this.#tell(photo);
  }

  /** Show the reading of the photo on the stage, or of all photos together. @param {Photo} photo */
  #tell(photo) {
    this.#photos.forEach((each) => this.#mark(each));
    const { width, height, faces } = photo.picture ?? {};
    if (width && height) this.#stage.style.setProperty("--shape", `${width} / ${height}`);
    say(this.#chip, photo.state === "waiting" ? "Reading" : "");
    if (photo.state === "failed") {
      this.#overlay.clear();
      this.reading.wait("This photo was not read.");
      this.complain(photo.error, photo.file, () => this.#retry(photo));
    } else if (this.choices.group) {
      this.#overlay.clear();
      this.reading.showGroup(sumUp(this.#photos.map((each) => each.picture?.faces ?? [])));
    } else if (faces && width && height) {
      this.#overlay.show(faces, width, height);
      this.reading.showFaces(faces, photo.file.name || "Photo");
    } else this.reading.wait();
  }

  /** Read a photo again, and with it all that lacked the token. @param {Photo} photo */
  #retry(photo) {
    for (const each of this.#photos) {
      if (each !== photo && !(each.error instanceof ServiceError && each.error.code === "unauthorized")) continue;
      each.state = "waiting";
      each.error = null;
      delete each.button.dataset.taken;
    }
    this.#show(photo);
    this.#readNext();
  }
}

/** @param {number} bytes */
const inMegabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MB`;
