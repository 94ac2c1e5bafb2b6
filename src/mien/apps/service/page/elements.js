// Making and finding elements. Text goes in as text, never as HTML; styles go in by property, as the policy demands.

/**
 * Return the element of an id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new (...args: any[]) => T} kind
 * @returns {T}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`);
  return element;
}

/**
 * Return a new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * Return an icon of the sprite; it is only there to be looked at.
 * @param {string} name
 */
export function makeIcon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `/page/icons/sprite.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Set the text of an element, and touch it only where it changes.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Say something on a picture.
 * @param {HTMLElement} chip  Where; it is there only while it says something.
 * @param {string} text  "" for nothing.
 */
export function say(chip, text) {
  setText(chip, text);
  chip.hidden = !text;
}

/** Whether the person asked for less motion. */
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Return after some time, or at once when aborted.
 * @param {number} wait_ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(wait_ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait_ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
