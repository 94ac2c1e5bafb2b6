// Wires the page: tabs, switches, files from anywhere, the token, and where pictures are read.

import { getBrowserMode, getCard, getLimits, ServiceError, setToken } from "./api.js";
import { CameraWay } from "./camera.js";
import { ClipWay } from "./clip.js";
import { find } from "./elements.js";
import { explain, hideNotice, showNotice, tellLeftOut } from "./notices.js";
import { PhotoWay } from "./photo.js";
import { Reading } from "./reading.js";

/** @typedef {import("./types.js").Choices} Choices */
/** @typedef {import("./types.js").Way} Way */
/** @typedef {"camera" | "photo" | "clip"} Name */

/** @type {Name[]} */
const NAMES = ["camera", "photo", "clip"];
const CLIP_ENDINGS = /\.(mp4|m4v|mov|webm|mkv|avi|mpe?g|ogv|ts|3gp)$/i;
const PHOTO_ENDINGS = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|heic|heif)$/i;

/** @type {Choices} */
const choices = { smoothing: true, group: false, mirror: true, where: "server" };
/** @type {import("./types.js").BrowserMode | null} */
let mode = null;
/** @type {Record<string, number> | null} */
let limits = null;

const reading = new Reading();
const camera = new CameraWay(reading, choices, () => mode, askToken);
const page = { reading, choices, getMode: () => mode, askToken, getLimits: () => limits };
const photo = new PhotoWay(page);
const clip = new ClipWay(page);
/** @type {Record<Name, Way>} */
const ways = { camera, photo, clip };
/** @type {Name} */
let current = "camera";

const tabs = NAMES.map((name) => find(`tab-${name}`, HTMLButtonElement));
const again = find("again", HTMLButtonElement);
const stop = find("stop", HTMLButtonElement);
const tokenForm = find("token-form", HTMLFormElement);
const tokenField = find("token", HTMLInputElement);
/** @type {(() => void) | undefined} */
let withToken;

/**
 * Show one of the three ways.
 * @param {Name} name
 * @param {boolean} [isFocused]  Whether its tab gets the focus.
 */
function open(name, isFocused = false) {
  if (name !== current) {
    ways[current].leave();
    hideNotice();
    withToken = undefined;
  }
  current = name;
  tabs.forEach((tab, place) => {
    const isChosen = NAMES[place] === name;
    tab.setAttribute("aria-selected", String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
    if (isChosen && isFocused) tab.focus();
    find(`panel-${NAMES[place]}`, HTMLElement).hidden = !isChosen;
  });
  find("smoothing-label", HTMLElement).hidden = name === "photo";
  find("mirror-label", HTMLElement).hidden = name !== "camera";
  find("camera-choice", HTMLElement).hidden = true;
  again.hidden = true;
  stop.hidden = true;
  ways[name].enter();
}

function wireTabs() {
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(/** @type {Name} */ (NAMES[place])));
    tab.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: NAMES.length - 1 };
      const next = steps[/** @type {keyof typeof steps} */ (event.key)];
      if (next === undefined) return;
      event.preventDefault();
      open(/** @type {Name} */ (NAMES[(next + NAMES.length) % NAMES.length]), true);
    });
  });
  again.addEventListener("click", () => ways[current].more?.());
  stop.addEventListener("click", () => ways[current].stop());
}

function wireSwitches() {
  for (const name of /** @type {const} */ (["smoothing", "group", "mirror"])) {
    const field = find(name, HTMLInputElement);
    choices[name] = field.checked; // browsers keep fields over a reload
    field.addEventListener("change", () => {
      choices[name] = field.checked;
      ways[current].change(name);
    });
  }
  for (const field of document.querySelectorAll('input[name="where"]')) {
    field.addEventListener("change", () => {
      const checked = document.querySelector('input[name="where"]:checked');
      choices.where = checked instanceof HTMLInputElement && checked.value === "device" ? "device" : "server";
      sayPrivacy();
      ways[current].change("where");
    });
  }
}

