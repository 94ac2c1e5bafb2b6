// What the ways of photos and of clips share: a button that chooses files, and the page they are part of.

import { ServiceError } from "./api.js";
import { find } from "./elements.js";
import { explain, isLasting, showNotice } from "./notices.js";

/**
 * What the page gives each way.
 * @typedef {object} Page
 * @property {import("./reading.js").Reading} reading
 * @property {import("./types.js").Choices} choices
 * @property {() => import("./types.js").BrowserMode | null} getMode
 * @property {(retry?: () => void) => void} askToken  `retry`: what is done again with the token.
 * @property {() => Record<string, number> | null} getLimits
 */

export class FileWay {
  #input;

  /**
   * @param {"photo" | "clip"} name  Its elements' names begin so.
   * @param {Page} page
   * @param {(files: File[]) => void} take  Is given what was chosen: at least one.
   */
  constructor(name, page, take) {
    this.reading = page.reading;
    this.choices = page.choices;
    this.getMode = page.getMode;
    this.askToken = page.askToken;
    this.getLimits = page.getLimits;
    this.chooser = find(`${name}-choose`, HTMLButtonElement);
    this.#input = find(`${name}-input`, HTMLInputElement);
    this.chooser.addEventListener("click", () => this.more());
    this.#input.addEventListener("change", () => {
      const files = [...(this.#input.files ?? [])];
      this.#input.value = "";
      if (files.length) take(files);
    });
  }

  /** Let the person choose. */
  more() {
    this.#input.click();
  }

  /**
   * Say why a file was not read, and offer what may help: the token, another try, or another file.
   * @param {unknown} error
   * @param {File} file
   * @param {() => void} retry
   */
  complain(error, file, retry) {
    if (error instanceof ServiceError && error.code === "unauthorized") {
      this.askToken(retry);
      return;
    }
    const another = { label: "Choose another", run: () => this.more() };
    showNotice(explain(error), isLasting(error) ? another : { label: "Try again", run: retry }, file.name);
  }
}
