// The network: every unit as a small heat map of what it responds to, every link as wide as its
// weight, and the output large with the data on it. All of it is computed here from the weights of
// a frame, so that a weight changed by hand is seen at once.
//
// data: { kind, height, label, theme, points?, classes, edit, words }
// points: { x, y, label, held } of the data on show; classes: [{ color, symbol }] by class index
// edit: "run" (a change is told to the run), "local" (it stays on this screen) or "" (none)
// trigger: edited → { run, step, index, value }, the index among the parameters of the first network

import { arrange, curve, under } from "./diagram.js";
import { cost, flattened, forward, gridInputs, networks, planOf, probabilities, probabilityMaps } from "./forward.js";
import { digits, element, fill } from "./format.js";
import { Sheet, classShades, paint, paintClasses, signedShades, singleShades, surroundings } from "./heat.js";
import { outline, sample } from "./symbols.js";
import { WeightWindow } from "./weight.js";

const ICON = 40; // points along each side of a unit's map
const [COARSE, USUAL, FINE] = [48, 120, 240]; // the same of the large map: while a dear network moves, usually, at rest
const DEAR = 2e7, FINE_DEAR = 6e7; // multiplications of a drawing
const SETTLE = 220; // ms without a new frame after which the large map is drawn finely
const REACH = { mouse: 7, pen: 10, touch: 18 }; // px around a link
const WIDEST = 5.5; // px of the strongest link of a layer
const LEAST_SCALE = { weight: 1, value: 0.25 }; // what counts as strong at least: a calm start
const PHONE_GROWS = 1.3; // a narrow box is higher: the map stands under the network
const NARROW = 520;
const CIRCLE = 12; // px of radius at most
const SOFT = 0.78; // how strong the large map's colours are at most: the data stand out on it
const BEND = 0.75; // small values of a unit show more
const MINUS = "#d9772b", PLUS = "#3b82c4";

export class Network {
  part = "network";

  constructor(root) {
    root.innerHTML = `<div class="gl-head gl-tight"><span class="gl-legend"></span><span class="gl-signs"></span></div>
      <div class="gl-box gl-net"><canvas role="img" tabindex="0"></canvas><div class="gl-tip" hidden><span></span><b></b><small></small></div></div>`;
    this.root = root;
    this.box = root.querySelector(".gl-net");
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.tip = root.querySelector(".gl-tip");
    this.sheets = { icons: new Sheet(), large: new Sheet(), points: document.createElement("canvas") };
    this.edits = new Map(); // index → { value, step, notes: how many notes there were }
    this.version = 0;
    this.shown = [];
    this.window = new WeightWindow(this.box, {
      change: (index, value) => this.edit(index, value),
      finish: (index, value) => this.send(index, value),
      undo: (index) => this.undo(index),
      away: () => this.leave(),
      turn: (index) => this.choose({ ...this.chosen, index, kind: this.isBias(index) ? "unit" : "link" }),
    });
    this.listen();
    this.observer = new ResizeObserver(() => { this.size(); this.schedule?.(); });
    this.observer.observe(this.box);
  }

  update(data) {
    this.data = data;
    this.canvas.setAttribute("aria-label", data.label);
    this.size();
    const look = surroundings(this.root);
    const key = JSON.stringify([look, data.classes, data.words]);
    if (key !== this.lookKey) {
      Object.assign(this, { look, lookKey: key, legendKey: "" });
      this.signed = signedShades(look.middle, 0.92, BEND);
      this.soft = signedShades(look.middle, SOFT);
      const colors = data.classes.map(({ color }) => color);
      this.certain = classShades(colors, look.middle, SOFT);
      this.single = colors.map((color) => singleShades(color, look.middle));
      this.version += 1;
    }
    if (!data.edit) this.window.shut();
  }

