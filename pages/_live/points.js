// Points that a visitor adds, drags and deletes on the picture, with mouse, touch or keys.
//
// data.edit: { limit, words: { edit, hint, clear, full? } } or absent
//   edit ("Edit points", the switch), hint (what clicks do), clear ("Clear"), full ("{limit} points at most")
//   for points of several classes also { classes, own, note? }, and the words of brush.js and { empty }:
//   many, words.new: why these points are too many to be edited, and the button that begins without them
//   classes [{ name, color, symbol }], own (whether they are the visitor's), note (what is wrong with them)
// data.points: { x: [], y: [], held?: [], label?: [] } in data order; held: which ones are held out (drawn open)
// While it is on, the figure's traces of markers that follow no frame give way to these points.
// It is on by itself where the visitor's own points are none yet, or have something wrong with them.
// trigger (of the picture): edited → { points: [[x, y] or [x, y, class], …] }, after each finished gesture

import { Brush, distance, ERASER, stroke } from "./brush.js";
import { digits, element, fill, rounded } from "./format.js";
import { outline } from "./symbols.js";

const REACH = { mouse: 10, pen: 14, touch: 22 }; // px around a point that count as on it
const STILL = 4; // px that a press may move and still be a click
const LONG_PRESS = 500; // ms
const DOUBLE = 600; // ms in which a second click belongs to the first
const ACKNOWLEDGE = 2000; // ms that the page has to send back what was edited
const KEY_REST = 400; // ms after the last arrow until a move by keys counts as finished
const SVG = "http://www.w3.org/2000/svg";

