// The small window in which one weight or bias is changed: list, slider, number.
//
// words: close, value, which, local, range (what a weight may be)

import { element } from "./format.js";

const REST = 250; // ms without a change after which it counts as finished
const LEAST_REACH = 3; // the slider goes at least so far to both sides
const LARGEST = 1e6; // as in the engine

export class WeightWindow {
  // change(index, value): at every move; finish(index, value): when it is over; undo(index): it is not to be; away(): closed
  constructor(box, { change, finish, undo, away, turn }) {
    Object.assign(this, { change, finish, undo, away, turn });
    this.node = element("div", "gl-weight");
    this.node.hidden = true;
    this.node.setAttribute("role", "dialog");
    this.node.innerHTML = `<div><b></b><button type="button" class="gl-button">×</button></div><select></select>
      <div><input type="range" step="any"><input type="number" step="0.1"></div><p aria-live="polite"></p>`;
    [this.title, this.close, this.list, this.slider, this.number, this.line] = ["b", "button", "select", "[type=range]", "[type=number]", "p"].map((name) => this.node.querySelector(name));
    box.append(this.node);
    this.close.onclick = () => this.shut();
    this.list.onchange = () => this.turn(Number(this.list.value));
    for (const input of [this.slider, this.number]) {
      input.oninput = () => this.moved(input);
      input.onchange = () => { if (!this.refuses()) this.rest(); };
    }
    this.node.addEventListener("keydown", (event) => {
      if (event.key === "Escape" || (event.key === "Enter" && event.target === this.number)) {
        event.stopPropagation();
        if (this.refuses() && event.key === "Enter") return;
        this.shut();
      }
    });
  }

  get open() {
    return !this.node.hidden;
  }

  // about: { title, index, value, choices: [{ index, name }] }; place: { left, top } within the box
  show(about, words, local) {
    this.flush();
    this.index = about.index;
    this.title.textContent = about.title;
    this.node.setAttribute("aria-label", about.title);
    this.list.replaceChildren(...about.choices.map(({ index, name }) => Object.assign(element("option", "", name), { value: index })));
    this.list.value = about.index;
    this.list.setAttribute("aria-label", words.which);
    this.close.setAttribute("aria-label", words.close);
    for (const input of [this.slider, this.number]) input.setAttribute("aria-label", words.value);
    const reach = Math.max(LEAST_REACH, Math.ceil(2 * Math.abs(about.value)));
    [this.slider.min, this.slider.max] = [-reach, reach];
    this.set(about.value, true);
    [this.usual, this.range] = [local ? words.local : "", words.range];
    this.tell(false);
    this.node.hidden = false;
  }

  tell(refused) {
    this.refused = refused;
    this.line.textContent = refused ? this.range : this.usual;
    this.line.hidden = !this.line.textContent;
    this.line.classList.toggle("gl-bad", refused);
    this.number.setAttribute("aria-invalid", String(refused));
  }

  // Whether the number is no weight: it stays for correction, and what was shown on the way to it ("1" of "1e9") goes.
  refuses() {
    const refused = this.number.validity.badInput || Math.abs(Number(this.number.value)) > LARGEST;
    this.tell(refused);
    if (!refused || !this.unsent) return refused;
    clearTimeout(this.waiting);
    this.waiting = null;
    this.unsent = false;
    this.undo(this.index);
    return refused;
  }

  put(left, top) {
    Object.assign(this.node.style, { left: `${left}px`, top: `${top}px` });
  }

  // Follows the run while the visitor does not change it.
  set(value, now = false) {
    if (!now && (this.refused || this.waiting || this.node.contains(document.activeElement) && document.activeElement === this.number)) return;
    this.slider.value = value;
    this.number.value = Number(value.toFixed(3));
    this.tint(value);
  }

  tint(value) {
    this.node.dataset.sign = value < 0 ? "minus" : "plus";
  }

  moved(input) {
    const value = Number(input.value);
    if (Math.abs(value) > LARGEST) this.refuses();
    if (input.value === "" || !Number.isFinite(value) || Math.abs(value) > LARGEST) return;
    const other = input === this.slider ? this.number : this.slider;
    other.value = input === this.slider ? Number(value.toFixed(3)) : value;
    if (this.refused) this.tell(false);
    this.tint(value);
    this.value = Number(value.toFixed(4));
    this.change(this.index, this.value);
    clearTimeout(this.waiting);
    this.waiting = null;
    this.unsent = true;
  }

  // An arrow key is a change of its own: a few in a row are one.
  rest() {
    if (!this.unsent) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.flush(), REST);
  }

  flush() {
    clearTimeout(this.waiting);
    this.waiting = null;
    if (!this.unsent || this.refuses()) return;
    this.unsent = false;
    this.finish(this.index, this.value);
  }

  shut() {
    if (!this.open) return;
    this.flush();
    this.away();
    this.node.hidden = true;
  }
}
