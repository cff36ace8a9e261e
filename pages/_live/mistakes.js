// The pictures that a network is surest of, and wrong about: a sheet of thumbnails with what they are and
// what they were taken for. Each can be asked about.
//
// data: { kind, height, label, words, mistakes?, classes? }; mistakes and classes of a sheet that follows no run
// words: as ("{actual} as {predicted}, {percent}"), none, why (where pictures can be asked about)
// trigger: asked → { number }, the picture's in its data set
// frame.mistakes: { webp, columns, count, height, width, index, actual, predicted, confidence }

import { element, fill } from "./format.js";
import { bitmap, tile } from "./mosaic.js";

const SIDE = 84; // px of a thumbnail
const HEAD = 24; // px above the other views, that nothing jumps from one to the other

export class Mistakes {
  part = "mistakes";

  constructor(root) {
    root.innerHTML = `<div class="gl-mistakes" role="list"></div><p class="gl-told" hidden></p>`;
    [this.sheet, this.told] = root.children;
    this.cells = [];
  }

  update(data) {
    if (data.words.why !== this.data?.words.why) this.cells = [];
    this.data = data;
    this.sheet.setAttribute("aria-label", data.label);
    this.sheet.style.minHeight = `${data.height && data.height + HEAD}px`;
    this.told.textContent = data.words.none;
    this.shown = null;
  }

  reset() {
    this.shown = null;
  }

  draw(stream) {
    const mistakes = this.data.mistakes ?? stream.frame(this.data.kind)?.data.mistakes;
    const classes = this.data.classes ?? stream.told.arrays?.classes;
    if (!mistakes || !classes) return this.shown ? undefined : false;
    if (mistakes === this.shown) return;
    this.shown = mistakes;
    const { index, actual, predicted, confidence } = mistakes;
    this.told.hidden = index.length > 0;
    this.make(index.length);
    this.cells.forEach(({ caption, number, button }, i) => {
      const percent = `${Math.round(100 * confidence[i])} %`;
      caption.textContent = fill(this.data.words.as, { actual: classes[actual[i]], predicted: classes[predicted[i]], percent });
      number.textContent = `#${index[i]}`;
      if (button) button.setAttribute("aria-label", `${this.data.words.why}: ${caption.textContent}, #${index[i]}`);
    });
    if (index.length) this.paint(mistakes);
  }

  // As many cells as there are mistakes, made once and used again.
  make(count) {
    while (this.cells.length < count) {
      const cell = element("figure", "gl-mistake");
      cell.setAttribute("role", "listitem");
      const [canvas, caption, number] = [element("canvas"), element("figcaption"), element("small")];
      canvas.width = canvas.height = SIDE;
      const button = this.data.words.why && element("button");
      if (button) {
        const place = this.cells.length;
        Object.assign(button, { type: "button", title: this.data.words.why });
        button.onclick = () => this.component.setTriggerValue("asked", { number: this.shown.index[place] });
        button.append(canvas);
      }
      cell.append(button || canvas, caption, number);
      this.cells.push({ cell, canvas, caption, number, button });
    }
    this.cells.length = count;
    this.sheet.replaceChildren(...this.cells.map(({ cell }) => cell));
  }

  async paint(mistakes) {
    const sheet = await bitmap(mistakes.webp);
    if (this.shown !== mistakes) return; // a newer one has come meanwhile
    this.cells.forEach(({ canvas }, i) => {
      const context = canvas.getContext("2d");
      const [x, y, width, height] = tile(mistakes, i);
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, x, y, width, height, 0, 0, SIDE, SIDE);
    });
  }
}
