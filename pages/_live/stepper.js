// One convolution step by step: a pixel of an output map, the window of the input that it is made of, the
// kernel, their products and the sum. Everything is worked out here from one answer.

import { digits, element, fill } from "./format.js";
import { BLUE, ORANGE } from "./heat.js";
import { decode } from "./image.js";

const VIRIDIS = [[68, 1, 84], [72, 40, 120], [62, 73, 137], [49, 104, 142], [38, 130, 142], [31, 158, 137], [53, 183, 121], [110, 206, 88], [181, 222, 43], [253, 231, 37]];
const FIRST = 64; // channels that are shown
const CELL = { most: 44, numbers: 23 }; // px of a number's square, and from where on there is room for the number
const MAP = { wide: 176, narrow: 150 }; // px of what comes in and goes out
const SUMS = 168; // px of the sums
const APART = 30; // px between neighbours, with the sign between them
const MIDDLE = 640, WIDE = 980; // px: below them, in two columns, and in two lines
const SWEEP = { all: 9000, least: 28, most: 260 }; // ms for all pixels, and for one
const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const MINUS = "\u2212";

export class Stepper {
  constructor(why) {
    Object.assign(this, { why, asked: {}, pixel: null, source: 0 });
    const { words } = why.data;
    this.box = element("div", "gl-stepper");
    const map = (name) => `<figure class="gl-step-${name}"><figcaption></figcaption><canvas role="img"></canvas><small></small></figure>`;
    const grid = (name) => `<figure class="gl-step-${name}"><figcaption></figcaption><div class="gl-grid" role="img"></div><small></small></figure>`;
    this.box.innerHTML = `<div class="gl-fields"><label class="gl-field"><span></span><select></select></label>
        <label class="gl-field"><span></span><select></select></label>
        <button type="button" class="gl-button gl-play"></button><span class="gl-what"></span></div>
      <div class="gl-step-row">${map("input")}${grid("window")}<i>×</i>${grid("kernel")}<i>=</i>${grid("products")}<i>→</i>
        <table class="gl-step-sums"><tbody></tbody></table>${map("output")}</div>
      <div class="gl-step-channels" role="group"></div>`;
    const find = (name) => this.box.querySelector(name);
    const figure = (name) => {
      const node = find(`.gl-step-${name}`);
      const [caption, shown, note] = node.children;
      caption.textContent = words[name];
      return { node, shown, note };
    };
    for (const name of ["input", "window", "kernel", "products", "output"]) this[name] = figure(name);
    [this.layer, this.map] = this.box.querySelectorAll("select");
    for (const [list, title] of [[this.layer, words.layer], [this.map, words.map]]) {
      list.previousElementSibling.textContent = title;
      list.setAttribute("aria-label", title);
    }
    Object.assign(this, { row: find(".gl-step-row"), body: find("tbody"), strip: find(".gl-step-channels"), playButton: find(".gl-play") });
    find(".gl-what").textContent = words.step_hint;
    this.input.note.title = words.padding;
    this.listen();
    this.playing(false);
  }

  listen() {
    this.layer.onchange = () => this.choose({ stage: this.layer.value });
    this.map.onchange = () => this.choose({ ...this.asked, channel: Number(this.map.value) });
    this.playButton.onclick = () => (this.timer ? this.stop() : this.play());
    const { shown: output } = this.output;
    output.tabIndex = 0;
    const move = (event, at) => { this.stop(); this.point(at(event)); };
    for (const type of ["pointermove", "pointerdown"]) {
      output.addEventListener(type, (event) => move(event, (e) => this.under(e, output, this.size_.output)));
      this.input.shown.addEventListener(type, (event) => move(event, (e) => this.over(e)));
    }
    output.addEventListener("keydown", (event) => {
      const by = ARROWS[event.key];
      if (!by || !this.pixel) return;
      event.preventDefault();
      this.stop();
      this.point(this.pixel.map((at, i) => at + by[i]));
    });
  }

  // Options -------------------------------------------------------------------------------------

  options() {
    return { ...this.asked, whole: true };
  }

  begin({ stage, channel }) {
    this.asked = { ...(stage == null ? {} : { stage }), ...(channel == null ? {} : { channel }) };
  }

  choose(asked) {
    this.stop();
    this.asked = asked;
    this.why.ask();
  }

  fresh() {
    this.stop();
    this.answer = null;
  }

  rest() {
    this.stop();
  }

  release() {
    this.stop();
  }

  // What is known -------------------------------------------------------------------------------

