// Which parts of a picture speak for a class: heat laid over it, from three ways to find it
// (Grad-CAM, integrated gradients, occlusion). Blue speaks for the class, orange against it.

import { digits, element, fill } from "./format.js";
import { Sheet, signedShades } from "./heat.js";
import { decode } from "./image.js";
import { imageOf, shapeOf } from "./rows.js";

const ORANGE_TO_BLUE = "#d9772b, var(--middle), #3b82c4";
const MOST = 340; // px of the picture
const USUAL = 0.55; // of the heat over the picture
const BEND = 0.8; // below 1, small values show more
const PATCHES = 8; // sizes of a patch that are offered
const COLOURS = ["black", "grey", "white"];

export class Blame {
  constructor(why, method) {
    Object.assign(this, { why, method, asked: {}, sheet: new Sheet() });
    const { words, classes } = why.data;
    this.box = element("div", "gl-blame");
    this.box.innerHTML = `<figure><canvas role="img"></canvas><figcaption><small></small><i></i><small></small></figcaption></figure>
      <div class="gl-why-side"><p class="gl-what"></p><div class="gl-fields"></div><p class="gl-readout"></p></div>`;
    const find = (name) => this.box.querySelector(name);
    Object.assign(this, { canvas: find("canvas"), scale: find("figcaption"), what: find(".gl-what"), fields: find(".gl-fields"), readout: find(".gl-readout") });
    this.target = this.choice(words.target, classes.map((name, k) => [String(k), name]), (value) => ({ target: value && Number(value) }));
    if (method === "grad-cam") this.stage = this.choice(words.layer, [], (stage) => ({ stage }));
    if (method === "integrated-gradients") this.baseline = this.choice(words.baseline, COLOURS.map((name) => [name, words[name]]), (baseline) => ({ baseline }));
    if (method === "occlusion") {
      this.patch = this.choice(words.patch, [], (side) => ({ window: side && Number(side) }));
      this.baseline = this.choice(words.patch_colour, COLOURS.map((name) => [name, words[`${name}_patch`]]), (baseline) => ({ baseline }));
    }
    this.strength = element("input");
    Object.assign(this.strength, { type: "range", min: "0", max: "1", step: "0.01", value: String(USUAL), oninput: () => this.paint() });
    this.field(words.strength, this.strength);
    this.canvas.onpointermove = (event) => this.read(event);
    this.canvas.onpointerleave = () => { this.readout.textContent = ""; };
  }

  // A list to choose from; what it makes of its value is an option of the question.
  choice(title, entries, options) {
    const list = element("select");
    this.fill(list, entries);
    list.onchange = () => {
      Object.assign(this.asked, options(list.value));
      this.why.ask();
    };
    return this.field(title, list);
  }