/** Say near each start button, and below, what is done with pictures. */
function sayPrivacy() {
  const isHere = choices.where === "device";
  const kept = "They are not stored and not logged.";
  /** @type {Record<string, string>} */
  const words = {
    camera: isHere ? "Frames are read on this device. Nothing is sent." : `Frames go to this server to be read. ${kept}`,
    photo: isHere ? "Photos are read on this device. Nothing is sent." : `Photos go to this server to be read. ${kept}`,
    clip: isHere ? "The clip is read on this device. Nothing is sent." : "The clip goes to this server to be read. It is not stored and not logged.",
    sent: isHere
      ? "Nothing. The networks run in this browser; they were loaded from this server, and pictures stay on the device."
      : `To the server this page came from (${location.host}), to be read, and to nobody else.${mode?.available ? " With “On this device” nothing is sent." : ""}`,
  };
  for (const place of document.querySelectorAll("[data-privacy]")) {
    if (place instanceof HTMLElement) place.textContent = words[place.dataset.privacy ?? ""] ?? "";
  }
}

/** Take files that were chosen by dropping or pasting. @param {File[]} files */
function takeFiles(files) {
  const photos = files.filter(({ type, name }) => type.startsWith("image/") || (!type && PHOTO_ENDINGS.test(name)));
  const clips = files.filter(({ type, name }) => type.startsWith("video/") || (!type && CLIP_ENDINGS.test(name)));
  if (photos.length) {
    open("photo");
    photo.add(photos, files.filter((file) => !photos.includes(file)));
  } else if (clips[0]) {
    if (current !== "clip") clip.stop();
    open("clip");
    clip.open(clips[0]);
    if (files.length > 1) tellLeftOut(files.filter((file) => file !== clips[0]), files.length);
  } else if (files[0]) {
    showNotice({ title: `“${files[0].name}” is neither a photo nor a clip.`, text: "JPEG, PNG and WebP photos and MP4 or WebM clips work." });
  }
}

function wireFiles() {
  const hint = find("drop-hint", HTMLElement);
  let depth = 0;
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) hint.hidden = (depth += 1) === 0;
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) hint.hidden = (depth = Math.max(0, depth - 1)) === 0;
  });
  addEventListener("dragover", (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    hint.hidden = true;
    takeFiles([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement) return;
    takeFiles([...(event.clipboardData?.files ?? [])]);
  });
}

/** Ask for the token where the server wants one. @param {() => void} [retry]  What is done again with it. */
function askToken(retry) {
  withToken = retry ?? withToken;
  tokenForm.hidden = false;
  tokenField.focus();
}

function wireToken() {
  tokenForm.addEventListener("submit", (event) => {
    event.preventDefault();
    setToken(tokenField.value);
    tokenField.value = "";
    void learn(true);
  });
}

/** Show the model's card where the address alone would lack the token. */
function wireCard() {
  find("card", HTMLAnchorElement).addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      location.assign(URL.createObjectURL(await getCard()));
    } catch (error) {
      if (error instanceof ServiceError && error.code === "unauthorized") askToken();
      else showNotice(explain(error));
    }
  });
}

/** Learn what this server takes and lends. @param {boolean} [hasToken]  Whether a token was just given. */
async function learn(hasToken = false) {
  try {
    limits = await getLimits();
    mode = await getBrowserMode().catch(() => null);
    tokenForm.hidden = true;
    hideNotice();
    if (hasToken) find("work", HTMLElement).focus({ preventScroll: true });
    withToken?.();
    withToken = undefined;
    find("where", HTMLElement).hidden = !mode?.available;
    sayPrivacy();
  } catch (error) {
    if (error instanceof ServiceError && error.code === "unauthorized") {
      askToken();
      if (hasToken) showNotice({ title: "This is not the token.", text: "Look for spaces at its ends, or ask whoever runs the server." });
    } else showNotice(explain(error), { label: "Try again", run: () => void learn() });
  }
}

wireTabs();
wireSwitches();
wireFiles();
wireToken();
wireCard();
sayPrivacy();
open("camera");
void learn();