  show(answer) {
    if (answer === this.answer) { this.draw(); return; }
    const another = this.answer?.stage !== answer.stage;
    this.answer = answer;
    const [channels, height, width] = answer.input.shape;
    const [, kernelHeight, kernelWidth] = answer.kernel.shape;
    const [rows, columns] = answer.map.shape;
    this.size_ = { input: [height, width], output: [rows, columns], kernel: [kernelHeight, kernelWidth], channels };
    this.values = { input: decode(answer.input), kernel: decode(answer.kernel), map: decode(answer.map) };
    this.ranges = { input: range(this.values.input), map: range(this.values.map), kernel: largest(this.values.kernel) };
    this.grey = channels === 1 || (channels === 3 && answer.stage === answer.stages[0]);
    if (another || !this.pixel || this.pixel.some((at, i) => at >= this.size_.output[i])) this.pixel = [rows >> 1, columns >> 1];
    if (another || this.source >= channels) this.source = 0;
    this.fill(this.layer, answer.stages.map((name) => [name, name]), answer.stage);
    const { number } = this.why.data.words;
    this.fill(this.map, Array.from({ length: answer.channels }, (_, k) => [String(k), fill(number, { number: k + 1, count: answer.channels })]), String(answer.channel));
    this.makeGrids();
    this.makeStrip();
    this.size();
  }

  fill(list, entries, value) {
    const key = JSON.stringify(entries);
    if (list.dataset.key !== key) {
      list.dataset.key = key;
      list.replaceChildren(...entries.map(([name, title]) => Object.assign(element("option", "", title), { value: name })));
    }
    list.value = value;
  }

  // The window under an output pixel: its values (C, K, K) and where they are from, and what comes of them.
  step([row, column]) {
    const { answer: { stride, padding, dilation, bias }, size_: { input: [height, width], kernel: [tall, wide], channels }, values } = this;
    const area = tall * wide;
    const window = new Float32Array(channels * area);
    const products = new Float32Array(channels * area);
    const inside = new Uint8Array(area);
    const sums = new Array(channels).fill(0);
    const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
    for (let k = 0; k < area; k += 1) {
      const [y, x] = [top + dilation[0] * Math.floor(k / wide), left + dilation[1] * (k % wide)];
      inside[k] = Number(y >= 0 && x >= 0 && y < height && x < width);
      for (let c = 0; c < channels; c += 1) {
        const value = inside[k] ? values.input[(c * height + y) * width + x] : 0;
        window[c * area + k] = value;
        products[c * area + k] = value * values.kernel[c * area + k];
        sums[c] += products[c * area + k];
      }
    }
    return { window, products, inside, sums, bias, total: sums.reduce((a, b) => a + b, 0) + bias, top, left };
  }

  // Moving --------------------------------------------------------------------------------------

