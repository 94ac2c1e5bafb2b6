// Light and dark: as the system says, until the button was pressed; the choice is kept in this browser.

import { find } from "./elements.js";

const KEY = "mien.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const button = find("theme", HTMLButtonElement);
const name = find("theme-name", HTMLElement);

/** @returns {"light" | "dark" | null} */
function read() {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : null;
  } catch {
    return null; // a browser that keeps nothing still shows the page
  }
}

function show() {
  const chosen = read() ?? document.documentElement.dataset.theme ?? null;
  const isDark = chosen ? chosen === "dark" : system.matches;
  if (chosen) document.documentElement.dataset.theme = chosen;
  const other = isDark ? "Light" : "Dark";
  name.textContent = other;
  button.setAttribute("aria-label", `${other} colors`);
}

button.addEventListener("click", () => {
  const isDark = (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const next = isDark ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // kept for this page alone
  }
  show();
});
system.addEventListener("change", show);
show();