export class PointEditor {
  constructor(root, plot, send, redraw) {
    Object.assign(this, { plot, send, redraw });
    this.toggle = element("button", "gl-button gl-edit");
    this.toggle.type = "button";
    this.toggle.hidden = true;
    this.toggle.ariaPressed = "false";
    this.toggle.onclick = (event) => {
      this.turn(!this.on);
      if (this.on) this.hold(); // a zoom stays
      [this.opened, this.declined] = [false, !this.on];
      if (event.detail) this.toggle.blur();
    };
    this.head = root.querySelector(".gl-head");
    this.legend = root.querySelector(".gl-legend");
    this.box = root.querySelector(".gl-box");
    this.brush = new Brush(() => this.render());
    this.bar = element("div", "gl-points-bar");
    this.bar.hidden = true;
    this.bar.innerHTML = `<span class="gl-hint"></span><b aria-live="polite"></b><button type="button" class="gl-button"></button>`;
    [this.hint, this.told, this.clear] = this.bar.children;
    this.head.append(this.brush.row, this.toggle);
    this.clear.before(this.brush.eraser);
    this.box.before(this.bar);
    this.watcher = new ResizeObserver(() => this.fit());
    for (const part of [this.bar, this.head]) this.watcher.observe(part);
    this.clear.onclick = () => { this.points = []; this.finish(); };
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "gl-points");
    this.svg.setAttribute("tabindex", "0");
    this.svg.setAttribute("role", "application");
    this.points = [];
    this.chosen = this.hovered = -1;
    this.on = false;
    this.listen();
  }

  listen() {
    const { svg } = this;
    svg.addEventListener("pointerdown", (event) => this.press(event));
    svg.addEventListener("pointermove", (event) => (this.drag ? this.move(event) : this.hover(event)));
    svg.addEventListener("pointerup", (event) => this.lift(event));
    svg.addEventListener("pointercancel", () => this.giveUp());
    svg.addEventListener("pointerleave", () => { if (!this.drag) this.look(-1); });
    svg.addEventListener("dblclick", (event) => this.doubleClick(event));
    svg.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      if (event.pointerType !== "touch" && this.pointer !== "touch") this.remove(this.near(event));
    });
    svg.addEventListener("keydown", (event) => this.key(event));
    svg.addEventListener("blur", () => this.choose(-1));
    this.onKey = (event) => {
      if (event.composedPath()[0].closest?.("input, textarea, [contenteditable]")) return;
      if (this.classes && !event.ctrlKey && !event.metaKey && !event.altKey && this.brush.key(event.key)) event.preventDefault();
      if (!["Delete", "Backspace"].includes(event.key)) return;
      const index = this.hovered >= 0 ? this.hovered : this.chosen;
      if (index < 0 || this.drag) return;
      event.preventDefault();
      this.remove(index);
    };
  }

  // What the page says: whether there is something to edit, and the points as it has them.
  update(edit, points) {
    if (this.on && Boolean(this.edit?.many) !== Boolean(edit?.many)) this.turn(false);
    this.edit = points ? edit : null;
    this.toggle.hidden = !this.edit;
    if (!this.edit) { this.turn(false); return; }
    const { words } = this.edit;
    this.classes = edit.classes ?? null;
    this.brush.update(this.classes, Math.max(0, ...(points.label ?? [])) + 1, words);
    this.toggle.textContent = words.edit;
    this.clear.textContent = edit.many ? words.new : words.clear;
    this.svg.setAttribute("aria-label", words.hint);
    this.held = points.held ?? [];
    this.given = points.x.map((x, i) => [rounded(x), rounded(points.y[i]), ...(this.classes ? [points.label[i]] : [])]);
    this.settle();
    this.offer();
  }

  // Opens by itself where there is nothing to look at yet, and closes when other data come.
  offer() {
    const { own, note } = this.edit;
    const waits = own && (note || !this.given.length);
    if (waits && !this.on && !this.declined) {
      this.turn(true);
      this.opened = true;
    } else if (!own && this.opened) this.turn(false);
    if (!waits) this.declined = false;
  }

  // Takes the page's points, but not ones from before the latest gesture.
  settle() {
    const acknowledged = this.sent && alike(this.given, this.sent);
    if (this.drag || this.keyTimer || (this.sent && !acknowledged && performance.now() - this.sentAt < ACKNOWLEDGE)) return;
    if (!acknowledged && !alike(this.given, this.points)) {
      this.ranges = null; // other data: the axes follow it once
      this.points = this.given.map((point) => [...point]);
      this.chosen = this.hovered = -1;
    }
    this.sent = null;
    this.render();
  }

  turn(on) {
    if (on === this.on) return;
    this.on = on;
    this.opened = false;
    this.toggle.ariaPressed = String(on);
    this.usual ??= this.head.offsetHeight;
    this.bar.hidden = !on;
    const { edits } = this;
    this.brush.show(edits && this.classes);
    this.legend.hidden = edits && Boolean(this.classes); // the classes to choose from say the same
    if (edits) this.box.append(this.svg);
    else this.svg.remove();
    this.box.classList.toggle("gl-editing", edits);
    this.laid = false; // until the plot has made room
    this.giveUp();
    this.ranges = null;
    this.fit();
    if (on && !edits) this.tellMany();
    document[edits ? "addEventListener" : "removeEventListener"]("keydown", this.onKey);
    this.redraw();
  }

  // The plot gives up the room of the bar and of rows of classes, so that nothing around the picture moves.
  fit() {
    this.full ??= parseFloat(this.plot.style.height);
    const more = this.on ? Math.max(0, this.head.offsetHeight - this.usual) : 0;
    const height = `${this.full - this.bar.offsetHeight - more}px`;
    if (this.plot.style.height === height) return;
    this.plot.style.height = height;
    this.redraw();
  }

  release() {
    this.watcher.disconnect();
    document.removeEventListener("keydown", this.onKey);
    clearTimeout(this.settling);
  }

  // The figure while points are edited ------------------------------------------------------

  // Of too many points only the words are shown.
  get edits() {
    return this.on && !this.edit?.many;
  }

  tellMany() {
    this.hint.textContent = this.hint.title = this.edit.many;
    this.told.textContent = "";
    this.clear.disabled = false;
  }

  // Changes when the figure has to be drawn anew.
  get state() {
    return `${this.plot.style.height} ${this.edits && JSON.stringify(this.ranges)}`;
  }

  traces(traces) {
    if (!this.edits) return traces;
    return traces.map((trace) => (isPoints(trace) ? { ...trace, visible: false, meta: { ...trace.meta, hidden: true } } : trace));
  }

  // Axes stay as they are, and plotly takes no drag away.
  layout(layout) {
    if (!this.edits) return layout;
    const fixed = (axis, range) => ({ ...axis, fixedrange: true, ...(range && { range, autorange: false }) });
    return { ...layout, dragmode: false, xaxis: fixed(layout.xaxis, this.ranges?.x), yaxis: fixed(layout.yaxis, this.ranges?.y), uirevision: `${layout.uirevision} edit` };
  }

  // Lays the points over the plot's area; called after each drawing.
  place() {
    if (!this.edits || !this.plot._fullLayout?.xaxis) return;
    const { xaxis, yaxis } = this.plot._fullLayout;
    this.hold();
    this.laid = true;
    Object.assign(this.svg.style, { left: `${xaxis._offset}px`, top: `${yaxis._offset}px`, width: `${xaxis._length}px`, height: `${yaxis._length}px` });
    if (this.placed !== this.plot) {
      this.placed = this.plot;
      this.plot.on("plotly_afterplot", () => this.place());
    }
    this.render();
  }

  // Keeps the axes as they are.
  hold() {
    const { xaxis, yaxis } = this.plot._fullLayout ?? {};
    if (xaxis) this.ranges ??= { x: [...xaxis.range], y: [...yaxis.range] };
  }

  // Gestures --------------------------------------------------------------------------------

  press(event) {
    this.pointer = event.pointerType;
    if (event.button !== 0 || this.drag) return;
    event.preventDefault();
    this.svg.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const at = this.at(event);
    const before = this.points.map((point) => [...point]);
    let index = this.near(event);
    if (this.erasing) {
      this.drag = { id: event.pointerId, before, erases: true };
      this.rub(at);
      return;
    }
    const added = index < 0;
    if (added) {
      if (this.points.length >= this.edit.limit) return;
      index = this.points.push(this.made(at)) - 1;
    }
    const [x, y] = this.pixel(this.points[index]);
    const paints = added && this.classes && at;
    this.drag = { id: event.pointerId, index, added, before, paints, from: at, shift: [x - at[0], y - at[1]], moved: false };
    if (!added && event.pointerType === "touch") this.pressing = setTimeout(() => { this.drag = null; this.remove(index); }, LONG_PRESS);
    this.choose(index);
  }

  move(event) {
    const { drag } = this;
    if (event.pointerId !== drag.id) return;
    const at = this.at(event);
    if (drag.erases) { this.rub(at); return; }
    if (drag.paints) { this.paint(at); return; }
    if (!drag.moved && Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) < STILL) return;
    drag.moved = true;
    clearTimeout(this.pressing);
    this.shift(drag.index, [at[0] + drag.shift[0], at[1] + drag.shift[1]]);
    this.render();
  }

  // Points of the chosen class along the way, until there are as many as there may be.
  paint(at) {
    const { places, end } = stroke(this.drag.paints, at);
    if (!places.length) return;
    Object.assign(this.drag, { paints: end, moved: true });
    this.points.push(...places.slice(0, this.edit.limit - this.points.length).map((place) => this.made(place)));
    this.render();
  }

  // Takes away what lies under the eraser on its way there.
  rub(at) {
    const from = this.drag.at ?? at;
    this.drag.at = at;
    this.points = this.points.filter((point) => distance(this.pixel(point), from, at) > ERASER);
    this.chosen = this.hovered = -1;
    this.render();
  }

  lift(event) {
    clearTimeout(this.pressing);
    const { drag } = this;
    if (!drag || event.pointerId !== drag.id) return;
    this.drag = null;
    if (drag.added && !(drag.paints && drag.moved)) this.fresh = { index: drag.index, time: performance.now() };
    else if (drag.moved) this.fresh = null;
    if (drag.paints && drag.moved) this.chosen = -1; // a stroke is not one point to move by keys
    if (drag.added || drag.moved || this.points.length < drag.before.length) this.finish();
    if (event.pointerType === "touch") this.look(-1);
    else this.hover(event);
  }

  // An interrupted gesture leaves everything as it was.
  giveUp() {
    clearTimeout(this.pressing);
    if (this.drag) this.points = this.drag.before;
    this.drag = null;
    this.chosen = this.hovered = -1;
    this.render();
  }

  // Two quick clicks on an empty place have added one point, and are not to take it away.
  doubleClick(event) {
    if (this.erasing) return;
    const index = this.near(event);
    const { fresh } = this;
    if (index !== fresh?.index || performance.now() - fresh.time > DOUBLE) this.remove(index);
  }

  hover(event) {
    this.pointer = event.pointerType;
    if (event.pointerType !== "touch") this.look(this.near(event));
  }

  key(event) {
    const { points } = this;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [];
    if (event.key === "Escape") this.giveUp();
    else if (event.key === "Enter" && points.length < this.edit.limit) {
      this.chosen = points.push(this.made([this.svg.clientWidth / 2, this.svg.clientHeight / 2])) - 1;
      this.finish();
    } else if (dx == null || !points.length) return;
    else if (event.shiftKey && this.chosen >= 0) this.nudge(dx, dy);
    else {
      const order = points.map((_, i) => i).sort((a, b) => points[a][0] - points[b][0]);
      const place = order.indexOf(this.chosen) + (dx || dy);
      this.choose(order[Math.max(0, Math.min(points.length - 1, place))]);
    }
    event.preventDefault();
  }

  // Moves the chosen point by a hundredth of the axes.
  nudge(dx, dy) {
    const [x, y] = this.pixel(this.points[this.chosen]);
    this.shift(this.chosen, [x + (dx * this.svg.clientWidth) / 100, y - (dy * this.svg.clientHeight) / 100]);
    this.render();
    clearTimeout(this.keyTimer);
    this.keyTimer = setTimeout(() => this.finish(), KEY_REST);
  }

  remove(index) {
    if (index < 0) return;
    this.points.splice(index, 1);
    this.chosen = this.hovered = -1;
    this.finish();
  }

  finish() {
    clearTimeout(this.keyTimer);
    this.keyTimer = null;
    this.points = this.points.map((point) => point.map(rounded));
    this.sent = this.points.map((point) => [...point]);
    this.sentAt = performance.now();
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), ACKNOWLEDGE + 50);
    this.send(this.sent);
    this.render();
  }

  // Places ----------------------------------------------------------------------------------

  at(event) {
    const { left, top } = this.svg.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  pixel([x, y]) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return [xaxis.d2p(x), yaxis.d2p(y)];
  }

  // The values at a place, which is held within the axes.
  value([x, y]) {
    const { xaxis, yaxis } = this.plot._fullLayout;
    return [xaxis.p2d(clamped(x, xaxis._length)), yaxis.p2d(clamped(y, yaxis._length))];
  }

  // A new point there, of the chosen class.
  made(place) {
    return [...this.value(place), ...(this.classes ? [this.brush.chosen] : [])];
  }

  shift(index, place) {
    this.points[index] = [...this.value(place), ...this.points[index].slice(2)];
  }

  get erasing() {
    return Boolean(this.classes) && this.brush.erasing;
  }

  // The point under the pointer, or -1.
  near(event) {
    const [x, y] = this.at(event);
    let best = -1, least = REACH[event.pointerType] ?? REACH.mouse;
    this.points.forEach((point, i) => {
      const [px, py] = this.pixel(point);
      const distance = Math.hypot(px - x, py - y);
      if (distance <= least) [best, least] = [i, distance];
    });
    return best;
  }

  // What is shown ---------------------------------------------------------------------------

  look(index) {
    if (index !== this.hovered) { this.hovered = index; this.render(); }
  }

  choose(index) {
    this.chosen = index;
    this.render();
  }

  render() {
    if (!this.edits || !this.laid) return;
    const { points, drag, classes } = this;
    const tag = classes ? "path" : "circle";
    if (this.svg.firstChild && this.svg.firstChild.localName !== tag) this.svg.replaceChildren();
    while (this.svg.childElementCount < points.length) this.svg.append(document.createElementNS(SVG, tag));
    while (this.svg.childElementCount > points.length) this.svg.lastChild.remove();
    points.forEach((point, i) => this.mark(this.svg.children[i], point, i));
    const full = points.length >= this.edit.limit;
    this.svg.dataset.does = this.erasing ? "erase" : drag?.paints ? "paint" : drag ? "moves" : this.hovered >= 0 ? "move" : full ? "nothing" : classes ? "paint" : "add";
    this.say(full, points[drag?.index ?? (this.hovered >= 0 ? this.hovered : this.chosen)]);
    this.clear.disabled = !points.length;
  }

  mark(node, point, i) {
    const [x, y] = this.pixel(point);
    const radius = i === this.hovered || i === this.chosen ? 7 : 5;
    node.setAttribute("class", [this.held[i] ? "gl-held" : "", i === this.chosen ? "gl-chosen" : ""].join(" ").trim());
    if (this.classes) {
      const { color, symbol } = this.classes[point[2]];
      node.setAttribute("transform", `translate(${x},${y})`);
      node.setAttribute("d", outline(symbol, radius));
      node.style.setProperty("--class", color);
    } else for (const [name, value] of Object.entries({ cx: x, cy: y, r: radius })) node.setAttribute(name, value);
  }

  // What clicks do, or what stands against them; and where the point is that they are about.
  say(full, about) {
    const { limit, note, words } = this.edit;
    const usual = note || (this.classes && !this.points.length ? words.empty : words.hint);
    this.hint.textContent = full && words.full ? fill(words.full, { limit }) : usual;
    this.hint.title = this.hint.textContent;
    const of = about && this.classes ? `${this.classes[about[2]].name}: ` : "";
    this.told.textContent = about ? `${of}${digits(about[0])}, ${digits(about[1])}` : "";
  }
}

// Points are markers that follow no frame.
export function isPoints({ type = "scatter", mode, meta }) {
  return type === "scatter" && mode === "markers" && !meta?.live && !meta?.overlay;
}

// Whether two lists have the same points, as exactly as settings keep them.
function alike(some, others) {
  const near = (a, b) => Math.abs(a - b) <= 2e-4 + 1e-5 * Math.abs(a);
  return some.length === others.length && some.every(([x, y, kind], i) => near(x, others[i][0]) && near(y, others[i][1]) && kind === others[i][2]);
}

function clamped(value, length) {
  return Math.max(0, Math.min(length, value));
}
