// The keyboard of the bar: space, → and R press its buttons.

import { fill } from "./format.js";

const BUTTONS = { " ": "bar_main", ArrowRight: "bar_step", r: "bar_reset", R: "bar_reset" };
const NAMES = { bar_main: null, bar_step: "→", bar_reset: "R" };
const TYPING = "input, textarea, select, a, [contenteditable], [role=slider], [role=combobox], [role=radio], [role=option]";
const OWN_ARROWS = ".gl-timeline input, .gl-points, .gl-net canvas, .gl-maps canvas, .gl-stepper canvas, .gl-flow, .gl-kinds, .gl-fusion-picture"; // they move by arrows; the other keys stay the bar's

// Listens once for the whole page; not while the visitor types or moves a control.
export function listenToKeys() {
  if (globalThis.galleryKeys) return;
  globalThis.galleryKeys = true;
  // A choice made with the mouse gives the keyboard back to the bar.
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[role=option]")) setTimeout(() => document.activeElement?.blur());
  }, true);
  document.addEventListener("keydown", (event) => {
    const name = BUTTONS[event.key];
    if (!name || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    const passes = on.closest?.(OWN_ARROWS) && event.key !== "ArrowRight";
    if ((!passes && on.closest?.(`${TYPING}, ${OWN_ARROWS}`)) || (event.key === " " && on.closest?.("button, summary"))) return;
    const button = document.querySelector(`.st-key-${name} button:not(:disabled)`);
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.click();
  }, true);
}

// Says the key in the button's tooltip; Streamlit may have made the button anew.
export function labelKeys(words) {
  for (const [name, key] of Object.entries(NAMES)) {
    const button = document.querySelector(`.st-key-${name} button`);
    if (button && !button.title) button.title = fill(words.key, { key: key ?? words.space });
  }
}
