// The variants of a sweep side by side: the surface of each one's first network, its value above,
// its accuracy below; the best one is marked. A click chooses a variant. Where the weights are not
// sent, or the data are no points on a plane, a bar of the accuracy stands for the surface.
//
// data: { kind, height, label, theme, name, classes, choose, words }
// name: the setting that is swept, in words; choose: whether a variant can be chosen
// words: best, accuracy, choose, bars
// trigger: chosen → { value }

import { cost, flattened, networks, probabilityMaps } from "./forward.js";
import { digits, element, fill } from "./format.js";
import { Sheet, classShades, paint, paintClasses, signedShades, surroundings } from "./heat.js";

const SIDES = [[9, 72], [16, 56], [36, 44], [64, 36]]; // up to so many variants: points along each side
const TEXT = 40; // px of title and accuracy of a tile
const GAP = 10;
const LEAST = 46; // px of a tile
const BUSY = 3; // a drawing that takes t is not begun again before 3 t have passed
const DEAR = 8e7; // multiplications of a drawing
const BAR = "rgba(59, 130, 196, 0.55)";

export class Multiples {
  part = "multiples";

  constructor(root) {
    root.innerHTML = `<div class="gl-head"><span class="gl-name"></span><span class="gl-now"></span></div><div class="gl-multiples" role="group"></div>`;
    this.root = root;
    this.grid = root.querySelector(".gl-multiples");
    this.name = root.querySelector(".gl-name");
    this.now = root.querySelector(".gl-now");
    this.sheet = new Sheet();
    this.tiles = [];
    this.shown = [];
    this.ready = 0;
    this.observer = new ResizeObserver(() => { this.arrange(); this.schedule?.(); });
    this.observer.observe(root);
  }

  update(data) {
    this.data = data;
    this.grid.setAttribute("aria-label", data.label);
    this.grid.style.minHeight = `${data.height}px`;
    this.name.textContent = data.name;
    const look = surroundings(this.root);
    this.look = look;
    this.signed = signedShades(look.middle, 0.9);
    this.certain = classShades(data.classes.map(({ color }) => color), look.middle, 0.9);
    for (const tile of this.tiles) tile.button.disabled = !data.choose;
    this.shown = [];
  }

  reset() {
    this.shown = [];
  }

  release() {
    this.observer.disconnect();
    clearTimeout(this.later);
  }

  draw(stream) {
    const frame = stream.frame(this.data.kind);
    const { sweep_value: values, architectures, variant_architecture: which } = stream.told.arrays ?? {};
    if (!frame || !values) return this.tiles.length ? undefined : false;
    const shown = [frame, values, this.width];
    if (shown.every((value, i) => value === this.shown[i])) return;
    const begun = performance.now();
    if (begun < this.ready) { this.wait(this.ready - begun); return; }
    this.shown = shown;
    this.values = values;
    this.make(values.length);
    this.fill(frame.data);
    const theta = frame.data.theta && networks(frame.data.theta);
    this.bars = !theta || !architectures[0].extent;
    this.tiles.forEach((tile, v) => {
      if (this.bars) this.drawBar(tile, v);
      else this.drawTile(tile, architectures[which[v]], theta[v * Math.round(theta.length / values.length)]);
    });
    this.name.textContent = `${this.data.name}${this.bars && architectures[0].extent ? `. ${this.data.words.bars}` : ""}`;
    this.ready = performance.now() + BUSY * (performance.now() - begun);
  }

