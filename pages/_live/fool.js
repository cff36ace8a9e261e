// How little has to change until a network errs (FGSM): the picture before and after, what changed, and
// what the network sees then.

import { Bars, percent } from "./bars.js";
import { element, fill } from "./format.js";
import { signedShades } from "./heat.js";
import { decode } from "./image.js";
import { paintRows } from "./rows.js";

const LEVELS = 255;
const MOST = 64; // grey levels on the slider
const BEGIN = 8;

export class Fool {
  constructor(why) {
    Object.assign(this, { why, target: null });
    const { words, classes } = why.data;
    this.box = element("div", "gl-fool");
    this.box.innerHTML = `<div class="gl-fields"></div>
      <div class="gl-fool-row"><figure><canvas role="img"></canvas><figcaption></figcaption></figure><i>+</i>
        <figure><canvas role="img"></canvas><figcaption></figcaption></figure><i>=</i>
        <figure><canvas role="img"></canvas><figcaption></figcaption></figure>
        <div class="gl-fool-after"><p class="gl-verdict" role="status"><b></b><span></span></p><ul></ul></div></div>`;
    const find = (name) => this.box.querySelector(name);
    Object.assign(this, { fields: find(".gl-fields"), verdict: find(".gl-verdict") });
    this.canvases = [...this.box.querySelectorAll("canvas")];
    this.captions = [...this.box.querySelectorAll("figcaption")];
    this.bars = new Bars(find("ul"));
    this.bars.make(classes, words.answer, words.was);
    this.slider = element("input");
    Object.assign(this.slider, { type: "range", min: "0", max: String(MOST), step: "1", value: String(BEGIN), oninput: () => this.move() });
    this.value = element("b");
    this.list = element("select");
    this.list.append(...[["", words.anything], ...classes.map((name, k) => [String(k), name])].map(([value, title]) => Object.assign(element("option", "", title), { value })));
    this.list.onchange = () => { this.target = this.list.value === "" ? null : Number(this.list.value); why.ask(); };
    this.field(words.epsilon, this.value, this.slider).classList.add("gl-wide");
    this.field(words.into, this.list);
    const told = element("p", "gl-what gl-enough");
    [this.what, this.set] = [element("span"), element("button", "gl-button", words.set)];
    this.set.type = "button";
    told.append(this.what, this.set);
    this.fields.append(told);
    this.set.onclick = () => { this.slider.value = String(Math.round(LEVELS * this.answer.smallest)); this.move(); };
    this.label();
  }

  field(title, ...controls) {
    const label = element("label", "gl-field");
    label.append(element("span", "", title), ...controls);
    controls.at(-1).setAttribute("aria-label", title);
    this.fields.append(label);
    return label;
  }

  get levels() {
    return Number(this.slider.value);
  }

  options() {
    return { epsilon: this.levels / LEVELS, ...(this.target == null ? {} : { target: this.target }) };
  }

  fresh() {
    this.target = null;
    this.list.value = "";
    this.slider.max = String(MOST);
    this.slider.value = String(BEGIN);
    this.label();
  }

  move() {
    this.label();
    this.why.ask();
  }

  label() {
    this.value.textContent = fill(this.why.data.words.epsilon_value, { levels: this.levels });
  }

  show(answer) {
    this.answer = answer;
    const { classes, words, picture } = this.why.data;
    const [before, change, after] = this.canvases;
    paintRows(before, picture);
    paintRows(after, rowsOf(answer.picture));
    const times = this.paintChange(change, answer.change);
    [words.before, times > 1 ? fill(words.change_times, { times }) : words.change, words.after].forEach((text, i) => {
      this.captions[i].textContent = text;
      this.canvases[i].setAttribute("aria-label", text);
    });
    const [name, sure] = this.verdict.children;
    name.textContent = classes[answer.seen];
    sure.textContent = percent(answer.after[answer.seen]);
    this.bars.show(answer.after, { truth: answer.source });
    const { smallest, target } = answer;
    const levels = smallest && Math.round(LEVELS * smallest);
    if (levels > Number(this.slider.max)) this.slider.max = String(levels);
    this.what.textContent = smallest == null ? words.never : fill(target == null ? words.smallest_any : words.smallest, { levels, name: classes[target] });
    this.set.hidden = smallest == null;
  }

  // What was added in blue, and taken away in orange, the largest change at full strength. In colours, the
  // mean over them. Returns how many times stronger than it is: white less black would be once.
  paintChange(canvas, change) {
    const [channels, height, width] = change.shape;
    const values = decode(change);
    const size = height * width;
    const shades = signedShades(this.why.look.middle);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    const image = new ImageData(width, height);
    const packed = new Uint32Array(image.data.buffer);
    for (let i = 0; i < size; i += 1) {
      let sum = 0;
      for (let c = 0; c < channels; c += 1) sum += values[c * size + i];
      packed[i] = shades[Math.round((sum / channels / largest + 1) * 127.5)];
    }
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d").putImageData(image, 0, 0);
    return Math.round(1 / largest);
  }
}

// (H, W, C) of bytes as rows.
function rowsOf(picture) {
  const values = decode(picture);
  const [height, width, channels] = picture.shape;
  const pixel = (at) => (channels === 1 ? values[at] : [...values.subarray(at, at + channels)]);
  return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) => pixel(channels * (row * width + column))));
}
