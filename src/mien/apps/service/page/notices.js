// What went wrong, in words and with what to do; and what is read, for those who listen.

import { ServiceError } from "./api.js";
import { find, make, makeIcon } from "./elements.js";

/** @typedef {{title: string, text: string}} Words */

/** @type {Record<string, Words>} */
const SERVICE = {
  gone: { title: "The server doesn't answer.", text: "It may have been stopped, or the network is down. Start it with “mien serve”, or wait a moment, and try again." },
  busy: { title: "The server is busy.", text: "More pictures wait than it takes at once. Try again in a moment." },
  draining: { title: "The server is being stopped.", text: "It finishes what it has and takes nothing new. Try again when it is back." },
  unauthorized: { title: "This server asks for a token.", text: "Type it below; whoever runs the server has one." },
  forbidden_origin: { title: "The server doesn't accept this address.", text: "Open the page by the address that the server was started for." },
  unreadable_media: { title: "This file can't be read.", text: "" }, // where there is no text, the message says it all
  too_many_pixels: { title: "This picture is too large.", text: "Take a smaller one." },
  video_too_long: { title: "This clip is too long.", text: "Take a shorter one." },
  video_too_many_frames: { title: "This clip has too many frames.", text: "Take a shorter one." },
  video_too_many_pixels: { title: "The frames of this clip are too large.", text: "" },
  video_too_costly: { title: "This clip takes too much to read.", text: "" },
  unsupported_media: { title: "This kind of file can't be read.", text: "JPEG, PNG and WebP photos and MP4 or WebM clips work." },
  too_large: { title: "This is too large.", text: "Take a smaller one." },
  too_many: { title: "Too many at once.", text: "Take fewer, and wait until they are read." },
  timeout: { title: "Sending took too long.", text: "Try again, or take a smaller file." },
  internal: { title: "Something broke in the server.", text: "Its log says what. Try again; if it stays, tell whoever runs it." },
};

/** @type {Record<string, Words>} */
const BROWSER = {
  NotAllowedError: { title: "The camera was refused.", text: "Allow it in the browser's address bar (and in the system's settings), then start again." },
  NotFoundError: { title: "There is no camera.", text: "Connect one and start again, or read a photo or a clip." },
  OverconstrainedError: { title: "This camera isn't there any more.", text: "Start again; another one is taken then." },
  NotReadableError: { title: "The camera can't be used.", text: "Another program may have it. Close that one and start again." },
  AbortError: { title: "The camera stopped.", text: "Start it again." },
  NotSupportedError: { title: "This browser can't play the clip.", text: "On this device, only what it can play is read. Take an MP4 or WebM clip, or have it read on the server." },
  insecure: { title: "The browser gives no camera to this page.", text: "It does so only for https addresses and for localhost. Open the page by one of these." },
};

/**
 * Return an error in words.
 * @param {unknown} error
 * @returns {Words}
 */
export function explain(error) {
  if (error instanceof ServiceError) {
    const known = SERVICE[error.code];
    if (!known) return { title: "That did not work.", text: sentence(error.message) };
    if (!known.text) return { title: known.title, text: sentence(error.message) };
    if (["too_large", "too_many", "too_many_pixels", "unsupported_media"].includes(error.code)) {
      return { title: known.title, text: `${sentence(error.message)} ${known.text}` };
    }
    if (error.code === "busy" && error.retryAfter_s) {
      return { title: known.title, text: sentence(error.message) };
    }
    return known;
  }
  if (error instanceof Error && BROWSER[error.name]) return /** @type {Words} */ (BROWSER[error.name]);
  return { title: "That did not work.", text: error instanceof Error ? sentence(error.message) : String(error) };
}

/** Of the file itself: another try would fail as well. */
const LASTING = /^(unreadable|unsupported)_media$|^too_(large|many_pixels)$|^video_too_|^bad_input$/;

/** Whether another file is needed, rather than another try. @param {unknown} error */
export const isLasting = (error) => error instanceof Error && LASTING.test("code" in error ? String(error.code) : "");

/** Return words as a sentence of their own. @param {string} text */
export const sentence = (text) => {
  const whole = text.trim().replace(/\.*$/, ".");
  return whole.charAt(0).toUpperCase() + whole.slice(1);
};

const region = find("notices", HTMLElement);
const MOST_NAMES = 3;

/**
 * Show one notice instead of the one before.
 * @param {Words} words
 * @param {{label: string, run: () => void}} [action]  A button beside it.
 * @param {string} [name]  Of the file that it is about.
 */
export function showNotice({ title, text }, action, name) {
  const box = make("div", "notice", makeIcon("warning"), make("div", "", make("b", "", title), make("p", "", text)));
  if (name) box.children[1]?.append(make("p", "of", name));
  box.setAttribute("role", "alert");
  if (action) {
    const button = make("button", "quiet", action.label);
    button.type = "button";
    button.addEventListener("click", () => { hideNotice(); action.run(); });
    box.append(button);
  }
  const close = make("button", "dismiss", makeIcon("close"));
  close.type = "button";
  close.setAttribute("aria-label", "Close this notice");
  close.addEventListener("click", hideNotice);
  box.append(close);
  region.replaceChildren(box);
}

/**
 * Name files that nothing is told of, so that none is lost without a word.
 * @param {File[]} files
 * @param {number} total  With those that were read.
 */
export function tellLeftOut(files, total) {
  const names = files.slice(0, MOST_NAMES).map(({ name }) => `“${name}”`);
  const more = files.length - names.length;
  showNotice({
    title: `${files.length} of ${total} files ${files.length === 1 ? "was" : "were"} not read.`,
    text: `${names.join(", ")}${more ? ` and ${more} more` : ""}. Photos are read together, clips one at a time, other files not at all.`,
  });
}

/** Take the notice away; where it had the focus, the reading gets it. */
export function hideNotice() {
  const hadFocus = region.contains(document.activeElement);
  region.replaceChildren();
  if (hadFocus) find("work", HTMLElement).focus({ preventScroll: true });
}

const SPEAK_EVERY_MS = 2000;
const spoken = find("live", HTMLElement);
let waiting = "";
let timer = 0;
let last_ms = -Infinity;

/**
 * Tell those who listen, at most once in two seconds; what came between is left out.
 * @param {string} text
 */
export function speak(text) {
  waiting = text;
  if (timer || waiting === spoken.textContent) return;
  timer = setTimeout(() => {
    timer = 0;
    last_ms = performance.now();
    if (spoken.textContent !== waiting) spoken.textContent = waiting;
  }, Math.max(0, last_ms + SPEAK_EVERY_MS - performance.now()));
}