  fill(list, entries) {
    const key = JSON.stringify(entries);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...entries.map(([value, title]) => Object.assign(element("option", "", title), { value })));
  }

  field(title, control) {
    const label = element("label", "gl-field");
    label.append(element("span", "", title), control);
    control.setAttribute("aria-label", title);
    this.fields.append(label);
    return control;
  }

  options() {
    return Object.fromEntries(Object.entries(this.asked).filter(([, value]) => value != null && value !== ""));
  }

  // Another picture is asked about with what its answer is, and as the network does by itself.
  fresh() {
    this.asked = {};
    this.answer = null;
    this.readout.textContent = this.what.textContent = "";
  }

  size() {
    const width = this.box.clientWidth;
    if (!width || !this.why.data) return;
    const { height, picture } = this.why.data;
    const [rows] = shapeOf(picture);
    const most = Math.min(MOST, width, height - 40);
    const side = most >= rows ? rows * Math.floor(most / rows) : most;
    this.canvas.style.width = this.canvas.style.height = `${side}px`;
    this.scale.style.width = `${side}px`;
  }

  show(answer) {
    const { classes, words, picture, label } = this.why.data;
    this.answer = answer;
    this.heat = decode(answer.heat);
    this.largest = this.heat.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    this.signed = this.method !== "grad-cam";
    this.fill(this.target, classes.map((name, k) => [String(k), k === answer.output ? fill(words.seen, { name }) : k === label ? `${name} (${words.truth})` : name]));
    this.target.value = String(answer.target);
    if (this.stage) this.fill(this.stage, answer.stages.map((name) => [name, name]));
    if (this.stage) this.stage.value = answer.stage;
    if (this.baseline) this.baseline.value = answer.baseline;
    if (this.patch) this.patches(answer, shapeOf(picture));
    this.tell(answer);
    this.size();
    this.paint();
  }

  patches({ window: side }, [rows, columns]) {
    const { words } = this.why.data;
    const most = Math.floor(Math.min(rows, columns) / 2);
    const every = Math.max(1, Math.ceil((most - 1) / PATCHES));
    const sizes = Array.from({ length: most }, (_, i) => i + 1).filter((size) => size > 1 && (size - 2) % every === 0);
    this.fill(this.patch, [...new Set([...sizes, side])].sort((a, b) => a - b).map((size) => [String(size), fill(words.patch_size, { side: size })]));
    this.patch.value = String(side);
  }

  tell(answer) {
    const { classes, words } = this.why.data;
    const name = classes[answer.target];
    const rounded = (value) => digits(Number(value.toPrecision(3)));
    this.what.textContent = this.largest === 0 ? fill(words.nothing, { name }) : fill(words[`${this.method}_about`], {
      name, stage: answer.stage, size: answer.size?.join(" × "), baseline: words[answer.baseline], patches: answer.patches,
      sum: rounded(answer.sum), difference: rounded(answer.difference ?? 0),
    });
    const [low, bar, high] = this.scale.children;
    low.textContent = this.signed ? `${words.against} −${rounded(this.largest)}` : "0";
    high.textContent = `${words.for} ${rounded(this.largest)}`;
    bar.style.background = `linear-gradient(90deg, ${this.signed ? ORANGE_TO_BLUE : "var(--middle), #3b82c4"})`;
    this.canvas.setAttribute("aria-label", `${words[this.method]}: ${name}`);
  }

  // The picture loses its colours, that heat alone has some. The stronger the heat, the more it covers; in
  // the slider's second half it covers the rest, too.
  paint() {
    if (!this.answer) return;
    const { middle } = this.why.look;
    this.box.style.setProperty("--middle", `rgb(${middle})`);
    const shades = signedShades(middle, 1, BEND);
    const image = imageOf(this.why.data.picture);
    const strength = Number(this.strength.value);
    const scale = this.largest || 1;
    const grey = Math.min(1, 2 * strength);
    this.heat.forEach((value, i) => {
      const size = Math.abs(value) / scale;
      const alpha = Math.min(1, 1.3 * strength * size ** BEND + Math.max(0, 2 * strength - 1));
      const shade = shades[Math.round((value / scale + 1) * 127.5)];
      const [r, g, b] = image.data.subarray(4 * i, 4 * i + 3);
      const light = 0.3 * r + 0.59 * g + 0.11 * b;
      [r, g, b].forEach((value, c) => {
        const under = value + grey * (light - value);
        image.data[4 * i + c] = under + alpha * (((shade >> (8 * c)) & 255) - under);
      });
    });
    [this.canvas.width, this.canvas.height] = [image.width, image.height];
    this.canvas.getContext("2d").putImageData(image, 0, 0);
  }

  read({ clientX, clientY }) {
    if (!this.answer) return;
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const [rows, columns] = this.answer.heat.shape;
    const [row, column] = [Math.floor(((clientY - top) / height) * rows), Math.floor(((clientX - left) / width) * columns)];
    if (row < 0 || column < 0 || row >= rows || column >= columns) return;
    const value = this.heat[row * columns + column];
    const text = `${value > 0 ? "+" : value < 0 ? "−" : ""}${digits(Math.abs(Number(value.toPrecision(2))))}`;
    this.readout.textContent = fill(this.why.data.words.at, { row: row + 1, column: column + 1, value: text });
  }
}
