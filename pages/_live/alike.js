// The training pictures that look most alike to a network; each can be asked about.

import { element, fill, whole } from "./format.js";
import { bitmap, tile } from "./mosaic.js";

const SIDE = 96; // px of a thumbnail

export class Alike {
  constructor(why) {
    this.why = why;
    this.box = element("div", "gl-alike");
    this.what = element("p", "gl-what");
    this.sheet = element("div", "gl-mistakes");
    this.note = element("p", "gl-what");
    this.box.append(this.what, this.sheet, this.note);
  }

  options() {
    return {};
  }

  fresh() {
    this.answer = null;
    this.sheet.replaceChildren();
    this.what.textContent = this.note.textContent = "";
  }

  failed() {
    this.fresh();
  }

  show(answer) {
    if (answer === this.answer) return;
    this.answer = answer;
    const { words, classes } = this.why.data;
    this.what.textContent = fill(words.similar_about, { searched: whole(answer.searched), pictures: whole(answer.pictures) });
    this.note.textContent = answer.note;
    const cells = answer.index.map((number, i) => {
      const cell = element("figure", "gl-mistake");
      const [button, canvas] = [element("button"), element("canvas")];
      const name = classes[answer.label[i]];
      const value = answer.distance[i].toFixed(3);
      Object.assign(button, { type: "button", onclick: () => this.ask(number) });
      button.setAttribute("aria-label", fill(words.ask_this, { name, value }));
      canvas.width = canvas.height = SIDE;
      button.append(canvas);
      const caption = element("figcaption", "", name);
      caption.dataset.right = String(answer.label[i] === answer.output);
      cell.append(button, caption, element("small", "", fill(words.distance, { value })));
      return { cell, canvas };
    });
    this.sheet.replaceChildren(...cells.map(({ cell }) => cell));
    this.paint(answer, cells);
  }

  async paint(answer, cells) {
    const sheet = await bitmap(answer.mosaic.webp);
    cells.forEach(({ canvas }, i) => {
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(sheet, ...tile(answer.mosaic, i), 0, 0, SIDE, SIDE);
    });
  }

  ask(number) {
    this.why.component.setTriggerValue("asked", { number, method: this.why.method });
  }
}