  size() {
    if (!this.data) return;
    const width = this.box.clientWidth;
    const grows = width && width < NARROW && this.architecture?.extent !== null;
    const height = Math.round(this.data.height * (grows ? PHONE_GROWS : 1));
    const ratio = globalThis.devicePixelRatio || 1;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio, layout: null });
    this.box.style.height = `${height}px`;
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.version += 1;
  }

  // Another run: what is drawn stays until its first frame is there.
  reset() {
    this.fresh = true;
  }

  release() {
    this.observer.disconnect();
    clearTimeout(this.settling);
  }

  // Frames and edits --------------------------------------------------------------------------

  draw(stream) {
    const frame = stream.frame(this.data.kind);
    const architecture = stream.told.arrays?.architecture;
    if (!frame || !architecture || !this.width) return this.drawn ? undefined : this.wait(stream);
    if (this.fresh) this.forget();
    this.settle(stream, frame);
    const shown = [frame, architecture, this.version, this.data.points, this.data.edit, this.aim(), this.rested];
    if (shown.every((value, i) => value === this.shown[i])) return;
    const moved = frame !== this.shown[0] || this.version !== this.shown[2];
    this.shown = shown;
    Object.assign(this, { frame, architecture, drawn: true });
    this.size(); // a table needs no room for a large map
    if (moved) this.rested = shown[6] = false;
    this.rest();
    this.arrange();
    this.drawLegend();
    this.theta = this.weights(frame);
    this.clear();
    if (!this.theta) { this.say(this.data.words.large); return; }
    this.compute();
    this.drawLinks();
    this.drawColumns();
    if (this.layout.plane) this.drawOutput();
    else this.drawClasses();
    if (this.window.open) this.window.set(this.theta[this.window.index]);
    this.tell();
  }

  wait(stream) {
    this.clear();
    if (stream.source.kind === "nothing") this.say(this.data.words.none);
    return false;
  }

  forget() {
    this.fresh = false;
    this.edits.clear();
    this.hovered = null;
    this.version += 1;
    if (!this.window.node.contains(document.activeElement)) this.window.shut();
  }

  // Lets go of edits that the run has taken up, or that belong to another step than the one on show.
  settle(stream, frame) {
    for (const [index, edit] of this.edits) {
      const note = stream.notes.slice(edit.notes ?? Infinity).find((one) => one.edit && Number(one.edit[index]) === edit.value);
      const taken = note && frame.step > note.step;
      const left = (stream.terminal || this.data.edit !== "run") && frame.step !== edit.step;
      if (taken || left) { this.edits.delete(index); this.version += 1; }
    }
  }

  // The first network's weights, with what was changed by hand.
  weights(frame) {
    if (!frame.data.theta) return null;
    const row = networks(frame.data.theta)[0];
    if (!this.edits.size) return row;
    const made = Float32Array.from(row);
    for (const [index, { value }] of this.edits) made[index] = value;
    return made;
  }

  edit(index, value) {
    if (this.stream.playing) this.stream.seek(this.frame.step);
    const held = this.edits.get(index);
    this.edits.set(index, { value, step: this.frame.step, open: true, before: held?.open ? held.before : held });
    this.version += 1;
    this.schedule();
  }

  // Back to what there was before a change that is not to be.
  undo(index) {
    const before = this.edits.get(index)?.before;
    if (before) this.edits.set(index, before);
    else this.edits.delete(index);
    this.version += 1;
    this.schedule();
  }

  send(index, value) {
    const edit = this.edits.get(index);
    if (edit) Object.assign(edit, { open: false, before: null });
    if (this.data.edit !== "run" || !edit) return;
    edit.notes = this.stream.notes.length;
    this.component.setTriggerValue("edited", { run: this.stream.source.id ?? "", step: this.frame.step, index, value });
  }

  // After a moment without a new frame the large map is drawn finely.
  rest() {
    clearTimeout(this.settling);
    if (!this.rested) this.settling = setTimeout(() => { this.rested = true; this.schedule(); }, SETTLE);
  }

  // Maps --------------------------------------------------------------------------------------

  arrange() {
    const { architecture, width, height } = this;
    if (this.layout?.architecture === architecture) return;
    this.context.font = this.font(12);
    const measure = (text) => this.context.measureText(text).width;
    this.layout = { ...arrange(architecture, width, height, measure), architecture, width };
  }

  // The unit whose map is shown large: the one pointed at, or the one whose bias is changed.
  aim() {
    const at = this.hovered?.kind === "unit" ? this.hovered : this.chosen?.kind === "unit" ? this.chosen : null;
    return at && this.layout?.plane && at.layer < this.layout.plan.length - 1 ? `${at.layer}/${at.unit}` : null;
  }

  compute() {
    if (!this.layout.plane) return;
    const { architecture, theta } = this;
    const inputs = gridInputs(architecture, ICON);
    const { layers, logits } = forward(architecture, theta, inputs);
    this.icons = [inputs, ...layers];
    if (this.layout.columns.length > this.icons.length) this.icons.push(probabilities(logits));
    this.paintIcons();
    this.paintLarge();
  }

  paintIcons() {
    const { columns } = this.layout;
    const sheet = this.sheets.icons;
    const count = columns.reduce((sum, { units }) => sum + units.length, 0);
    sheet.size(ICON, ICON * count);
    let at = 0;
    for (const [c, column] of columns.entries()) for (const unit of column.units) {
      unit.row = at;
      const values = this.icons[c][unit.unit];
      const last = column.layer === this.layout.plan.length - 1;
      if (last) paint(sheet.pixels, this.architecture.outputs > 1 ? this.single[unit.unit % this.single.length] : this.soft, values, ICON, at * ICON, 0, 1);
      else {
        const scale = Math.max(LEAST_SCALE.value, largest(values));
        paint(sheet.pixels, this.signed, values, ICON, at * ICON, -scale, scale);
      }
      at += 1;
    }
    sheet.show();
  }

  paintLarge() {
    const { architecture, theta } = this;
    const side = this.sideOf(cost(architecture));
    const sheet = this.sheets.large;
    sheet.size(side, side);
    const aim = this.aim();
    this.range = null;
    if (aim) {
      const [layer, unit] = aim.split("/").map(Number);
      const inputs = gridInputs(architecture, side);
      const values = layer < 0 ? inputs[unit] : forward(architecture, theta, inputs, layer).layers[layer][unit];
      this.range = largest(values);
      const scale = Math.max(LEAST_SCALE.value, this.range);
      paint(sheet.pixels, this.signed, values, side, 0, -scale, scale);
      this.range = scale;
    } else {
      const maps = probabilityMaps(architecture, [theta], side);
      if (maps.length === 1) paint(sheet.pixels, this.soft, maps[0], side, 0, 0, 1);
      else paintClasses(sheet.pixels, this.certain, flattened(maps), side);
    }
    sheet.show();
  }

  sideOf(effort) {
    if (this.rested) return effort * FINE ** 2 <= FINE_DEAR ? FINE : USUAL;
    return Math.max(COARSE, Math.min(USUAL, Math.floor(Math.sqrt(DEAR / effort))));
  }

  // Drawing -----------------------------------------------------------------------------------

  font(size, weight = 400) {
    return `${weight} ${size}px ${this.look.font}`;
  }

  clear() {
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
  }

  write(text, x, y, { align = "center", size = 11.5, weight, color = this.look.mute, most } = {}) {
    const { context } = this;
    context.font = this.font(size, weight);
    context.fillStyle = color;
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(most ? this.cut(text, most) : text, x, y);
  }

  // As much of a text as there is room for.
  cut(text, most) {
    const { context } = this;
    if (context.measureText(text).width <= most) return text;
    let length = text.length;
    while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > most) length -= 1;
    return `${text.slice(0, length)}…`;
  }

  say(text) {
    this.write(text ?? "", this.width / 2, this.height / 2, { size: 13 });
  }

  drawLinks() {
    const { context, theta } = this;
    const { links, plan } = this.layout;
    const scale = plan.map(({ weight, inputs, outputs }) => Math.max(LEAST_SCALE.weight, largest(theta.subarray(weight, weight + inputs * outputs))));
    const marked = this.marked();
    const strong = (link) => Math.abs(theta[link.index]) / scale[link.layer];
    const sorted = [...links].sort((a, b) => Math.abs(theta[a.index]) - Math.abs(theta[b.index]));
    context.lineCap = "butt";
    for (const link of sorted) {
      const share = strong(link);
      const quiet = marked && !marked(link);
      context.globalAlpha = (0.22 + 0.56 * share) * (quiet ? 0.28 : 1);
      context.strokeStyle = theta[link.index] < 0 ? MINUS : PLUS;
      context.lineWidth = 0.5 + (WIDEST - 0.5) * share;
      context.beginPath();
      curve(context, link);
      context.stroke();
    }
    const one = [this.chosen, this.hovered].find((item) => item?.kind === "link");
    if (one) this.drawMarked(one, strong(one));
    context.globalAlpha = 1;
  }

  // What a link is beside the others: the one pointed at, or those of the unit pointed at.
  marked() {
    const at = this.hovered ?? this.chosen;
    if (!at) return null;
    if (at.kind === "link") return ({ index }) => index === at.index;
    return (link) => (link.layer === at.layer && link.unit === at.unit) || (link.layer === at.layer + 1 && link.input === at.unit);
  }

  drawMarked(link, share) {
    const { context, look } = this;
    context.globalAlpha = 1;
    for (const [color, width] of [[look.ground, 5], [this.theta[link.index] < 0 ? MINUS : PLUS, 2]]) {
      context.strokeStyle = color;
      context.lineWidth = width + (WIDEST - 0.5) * share;
      context.beginPath();
      curve(context, link);
      context.stroke();
    }
  }

  drawColumns() {
    const { layout, data: { words }, architecture } = this;
    for (const [at, column] of layout.columns.entries()) {
      const output = column.layer === layout.plan.length - 1;
      for (const unit of column.units) (layout.plane ? this.drawIcon(unit) : this.drawCircle(unit, column));
      const x = column.x + layout.size / 2;
      if (column.more) this.write(fill(words.more, { count: column.more }), x, column.end);
      const tight = layout.columns.length > 1 && layout.columns[1].x - layout.columns[0].x < 76;
      const count = fill(column.count === 1 ? words.neuron : words.neurons, { count: column.count });
      const hidden = tight ? String(column.count) : count;
      this.write(at === 0 ? words.inputs : output ? (layout.stacked ? "" : words.classes) : hidden, x, 11);
    }
    const [inputs] = layout.columns;
    for (const unit of inputs.units) this.write(architecture.inputs[unit.unit], unit.x - 8, unit.y + layout.size / 2, { align: "right", size: 12, color: this.look.text, most: inputs.x - 8 });
  }

  drawIcon({ x, y, row, layer, unit }) {
    const { context, look, sheets, layout: { size } } = this;
    const radius = Math.max(3, size / 8);
    context.save();
    context.beginPath();
    context.roundRect(x, y, size, size, radius);
    context.clip();
    context.imageSmoothingEnabled = true;
    context.drawImage(sheets.icons.canvas, 0, row * ICON, ICON, ICON, x, y, size, size);
    context.restore();
    this.border(x, y, size, radius, this.isMarked(layer, unit) ? { color: look.text, width: 2 } : {});
  }

  border(x, y, size, radius, { color = this.look.line, width = 1 } = {}) {
    const { context } = this;
    context.beginPath();
    context.roundRect(x, y, size, size, radius);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  }

  isMarked(layer, unit) {
    return [this.hovered, this.chosen].some((item) => item?.kind === "unit" && item.layer === layer && item.unit === unit);
  }

  // Tables have no maps: a circle, filled by how strongly it acts on the next layer.
  drawCircle({ x, y, layer, unit }, column) {
    const { context, look, layout: { size, plan } } = this;
    const next = plan[layer + 1];
    const share = next ? this.strength(next, unit) / Math.max(1e-9, ...column.units.map((one) => this.strength(next, one.unit))) : 0;
    const radius = Math.min(size / 2, CIRCLE) - 1;
    context.beginPath();
    context.arc(x + size / 2, y + size / 2, radius, 0, 2 * Math.PI);
    context.fillStyle = look.ground;
    context.fill();
    context.globalAlpha = 0.75 * share;
    context.fillStyle = next ? look.text : (this.data.classes[this.architecture.outputs === 1 ? 1 : unit] ?? {}).color ?? look.text;
    if (!next) context.globalAlpha = 1;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this.isMarked(layer, unit) ? look.text : look.mute;
    context.lineWidth = this.isMarked(layer, unit) ? 2 : 1;
    context.stroke();
  }

  // Mean size of the weights from a unit to the next layer.
  strength({ inputs, outputs, weight }, unit) {
    let sum = 0;
    for (let o = 0; o < outputs; o += 1) sum += Math.abs(this.theta[weight + o * inputs + unit]);
    return sum / outputs;
  }

  drawClasses() {
    const { layout: { columns, size }, architecture: { classes, outputs }, width } = this;
    const column = columns.at(-1);
    const x = column.x + size / 2 + Math.min(size / 2, CIRCLE) + 6;
    const style = { align: "left", size: 12, color: this.look.text, most: width - x };
    if (outputs === 1) this.write(classes[1], x, column.units[0].y + size / 2, style);
    else for (const unit of column.units) this.write(classes[unit.unit], x, unit.y + size / 2, style);
  }

  drawOutput() {
    const { context, look, layout: { output: { x, y, side }, ports, columns, size }, sheets } = this;
    if (columns.at(-1).layer === this.layout.plan.length - 1 && !this.layout.stacked) this.drawLeads(columns.at(-1), size);
    context.save();
    context.beginPath();
    context.roundRect(x, y, side, side, 8);
    context.clip();
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(sheets.large.canvas, x, y, side, side);
    this.drawPoints();
    context.restore();
    this.border(x, y, side, 8, {});
    if (ports) this.drawPort(x, y + side / 2);
    this.drawScale();
  }

  // Thin lines from the outputs to the large map: what they say together.
  drawLeads({ units, x: left }, size) {
    const { context, look, layout: { output } } = this;
    context.strokeStyle = look.line;
    context.lineWidth = 1;
    for (const { y } of units) {
      context.beginPath();
      curve(context, { from: [left + size, y + size / 2], to: [output.x, output.y + output.side / 2] });
      context.stroke();
    }
  }

  drawPort(x, y) {
    const { context, look, layout: { plan } } = this;
    const on = this.isMarked(plan.length - 1, 0);
    context.beginPath();
    context.arc(x, y, 5.5, 0, 2 * Math.PI);
    context.fillStyle = look.ground;
    context.fill();
    context.strokeStyle = on ? look.text : look.mute;
    context.lineWidth = on ? 2 : 1.25;
    context.stroke();
  }

  // The points are drawn once, on a canvas of their own.
  drawPoints() {
    const { points } = this.data;
    if (!points?.x.length) return;
    const { output: { x, y, side } } = this.layout;
    const sheet = this.sheets.points;
    const key = [points, side, this.ratio, this.lookKey, this.architecture];
    if (!this.pointsKey || key.some((part, i) => part !== this.pointsKey[i])) {
      this.pointsKey = key;
      sheet.width = sheet.height = Math.round(side * this.ratio);
      this.plot(sheet.getContext("2d"), points, side);
    }
    this.context.drawImage(sheet, x, y, side, side);
  }

  plot(context, { x, y, label, held = [] }, side) {
    const { look, ratio, data: { classes }, architecture: { extent: [x0, x1, y0, y1] } } = this;
    context.scale(ratio, ratio);
    const radius = (x.length > 800 ? 2.2 : x.length > 300 ? 2.8 : 3.4) * Math.min(1.2, Math.max(0.8, side / 260));
    const paths = classes.map(({ symbol }) => new Path2D(outline(symbol, radius)));
    for (let i = 0; i < x.length; i += 1) {
      const k = label[i] % classes.length;
      context.save();
      context.translate(((x[i] - x0) / (x1 - x0)) * side, side - ((y[i] - y0) / (y1 - y0)) * side);
      context.fillStyle = held[i] ? look.ground : classes[k].color;
      context.strokeStyle = held[i] ? classes[k].color : look.ground;
      context.lineWidth = held[i] ? 1.4 : 2;
      if (held[i]) context.fill(paths[k]);
      context.stroke(paths[k]);
      if (!held[i]) context.fill(paths[k]);
      context.restore();
    }
  }

  // Above the large map what it shows, below it what the colours mean.
  drawScale() {
    const { layout: { output: { x, y, side } }, architecture: { classes, outputs }, data: { words } } = this;
    const aim = this.aim();
    const [layer, unit] = aim?.split("/").map(Number) ?? [];
    const bias = aim && layer >= 0 ? ` · ${words.bias} ${digits(this.theta[planOf(this.architecture)[layer].bias + unit])}` : "";
    this.write(aim ? this.nameOf(layer, unit) + bias : words.output, x + side / 2, y - 11, { color: aim ? this.look.text : this.look.mute, most: side });
    const at = y + side + 10;
    if (!aim && outputs > 1) { this.write(words.certainty, x + side / 2, at + 4, { most: side }); return; }
    this.bar(x, at, side);
    const ends = aim ? [digits(-this.range), digits(this.range)] : [classes[0], classes[1]];
    this.write(ends[0], x, at + 17, { align: "left", most: side / 2 - 16 });
    this.write(ends[1], x + side, at + 17, { align: "right", most: side / 2 - 16 });
    this.write(aim ? "0" : "50 %", x + side / 2, at + 17);
  }

  bar(x, y, width) {
    const { context, look } = this;
    const gradient = context.createLinearGradient(x, 0, x + width, 0);
    gradient.addColorStop(0, MINUS);
    gradient.addColorStop(0.5, `rgb(${look.middle})`);
    gradient.addColorStop(1, PLUS);
    context.fillStyle = gradient;
    context.beginPath();
    context.roundRect(x, y, width, 6, 3);
    context.fill();
    context.strokeStyle = look.line;
    context.lineWidth = 1;
    context.stroke();
  }

  drawLegend() {
    const { architecture, data: { classes, points, words }, legendKey } = this;
    const key = JSON.stringify([this.lookKey, architecture.classes, Boolean(points?.held?.some(Boolean))]);
    if (key === legendKey) return;
    this.legendKey = key;
    const names = architecture.classes.slice(0, SHOWN_CLASSES).map((name, k) => legendItem(sample(classes[k % classes.length].symbol, classes[k % classes.length].color), name));
    if (points?.held?.some(Boolean)) names.push(legendItem(sample("circle", "currentColor", true), words.held));
    this.root.querySelector(".gl-legend").replaceChildren(...names);
    const sign = (color, text) => { const line = element("i"); line.style.background = color; return legendItem(line, text); };
    this.root.querySelector(".gl-signs").replaceChildren(element("span", "gl-wide", words.links), sign(MINUS, "−"), sign(PLUS, "+"));
  }

  // Names -------------------------------------------------------------------------------------

  nameOf(layer, unit) {
    const { words } = this.data;
    const { inputs, classes, outputs } = this.architecture;
    const last = planOf(this.architecture).length - 1;
    if (layer < 0) return fill(words.input, { name: inputs[unit] });
    if (layer === last) return outputs === 1 ? words.output : fill(words.class, { name: classes[unit] });
    return fill(words.unit, { unit: unit + 1, layer: layer + 1 });
  }

  // What a parameter is: the bias of a unit, or the weight of a link.
  isBias(index) {
    const layer = planOf(this.architecture).find(({ bias, outputs }) => index < bias + outputs);
    return index >= layer.bias;
  }

  nameOfLink({ layer, unit, input }) {
    const { architecture: { inputs } } = this;
    const from = layer ? fill(this.data.words.short, { unit: input + 1 }) : inputs[input];
    return `${from} → ${this.nameOf(layer, unit)}`;
  }

  // Pointer and keys --------------------------------------------------------------------------

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") this.point(event); });
    canvas.addEventListener("pointerleave", () => this.lookAt(null));
    canvas.addEventListener("pointerdown", (event) => { if (event.pointerType === "touch") this.point(event); });
    canvas.addEventListener("click", (event) => {
      const item = this.at(event);
      if (item && this.data.edit) this.choose(item);
      else this.window.shut();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { if (!this.window.open) this.lookAt(null); });
  }

  at(event) {
    if (!this.layout || !this.theta) return null;
    const { left, top } = this.canvas.getBoundingClientRect();
    return under(this.layout, event.clientX - left, event.clientY - top, REACH[event.pointerType] ?? REACH.mouse);
  }

  point(event) {
    this.byKeys = false;
    this.lookAt(this.at(event));
  }

  lookAt(item) {
    if (item?.kind === this.hovered?.kind && item?.index === this.hovered?.index && item?.layer === this.hovered?.layer && item?.unit === this.hovered?.unit) return;
    this.hovered = item;
    this.canvas.style.cursor = item && this.data.edit ? "pointer" : "default";
    this.version += 1;
    this.schedule();
  }

  // The weight of the link, or the bias of the unit, that was clicked.
  choose(item) {
    if (!item || item.layer < 0) { this.window.shut(); return; }
    const { plan, columns } = this.layout;
    const layer = plan[item.layer];
    const index = item.index ?? layer.bias + item.unit;
    const input = index < layer.bias ? (index - layer.weight) % layer.inputs : null;
    const link = { ...this.layout.links.find((one) => one.index === index), layer: item.layer, unit: item.unit, input, index };
    this.chosen = input == null || !link.bends ? { ...item, kind: "unit", index } : { ...link, kind: "link" };
    const from = (i) => (item.layer ? fill(this.data.words.short, { unit: i + 1 }) : this.architecture.inputs[i]);
    const choices = [{ index: layer.bias + item.unit, name: this.data.words.bias }, ...columns[item.layer].units.map(({ unit }) => ({ index: layer.weight + item.unit * layer.inputs + unit, name: from(unit) }))];
    this.window.show({ title: this.nameOf(item.layer, item.unit), index, value: this.theta[index], choices }, this.data.words, this.data.edit === "local");
    this.place();
    this.version += 1;
    this.schedule();
    this.window.slider.focus({ preventScroll: true });
  }

  // The window was closed; who came by keys is back at the unit.
  leave() {
    const [column, unit] = [this.layout?.columns[this.chosen.layer + 1], this.chosen.unit];
    this.hovered = this.byKeys && column?.units[unit] ? { kind: "unit", ...column.units[unit] } : null;
    this.chosen = null;
    this.version += 1;
    if (this.window.node.contains(document.activeElement) || this.byKeys) this.canvas.focus({ preventScroll: true });
    this.schedule();
  }

  // The window stands beside what it changes, and off the large map where there is room.
  place() {
    const { node } = this.window;
    const [w, h] = [node.offsetWidth, node.offsetHeight];
    const at = this.chosen;
    const { size, stacked, output, plane } = this.layout;
    const [x, y] = at.kind === "link" ? [(at.from[0] + at.to[0]) / 2, (at.from[1] + at.to[1]) / 2] : [at.x + size / 2, at.y + size];
    const right = plane && !stacked && output.x > w + 8 ? output.x - 12 : this.width;
    const left = Math.max(0, Math.min(right - w, x - w / 2));
    const below = y + 12 + h <= this.height;
    this.window.put(left, Math.max(0, below ? y + 12 : y - h - 12 - (at.kind === "unit" ? size : 0)));
  }

  key(event) {
    if (!this.layout || !this.theta) return;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    this.byKeys = true;
    if (event.key === "Enter" && this.hovered && this.data.edit) this.choose(this.hovered);
    else if (event.key === "Escape") { this.window.shut(); this.lookAt(null); }
    else if (dx == null) return;
    else this.walk(dx, dy);
    event.preventDefault();
  }

  walk(dx, dy) {
    const { columns } = this.layout;
    const now = this.hovered?.kind === "unit" ? this.hovered : null;
    const at = Math.max(0, columns.findIndex(({ layer }) => layer === now?.layer));
    const column = columns[now ? Math.max(0, Math.min(columns.length - 1, at + dx)) : 0];
    const unit = Math.max(0, Math.min(column.units.length - 1, now ? now.unit + dy : 0));
    this.lookAt({ kind: "unit", ...column.units[unit] });
  }

  // The number of what is pointed at, beside it.
  tell() {
    const item = this.hovered;
    const { tip, data: { words, edit }, theta } = this;
    tip.hidden = !item || this.window.open;
    if (tip.hidden) return;
    const [name, value, more] = tip.children;
    name.textContent = item.kind === "link" ? this.nameOfLink(item) : this.nameOf(item.layer, item.unit);
    const number = item.kind === "link" ? theta[item.index] : item.layer < 0 ? null : theta[this.layout.plan[item.layer].bias + item.unit];
    value.textContent = number == null ? "" : item.kind === "link" ? signed(number) : `${words.bias} ${signed(number)}`;
    value.dataset.sign = number < 0 ? "minus" : "plus";
    more.textContent = edit && item.layer >= 0 ? words.change : "";
    const { size } = this.layout;
    const [x, y] = item.kind === "link" ? [(item.from[0] + item.to[0]) / 2, (item.from[1] + item.to[1]) / 2] : [item.x + size / 2, item.y];
    const [w, h] = [tip.offsetWidth, tip.offsetHeight];
    const above = y - h - 8 >= 0;
    Object.assign(tip.style, { left: `${Math.max(0, Math.min(this.width - w, x - w / 2))}px`, top: `${above ? y - h - 8 : y + (item.kind === "unit" ? size : 0) + 8}px` });
  }
}

const SHOWN_CLASSES = 10;

function legendItem(sample, text) {
  const item = element("span", "gl-key");
  item.append(sample, text);
  return item;
}

function signed(value) {
  return `${value < 0 ? "−" : "+"}${digits(Math.abs(value))}`;
}

// The largest size among values.
function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i += 1) { const size = values[i] < 0 ? -values[i] : values[i]; if (size > most) most = size; }
  return most;
}