  // A frame that came too soon is drawn when there is time again.
  wait(milliseconds) {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.schedule(), milliseconds);
  }

  // As many tiles as there are variants, made once.
  make(count) {
    if (this.tiles.length === count) return;
    this.tiles = Array.from({ length: count }, (_, v) => {
      const button = element("button", "gl-multiple");
      button.type = "button";
      button.disabled = !this.data.choose;
      const [title, canvas, accuracy] = [element("span"), element("canvas"), element("small")];
      button.append(title, canvas, accuracy);
      button.onclick = () => this.component.setTriggerValue("chosen", { value: this.values[v] });
      button.onpointerenter = button.onfocus = () => { this.at = v; this.tell(); };
      button.onpointerleave = button.onblur = () => { this.at = null; this.tell(); };
      return { button, title, canvas, accuracy, context: canvas.getContext("2d") };
    });
    this.grid.replaceChildren(...this.tiles.map(({ button }) => button));
    this.arrange();
  }

  // As large as they can be at the height there is; more than fit make the box longer.
  arrange() {
    const width = this.root.clientWidth;
    if (!this.data || !this.tiles.length || !width) return;
    this.width = width;
    const fits = (columns) => Math.floor((width - (columns - 1) * GAP) / columns);
    const most = Math.max(1, Math.min(this.tiles.length, Math.floor((width + GAP) / (LEAST + GAP))));
    let [columns, side] = [most, 0];
    for (let count = most; count; count -= 1) {
      const rows = Math.ceil(this.tiles.length / count);
      const room = Math.min(fits(count), Math.floor((this.data.height + GAP) / rows) - TEXT - GAP);
      if (room >= side) [columns, side] = [count, room];
    }
    if (side < LEAST) [columns, side] = [most, fits(most)];
    this.grid.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    this.grid.style.justifyContent = "space-between";
  }

  fill({ sweep_train: train = [], sweep_val: val = train, ...more }) {
    const { words } = this.data;
    const best = Math.max(...val.filter(Number.isFinite));
    const first = val.indexOf(best);
    this.told = { train, val, ...more };
    this.tiles.forEach(({ button, title, accuracy }, v) => {
      title.textContent = short(this.values[v]);
      accuracy.textContent = val[v] == null ? words.broken : percent(val[v]);
      button.dataset.best = String(v === first);
      button.setAttribute("aria-label", `${this.data.name} ${digits(this.values[v])}: ${accuracy.textContent}${v === first ? `, ${words.best}` : ""}`);
    });
    this.tell();
  }

  drawTile({ canvas, context }, architecture, theta) {
    const usual = SIDES.find(([count]) => this.tiles.length <= count)?.[1] ?? 36;
    const side = Math.max(20, Math.min(usual, Math.floor(Math.sqrt(DEAR / this.tiles.length / cost(architecture)))));
    const maps = probabilityMaps(architecture, [theta], side);
    this.sheet.size(side, side);
    if (maps.length === 1) paint(this.sheet.pixels, this.signed, maps[0], side, 0, 0, 1);
    else paintClasses(this.sheet.pixels, this.certain, flattened(maps), side);
    this.sheet.show();
    const size = this.size(canvas) || side;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.sheet.canvas, 0, 0, size, size);
  }

  // As high as the variant is accurate.
  drawBar({ canvas, context }, v) {
    const size = this.size(canvas);
    const height = size * (this.told.val[v] || 0);
    context.clearRect(0, 0, size, size);
    context.fillStyle = BAR;
    context.fillRect(0, size - height, size, height);
  }

  // Makes a canvas as sharp as the screen, and says how many of its pixels a side has.
  size(canvas) {
    const size = Math.round(canvas.clientWidth * (globalThis.devicePixelRatio || 1));
    if (size && canvas.width !== size) canvas.width = canvas.height = size;
    return size;
  }

  // In the head: the variant pointed at, with all that is known of it, or the best one.
  tell() {
    const { train, val, sweep_val_low: low, sweep_val_high: high } = this.told ?? {};
    if (!train) return;
    const { words, name, choose } = this.data;
    const best = this.tiles.findIndex(({ button }) => button.dataset.best === "true");
    const v = this.at ?? best;
    if (v < 0) { this.now.textContent = ""; return; }
    const spread = high && low && high[v] - low[v] > 1e-9 ? ` ± ${digits(50 * (high[v] - low[v]))} %` : "";
    const about = fill(words.accuracy, { train: percent(train[v]), val: percent(val[v]) + spread });
    this.now.textContent = `${this.at == null ? `${words.best}: ` : ""}${name} ${digits(this.values[v])} · ${about}${this.at != null && choose ? ` · ${words.choose}` : ""}`;
  }
}

// Three digits are enough to tell variants apart, and fit above a small tile.
function short(value) {
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e5)) return value.toExponential(1);
  return Number(value.toPrecision(3)).toLocaleString();
}

function percent(share) {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}
