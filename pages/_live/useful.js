// The training pictures that have helped a network most, and those that have helped least or done harm:
// thumbnails with their class and by how much the accuracy is better or worse with them.
//
// data: { kind, height, label, words }
// words: best, worst (the headings), value ("{value} %"), none (while there are no such pictures)
// useful, of a frame or told once: { webp, columns, count, height, width, index, actual, value, total }, from the most useful
// picture to the least; `value` is a share of the accuracy, negative where the picture does harm

import { element, fill } from "./format.js";
import { bitmap, tile } from "./mosaic.js";

const SIDE = 84; // px of a thumbnail
const COARSE = 48; // px: pictures smaller than this are enlarged pixel by pixel

export class Useful {
  part = "useful";

  constructor(root) {
    root.innerHTML = `<div class="gl-useful" role="group">
      <section><h4></h4><div class="gl-mistakes" role="list"></div></section>
      <section><h4></h4><div class="gl-mistakes" role="list"></div></section>
      <p class="gl-empty"></p>
    </div>`;
    this.box = root.firstChild;
    this.halves = [...root.querySelectorAll("section")].map((section) => {
      const [heading, list] = section.children;
      return { section, heading, list };
    });
    this.empty = root.querySelector(".gl-empty");
    this.cells = [];
  }

  update(data) {
    this.data = data;
    this.box.setAttribute("aria-label", data.label);
    this.box.style.minHeight = `${data.height}px`;
    this.empty.textContent = data.words.none;
    [data.words.best, data.words.worst].forEach((title, i) => {
      this.halves[i].heading.textContent = title;
      this.halves[i].list.setAttribute("aria-label", title);
    });
    this.shown = undefined;
  }

  reset() {
    this.shown = undefined;
  }

  draw(stream) {
    const { classes } = stream.told.arrays;
    const useful = (classes && (stream.frame(this.data.kind)?.data.useful ?? stream.told.arrays.useful)) || null;
    if (useful === this.shown) return;
    this.shown = useful;
    const count = useful?.index.length ?? 0;
    this.empty.hidden = count > 0;
    this.make(count);
    if (!count) return;
    const most = Math.max(...useful.value.map(Math.abs)) || 1;
    this.cells.forEach((cell, i) => this.tell(cell, classes[useful.actual[i]], useful.value[i], most));
    this.paint(useful);
  }

  // As many cells as there are pictures, made once and used again; each stands in one half alone, the least
  // useful one first in its own.
  make(count) {
    while (this.cells.length < count) this.cells.push(cell());
    this.cells.length = count;
    const middle = Math.ceil(count / 2);
    [this.cells.slice(0, middle), this.cells.slice(middle).reverse()].forEach((cells, i) => {
      this.halves[i].section.hidden = !cells.length;
      this.halves[i].list.replaceChildren(...cells.map(({ node }) => node));
    });
  }

  // `most` is the value whose bar reaches the end of its side.
  tell({ caption, bar, number }, name, value, most) {
    caption.textContent = name;
    number.textContent = fill(this.data.words.value, { value: points(value) });
    bar.dataset.sign = value < 0 ? "minus" : "plus";
    bar.style.width = `${((50 * Math.abs(value)) / most).toFixed(2)}%`;
  }

  async paint(useful) {
    const sheet = await bitmap(useful.webp);
    if (this.shown !== useful) return; // a newer one has come meanwhile
    const side = SIDE * (globalThis.devicePixelRatio || 1);
    this.cells.forEach(({ canvas }, i) => {
      const [x, y, width, height] = tile(useful, i);
      [canvas.width, canvas.height] = [side, side];
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = Math.max(width, height) >= COARSE;
      context.imageSmoothingQuality = "high";
      context.drawImage(sheet, x, y, width, height, 0, 0, side, side);
    });
  }
}

function cell() {
  const node = element("figure", "gl-mistake");
  node.setAttribute("role", "listitem");
  const [canvas, caption, line, number] = [element("canvas"), element("figcaption"), element("i"), element("small")];
  const bar = element("b");
  line.append(bar);
  node.append(canvas, caption, line, number);
  return { node, canvas, caption, bar, number };
}

// A share in percent points with its sign; what rounds to nothing has none.
function points(share) {
  const text = Math.abs(100 * share).toFixed(1);
  return Number(text) ? `${share < 0 ? "−" : "+"}${text}` : text;
}
