// What points of several classes are painted with: a row of classes, an eraser, and the spray.
//
// classes: [{ name, color, symbol }], all there may be; the row shows those in use, and two at least
// words: { classes, add_class, eraser, key }; key: "Key: {key}"

import { element, fill } from "./format.js";
import { sample } from "./symbols.js";

const LEAST = 2;
const STEP = 12; // px between the points of a stroke
const SCATTER = 14; // px around the stroke where they may lie
export const ERASER = 14; // px around the pointer that the eraser clears

export class Brush {
  constructor(changed) {
    this.changed = changed;
    this.chosen = 0;
    this.shown = LEAST;
    this.erasing = false;
    this.row = element("span", "gl-classes");
    this.row.setAttribute("role", "group");
    this.row.hidden = true;
    this.plus = button("+", () => this.add());
    this.plus.classList.add("gl-plus");
    this.eraser = button("", () => this.erase(!this.erasing));
    this.eraser.hidden = true;
  }

  // `used`: the number of classes that the points have.
  update(classes, used, words) {
    this.classes = classes;
    if (!classes) return;
    this.shown = Math.min(classes.length, Math.max(this.shown, used));
    this.row.setAttribute("aria-label", words.classes);
    this.plus.title = this.plus.ariaLabel = words.add_class;
    this.eraser.textContent = words.eraser;
    this.eraser.title = fill(words.key, { key: "E" });
    this.words = words;
    const text = JSON.stringify(classes);
    if (text !== this.text) {
      this.text = text;
      this.swatches = classes.map((kind, k) => this.swatch(kind, k));
      this.row.replaceChildren(...this.swatches, this.plus);
    }
    this.render();
  }

  show(on) {
    this.row.hidden = this.eraser.hidden = !on;
  }

  swatch({ name, color, symbol }, k) {
    const made = button("", () => this.choose(k));
    made.classList.add("gl-class");
    made.style.setProperty("--class", color);
    made.title = fill(this.words.key, { key: k + 1 });
    made.append(sample(symbol, color), name);
    return made;
  }

  choose(k) {
    this.chosen = k;
    this.shown = Math.max(this.shown, k + 1);
    this.erasing = false;
    this.render();
    this.changed();
  }

  // The next class there may be, chosen at once.
  add() {
    if (this.shown < this.classes.length) this.choose(this.shown);
  }

  erase(on) {
    this.erasing = on;
    this.render();
    this.changed();
  }

  // 1 … 6 choose a class (the first unused one too), E the eraser; whether the key was one of them.
  key(key) {
    const k = /^[1-9]$/.test(key) ? Number(key) - 1 : -1;
    if (k >= 0 && k <= this.shown && k < this.classes.length) this.choose(k);
    else if (key === "e" || key === "E") this.erase(!this.erasing);
    else return false;
    return true;
  }

  render() {
    this.swatches.forEach((swatch, k) => {
      swatch.hidden = k >= this.shown;
      swatch.ariaPressed = String(k === this.chosen && !this.erasing);
    });
    this.plus.hidden = this.shown >= this.classes.length;
    this.eraser.ariaPressed = String(this.erasing);
  }
}

function button(text, pressed) {
  const made = element("button", "gl-button", text);
  made.type = "button";
  made.onclick = pressed;
  return made;
}

// Places of the points of a stroke from one place to another, and where its next part begins.
export function stroke(from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const count = Math.floor(Math.hypot(dx, dy) / STEP);
  const share = count && STEP / Math.hypot(dx, dy);
  const along = (k) => [from[0] + k * share * dx, from[1] + k * share * dy];
  return { places: Array.from({ length: count }, (_, k) => scattered(along(k + 1))), end: along(count) };
}

// From a place to the straight way between two others.
export function distance([x, y], from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const share = ((x - from[0]) * dx + (y - from[1]) * dy) / (dx * dx + dy * dy || 1);
  const along = Math.max(0, Math.min(1, share));
  return Math.hypot(x - from[0] - along * dx, y - from[1] - along * dy);
}

// A place within the brush around another one.
function scattered([x, y]) {
  const angle = 2 * Math.PI * Math.random();
  const distance = SCATTER * Math.sqrt(Math.random());
  return [x + distance * Math.cos(angle), y + distance * Math.sin(angle)];
}