  under({ clientX, clientY }, canvas, [rows, columns], margin = [0, 0]) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [Math.floor(((clientY - top) / height) * (rows + 2 * margin[0])) - margin[0], Math.floor(((clientX - left) / width) * (columns + 2 * margin[1])) - margin[1]];
  }

  // The output pixel whose window has its middle nearest to a place of the input.
  over(event) {
    if (!this.answer) return null;
    const { answer: { stride, padding, dilation }, size_: { input, kernel } } = this;
    const at = this.under(event, this.input.shown, input, padding);
    return at.map((place, i) => Math.round((place + padding[i] - (dilation[i] * (kernel[i] - 1)) / 2) / stride[i]));
  }

  point(pixel) {
    if (!this.answer || !pixel) return;
    this.pixel = pixel.map((at, i) => Math.max(0, Math.min(this.size_.output[i] - 1, at)));
    this.draw();
  }

  play() {
    if (!this.answer) return;
    const [rows, columns] = this.size_.output;
    const last = rows * columns - 1;
    const now = this.pixel[0] * columns + this.pixel[1];
    this.reached = now >= last || !this.paused ? 0 : now;
    const wait = Math.max(SWEEP.least, Math.min(SWEEP.most, SWEEP.all / (last + 1)));
    const go = () => {
      this.point([Math.floor(this.reached / columns), this.reached % columns]);
      if (this.reached >= last) { this.stop(); this.paused = false; return; }
      this.reached += 1;
    };
    this.timer = setInterval(go, wait);
    this.playing(true);
    go();
  }

  // Keeps the place, so that it goes on from there.
  stop() {
    if (!this.timer) { this.paused = false; return; }
    clearInterval(this.timer);
    [this.timer, this.paused] = [null, true];
    this.playing(false);
    this.draw();
  }

  playing(now) {
    const { words } = this.why.data;
    this.playButton.dataset.playing = String(now);
    this.playButton.title = now ? words.pause : words.play;
    this.playButton.setAttribute("aria-label", this.playButton.title);
  }

  // Places --------------------------------------------------------------------------------------

  size() {
    const width = this.box.clientWidth;
    if (!width || !this.answer) return;
    const layout = width < MIDDLE ? "narrow" : width < WIDE ? "middle" : "wide";
    this.box.dataset.layout = layout;
    const [, columns] = this.size_.kernel;
    const map = layout === "narrow" ? Math.min(MAP.narrow, (width - APART) / 2) : MAP.wide;
    const room = { wide: (width - 2 * map - SUMS - 5 * APART) / 3, middle: (width - 2 * APART) / 3, narrow: (width - APART) / 2 }[layout];
    const cell = Math.max(6, Math.min(CELL.most, Math.floor(room / columns)));
    this.box.style.setProperty("--cell", `${cell}px`);
    this.box.style.setProperty("--font", `${Math.max(9, Math.min(13, cell * 0.31)).toFixed(1)}px`);
    this.box.dataset.numbers = String(cell >= CELL.numbers);
    this.map_ = map;
    this.draw();
  }

  makeGrids() {
    const { kernel: [tall, wide] } = this.size_;
    for (const { shown } of [this.window, this.kernel, this.products]) {
      shown.style.gridTemplateColumns = `repeat(${wide}, var(--cell))`;
      if (shown.childElementCount !== tall * wide) shown.replaceChildren(...Array.from({ length: tall * wide }, () => element("span")));
    }
  }

  // All channels that come in, where there are several: one of them is shown large.
  makeStrip() {
    const { channels, input: [height, width] } = this.size_;
    this.strip.hidden = channels < 2;
    const { words } = this.why.data;
    this.thumbs = Array.from({ length: channels < 2 ? 0 : Math.min(FIRST, channels) }, (_, c) => {
      const button = element("button");
      const [canvas, sum] = [element("canvas"), element("small")];
      Object.assign(button, { type: "button", onclick: () => { this.source = c; this.draw(); } });
      button.setAttribute("aria-label", fill(words.channel, { number: c + 1, count: channels }));
      [canvas.width, canvas.height] = [width, height];
      this.paintMap(canvas, this.values.input.subarray(c * height * width, (c + 1) * height * width), this.ranges.input, this.grey);
      button.append(canvas, sum);
      return { button, sum };
    });
    this.strip.replaceChildren(...this.thumbs.map(({ button }) => button));
  }

  // Drawing -------------------------------------------------------------------------------------

  draw() {
    if (!this.answer || !this.box.isConnected || !this.map_) return;
    const { why: { data: { words } }, source, size_: { channels, kernel: [tall, wide] }, pixel } = this;
    const found = (this.found = this.step(pixel));
    const area = tall * wide;
    const part = (values) => values.subarray(source * area, (source + 1) * area);
    const ofChannel = channels > 1 ? fill(words.channel, { number: source + 1, count: channels }) : "";
    const most = Math.max(largest(part(found.products)), 1e-12);
    this.drawInput(found);
    this.drawOutput();
    this.drawGrid(this.window, part(found.window), (value) => this.shadeOf(value, this.ranges.input, this.grey), found.inside);
    this.drawGrid(this.kernel, part(this.values.kernel), (value) => this.signed(value / (this.ranges.kernel || 1)));
    this.drawGrid(this.products, part(found.products), (value) => this.signed(value / most));
    this.input.note.textContent = ofChannel || "\u00a0";
    this.output.note.textContent = fill(words.pixel, { row: pixel[0] + 1, column: pixel[1] + 1 });
    this.drawSums(found);
    this.thumbs.forEach(({ button, sum }, c) => {
      button.setAttribute("aria-pressed", String(c === source));
      sum.textContent = short(found.sums[c]);
    });
  }

  drawGrid({ shown }, values, shade, inside) {
    values.forEach((value, k) => {
      const cell = shown.children[k];
      const color = shade(value);
      cell.textContent = short(value);
      cell.style.background = `rgb(${color})`;
      cell.style.color = bright(color) ? "#14181d" : "#ffffff";
      cell.dataset.beyond = String(Boolean(inside) && !inside[k]);
    });
    const lines = [];
    const wide = this.size_.kernel[1];
    for (let k = 0; k < values.length; k += wide) lines.push([...values.subarray(k, k + wide)].map(short).join(" "));
    shown.setAttribute("aria-label", lines.join("; "));
  }

  drawSums({ sums, bias, total }) {
    const { words } = this.why.data;
    const own = sums[this.source];
    const rows = [[words.sum, own]];
    if (sums.length > 1) rows.push([words.others, sums.reduce((a, b) => a + b, 0) - own]);
    rows.push([words.bias, bias], [words.total, total]);
    const nodes = rows.map(([title, value], i) => {
      const row = element("tr");
      const last = i === rows.length - 1;
      const sign = !i ? "" : last ? "= " : value < 0 ? `${MINUS} ` : "+ ";
      row.append(element("th", "", title), element("td", "", sign + short(i && !last ? Math.abs(value) : value, 4)));
      return row;
    });
    const color = this.shadeOf(total, this.ranges.map, false);
    const swatch = element("i");
    swatch.style.background = `rgb(${color})`;
    nodes.at(-1).firstChild.prepend(swatch);
    this.body.replaceChildren(...nodes);
  }

  // With the zeros around it, and a frame around the window.
  drawInput({ top, left }) {
    const { answer: { padding: [above, beside], dilation }, size_: { input: [height, width], kernel }, source, values, why: { look } } = this;
    const { context, scale } = this.prepared(this.input.shown, height + 2 * above, width + 2 * beside);
    context.fillStyle = look.line;
    context.globalAlpha = 0.4;
    context.fillRect(0, 0, (width + 2 * beside) * scale, (height + 2 * above) * scale);
    context.globalAlpha = 1;
    const sheet = this.sheet(height, width);
    this.paintMap(sheet, values.input.subarray(source * height * width, (source + 1) * height * width), this.ranges.input, this.grey);
    context.drawImage(sheet, beside * scale, above * scale, width * scale, height * scale);
    const [tall, wide] = kernel.map((side, i) => dilation[i] * (side - 1) + 1);
    this.frame(context, [left + beside, top + above, wide, tall].map((at) => at * scale));
  }

  // While it goes over all pixels, those to come are faint.
  drawOutput() {
    const { size_: { output: [rows, columns] }, pixel: [row, column], values } = this;
    const { context, scale } = this.prepared(this.output.shown, rows, columns);
    const sheet = this.sheet(rows, columns);
    this.paintMap(sheet, values.map, this.ranges.map, false);
    const done = this.timer ? row * columns + column + 1 : rows * columns;
    context.globalAlpha = this.timer ? 0.16 : 1;
    context.drawImage(sheet, 0, 0, columns * scale, rows * scale);
    context.globalAlpha = 1;
    if (this.timer) {
      const whole = Math.floor(done / columns);
      if (whole) context.drawImage(sheet, 0, 0, columns, whole, 0, 0, columns * scale, whole * scale);
      if (done % columns) context.drawImage(sheet, 0, whole, done % columns, 1, 0, whole * scale, (done % columns) * scale, scale);
    }
    this.frame(context, [column, row, 1, 1].map((at) => at * scale));
    this.output.shown.setAttribute("aria-label", `${this.why.data.words.output}: ${this.answer.stage}`);
  }

  // A canvas of whole screen pixels for each value, cleared.
  prepared(canvas, rows, columns) {
    const ratio = globalThis.devicePixelRatio || 1;
    const scale = Math.max(1, Math.floor((this.map_ * ratio) / Math.max(rows, columns)));
    const [width, height] = [columns * scale, rows * scale];
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      [canvas.style.width, canvas.style.height] = [`${width / ratio}px`, `${height / ratio}px`];
    }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    return { context, scale };
  }

  sheet(rows, columns) {
    const canvas = (this.scratch ??= document.createElement("canvas"));
    [canvas.width, canvas.height] = [columns, rows];
    return canvas;
  }

  // Two lines, dark on light, so that it is seen on every map.
  frame(context, [x, y, width, height]) {
    const ratio = globalThis.devicePixelRatio || 1;
    context.lineJoin = "round";
    for (const [color, line] of [["#14181d", 4], ["#ffffff", 2]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: line * ratio });
      context.strokeRect(x, y, width, height);
    }
  }

  paintMap(canvas, values, ends, grey) {
    const image = new ImageData(canvas.width, canvas.height);
    values.forEach((value, i) => image.data.set([...this.shadeOf(value, ends, grey), 255], 4 * i));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  shadeOf(value, [low, high], grey) {
    const share = high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0;
    if (grey) return [0, 0, 0].map(() => Math.round(255 * share));
    const at = share * (VIRIDIS.length - 1);
    const [from, to] = [VIRIDIS[Math.floor(at)], VIRIDIS[Math.ceil(at)]];
    return from.map((c, i) => Math.round(c + (to[i] - c) * (at % 1)));
  }

  signed(share) {
    const { middle } = this.why.look;
    const end = share < 0 ? ORANGE : BLUE;
    const strength = Math.min(1, Math.abs(share)) ** 0.8;
    return middle.map((c, i) => Math.round(c + (end[i] - c) * strength));
  }
}

function range(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function bright([r, g, b]) {
  return 0.3 * r + 0.59 * g + 0.11 * b > 140;
}

// As few characters as say enough; a minus as wide as a plus.
function short(value, places = 2) {
  if (Math.abs(value) < 0.5 * 10 ** -places) return "0";
  const text = Math.abs(value) >= 100 ? digits(Math.abs(Number(value.toPrecision(places + 1)))) : Math.abs(value).toFixed(Math.abs(value) >= 10 ? Math.max(1, places - 1) : places);
  return value < 0 ? `${MINUS}${text}` : text;
}
