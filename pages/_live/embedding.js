// What a network sees: pictures as points in space, alike ones close together, before and after training.
// Turning one cloud turns the other likewise; a picture pointed at in one is ringed in both.
//
// data: { kind, height, label, theme, plotly, colors, words }
// colors: one a class, #rrggbb, from the first again where there are more classes
// words: before, after (the headings), pca, tsne (the switch), later (why t-SNE cannot be chosen yet),
//   taken ("{actual}, taken for {predicted}"), right ("{actual}"), none (without a run), flat (without
//   WebGL), wrong? (what the outlined points are)
// told.points: { sheet: { webp, columns, count, height, width }, labels }; told.before: { pca: (N, 3) of int16 }
// frame.embedding: { pca: (N, 3) of int16, predicted: (N) of uint8 }, absent where nothing is trained that
// would move the points; at the end also tsne_before, tsne_after: (N, 3) of int16

import { element, fill } from "./format.js";
import { surroundings } from "./heat.js";
import { decode } from "./image.js";
import { bitmap, tile } from "./mosaic.js";
import { CONFIG, loadPlotly, themed } from "./plotly.js";

const FULL = 32767; // of int16: the edge of the space
const REACH = 1.08; // of an axis, that no point is cut at the edge
const CAMERA = { eye: { x: 1.1, y: 1.1, z: 0.75 }, center: { x: 0, y: 0, z: -0.06 }, up: { x: 0, y: 0, z: 1 } };
const SIZE = { few: 6, many: 5, wrong: 2, faded: -2.5, ring: 10 }; // px of points; more where the network is wrong
const MANY = 200; // points
const FAINT = 0.16; // how much of their colour is left to those that are not meant
const STIR = 4; // px: a pointer that moves less only points
const TURN = Math.PI / 24; // by an arrow key
const [NEAREST, FARTHEST, STEEPEST] = [0.3, 4, 1.5]; // of the camera; straight down it would lose its bearings
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": 0.85, "-": 1 / 0.85 };
const SIDE = 72; // px of a thumbnail
const COARSE = 48; // px: pictures smaller than this are enlarged pixel by pixel
const NARROW = 480; // px: below it, one cloud below the other
const BESIDE = 18; // px from the pointer to what is told
const CORNER = { ...CONFIG, modeBarButtonsToRemove: [...CONFIG.modeBarButtonsToRemove, "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraLastSave3d", "hoverClosest3d"], scrollZoom: false }; // these would move one cloud alone

let groups = 0; // radio buttons of a page need names of their own

export class Embedding {
  part = "embedding";

  constructor(root) {
    root.innerHTML = `<div class="gl-embedding" role="group">
      <div class="gl-head"><span class="gl-legend"></span><span class="gl-which" role="radiogroup"></span></div>
      <div class="gl-box"><div class="gl-clouds"></div><div class="gl-tip gl-embedding-tip" hidden><canvas></canvas><b></b></div></div>
      <p class="gl-empty" hidden></p><p class="gl-told" hidden></p>
    </div>`;
    const find = (name) => root.querySelector(name);
    Object.assign(this, { root, box: find(".gl-embedding"), head: find(".gl-head"), legend: find(".gl-legend"), which: find(".gl-which"), place: find(".gl-box"), tip: find(".gl-tip"), empty: find(".gl-empty"), note: find(".gl-told") });
    this.clouds = [new Cloud(this), new Cloud(this)];
    find(".gl-clouds").append(...this.clouds.map(({ figure }) => figure));
    Object.assign(this, { method: "pca", camera: CAMERA, hovered: null, meant: null, shown: [] });
    this.makeSwitch();
    this.observer = new ResizeObserver(() => this.size());
    this.observer.observe(this.box);
    for (const move of ["pointerdown", "pointermove"]) this.place.addEventListener(move, (event) => this.follow(event));
    this.place.addEventListener("pointerleave", () => this.point(null));
  }

  makeSwitch() {
    groups += 1;
    this.choices = ["pca", "tsne"].map((method) => {
      const [label, input, name] = [element("label"), element("input"), element("span")];
      Object.assign(input, { type: "radio", name: `gl-which-${groups}`, value: method });
      input.onchange = () => { this.method = method; this.schedule(); };
      label.append(input, name);
      this.which.append(label);
      return { method, label, input, name };
    });
  }

  update(data) {
    this.data = data;
    const { words, label } = data;
    for (const node of [this.box, this.which]) node.setAttribute("aria-label", label);
    for (const { method, name } of this.choices) name.textContent = words[method];
    [words.before, words.after].forEach((title, i) => this.clouds[i].call(title, label));
    this.flat = !hasWebGL();
    this.empty.textContent = words.none;
    this.note.textContent = this.flat ? words.flat : "";
    this.look = surroundings(this.root);
    this.lookKey = JSON.stringify([this.look, words, data.colors]);
    this.size();
    loadPlotly(data.plotly).then(() => this.schedule?.());
  }

  size() {
    const width = this.box.clientWidth;
    if (!this.data || !width) return;
    const { height } = this.data;
    if (width === this.width && height === this.height) return;
    Object.assign(this, { width, height });
    this.box.dataset.narrow = String(width < NARROW);
    this.box.style.setProperty("--height", `${width < NARROW ? Math.min(width, height) : height}px`);
    this.schedule?.();
  }

  // Another run: what is drawn stays until its points are there.
  reset() {
    this.point(null);
  }

  release() {
    this.gone = true;
    this.observer.disconnect();
  }

  // Frames --------------------------------------------------------------------------------------

  draw(stream) {
    const { points, before, classes } = stream.told.arrays;
    const frame = stream.frame(this.data.kind);
    const drawn = this.shown.length > 0;
    this.empty.hidden = drawn || Boolean(points) || (stream.source.kind !== "nothing" && !stream.terminal);
    for (const part of [this.head, this.place]) part.hidden = !drawn && !points;
    this.note.hidden = this.head.hidden || !this.flat;
    if (!points || !globalThis.Plotly || !this.width) return drawn ? undefined : false;
    const shown = [points, frame?.data.embedding, this.method, this.hovered, this.meant, this.lookKey, this.width, this.height];
    if (shown.length === this.shown.length && shown.every((value, i) => value === this.shown[i])) return;
    if (points !== this.shown[0]) this.take(points);
    this.shown = shown;
    this.arrange(before, frame);
    this.drawLegend(classes);
    this.tell(classes);
    this.root.dataset.step = frame?.step ?? "";
    this.root.dataset.method = this.method;
  }

  take(points) {
    [this.labels, this.points, this.sheet] = [points.labels, points, null];
    bitmap(points.sheet.webp).then((sheet) => { if (this.points === points) { this.sheet = sheet; this.tell(); } }).catch(() => {}); // without a thumbnail, then
  }

  // The positions of both clouds; without any after training, the first has all the room.
  arrange(before, frame) {
    const { tsne_before: tsne, tsne_after: tsneAfter, pca, predicted } = frame?.data.embedding ?? {};
    if (!tsne) this.method = "pca";
    for (const { method, label, input } of this.choices) {
      input.checked = method === this.method;
      input.disabled = method === "tsne" && !tsne;
      label.title = input.disabled ? this.data.words.later : "";
    }
    this.predicted = predicted ? decode(predicted) : null;
    const alone = frame && !pca;
    const chosen = this.method === "tsne" ? [tsne, tsneAfter] : [before?.pca, pca];
    this.box.dataset.alone = String(Boolean(alone));
    this.clouds[1].figure.hidden = Boolean(alone);
    this.clouds.slice(0, alone ? 1 : 2).forEach((cloud, i) => cloud.draw(chosen[i] ? axes(chosen[i]) : [[], [], []], i === 1));
  }

  // Which classes there are; the one pointed at is meant, the others fade.
  drawLegend(classes = []) {
    const { colors, words } = this.data;
    const wrong = this.predicted && words.wrong;
    const key = JSON.stringify([classes, colors, wrong]);
    if (key === this.legendKey) return;
    this.legendKey = key;
    const keys = classes.map((name, k) => {
      const [button, dot] = [element("button", "gl-key"), element("i", "gl-dot")];
      button.type = "button";
      dot.style.background = colorOf(colors, k);
      button.append(dot, name);
      button.onpointerenter = button.onfocus = () => this.mean(k);
      button.onpointerleave = button.onblur = () => this.mean(null);
      return button;
    });
    if (wrong) {
      keys.push(element("span", "gl-key", wrong));
      keys.at(-1).prepend(element("i", "gl-dot gl-outlined"));
    }
    this.legend.replaceChildren(...keys);
  }

  mean(k) {
    this.meant = k;
    this.schedule();
  }

  // Pointing ------------------------------------------------------------------------------------

  follow({ clientX, clientY }) {
    const { left, top } = this.place.getBoundingClientRect();
    this.pointer = [clientX - left, clientY - top];
    if (this.hovered != null) this.placeTip();
  }

  point(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.tip.hidden = i == null;
    this.schedule?.();
  }

  // The picture pointed at, what it is and what it was taken for.
  tell(classes = this.stream?.told.arrays.classes ?? []) {
    const i = this.hovered;
    this.tip.hidden = i == null || i >= this.labels.length;
    if (this.tip.hidden) return;
    const [canvas, text] = this.tip.children;
    const { words, colors } = this.data;
    const actual = this.labels[i];
    const predicted = this.predicted?.[i] ?? actual;
    text.textContent = fill(predicted === actual ? words.right : words.taken, { actual: classes[actual], predicted: classes[predicted] });
    this.tip.style.setProperty("--class", colorOf(colors, actual));
    this.tip.dataset.point = i;
    canvas.hidden = !this.sheet;
    if (this.sheet) cut(canvas, this.sheet, tile(this.points.sheet, i));
    this.placeTip();
  }

  // Right of the pointer, or left of it where there is no room.
  placeTip() {
    const { tip, place, pointer: [x, y] = [0, 0] } = this;
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const left = x + BESIDE + width <= place.clientWidth ? x + BESIDE : Math.max(0, x - BESIDE - width);
    const top = Math.max(0, Math.min(place.clientHeight - height, y - height / 2));
    Object.assign(tip.style, { left: `${left}px`, top: `${top}px` });
  }

  // Turning -------------------------------------------------------------------------------------

  // Both clouds are seen from the same side; at most once a video frame, for each turn draws both anew.
  turn(camera) {
    this.camera = camera;
    this.turning ??= requestAnimationFrame(() => {
      this.turning = null;
      if (!this.gone) for (const cloud of this.clouds) cloud.look(this.camera);
    });
  }
}

// One of the two clouds: a heading and a figure in a node that is never replaced.
class Cloud {
  constructor(panel) {
    this.panel = panel;
    this.figure = element("figure", "gl-cloud");
    [this.heading, this.node] = [element("figcaption"), element("div", "gl-plot")];
    this.node.setAttribute("role", "img");
    this.figure.append(this.heading, this.node);
    this.held = null; // where the pointer took hold of it, and whether it has turned it since
  }

  call(title, label) {
    this.heading.textContent = title;
    this.node.setAttribute("aria-label", `${label}: ${title}`);
  }

  // positions: x, y and z of every point; judged: whether wrong answers stand out
  draw(positions, judged) {
    const { Plotly } = globalThis;
    const drawn = Plotly.react(this.node, this.traces(positions, judged), this.layout(), CORNER);
    const { clientWidth, clientHeight } = this.node;
    const room = `${clientWidth} ${clientHeight}`;
    if (this.room && room !== this.room) drawn.then(() => { if (!this.panel.gone && this.node.clientWidth) Plotly.Plots.resize(this.node); });
    this.room = room;
    this.listen();
  }

  traces([x, y, z], judged) {
    const { flat, hovered, look } = this.panel;
    const common = { type: flat ? "scatter" : "scatter3d", mode: "markers", hoverinfo: "none" };
    const held = { x: [x[hovered]], y: [y[hovered]], ...(!flat && { z: [z[hovered]] }) };
    const ring = { symbol: "circle-open", size: SIZE.ring, color: look.text, line: { width: 1.5, color: look.text } };
    return [
      { ...common, x, y, ...(!flat && { z }), marker: this.marker(x.length, judged) },
      { ...common, ...held, visible: hovered < x.length && hovered != null, marker: ring },
    ];
  }

  marker(count, judged) {
    const { data: { colors }, labels, predicted, meant, look } = this.panel;
    const usual = count > MANY ? SIZE.many : SIZE.few;
    const [color, size, edge] = [[], [], []];
    for (let i = 0; i < count; i += 1) {
      const faded = meant != null && labels[i] !== meant;
      const wrong = judged && predicted && predicted[i] !== labels[i];
      color.push(mixed(colorOf(colors, labels[i]), look.ground, faded ? FAINT : 1));
      size.push(usual + (wrong ? SIZE.wrong : 0) + (faded ? SIZE.faded : 0));
      edge.push(wrong ? mixed(look.text, look.ground, faded ? FAINT : 1) : color[i]);
    }
    return { color, size, opacity: 1, line: { width: 1.5, color: edge } };
  }

  layout() {
    const { flat, camera } = this.panel;
    const axis = { range: [-REACH, REACH], showticklabels: false, ticks: "", title: { text: "" }, nticks: 5 };
    const still = { ...axis, fixedrange: true, zeroline: false, showgrid: false };
    const deep = { ...axis, showspikes: false };
    const space = flat
      ? { xaxis: still, yaxis: { ...still, scaleanchor: "x" }, dragmode: false }
      : { scene: { xaxis: deep, yaxis: deep, zaxis: deep, aspectmode: "cube", camera, dragmode: false } };
    const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, hovermode: "closest", ...space };
    return themed(layout, this.node);
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    const { node, panel } = this;
    const point = ({ points: [{ curveNumber, pointNumber }] }) => { if (curveNumber === 0 && !this.held?.turned) panel.point(pointNumber); };
    node.on("plotly_hover", point);
    node.on("plotly_click", point); // of a finger plotly tells no other
    node.on("plotly_unhover", () => panel.point(null));
    if (panel.flat) return;
    node.on("plotly_relayout", (change) => { if ("scene.camera.eye" in change) panel.turn(CAMERA); }); // the button in the corner
    node.tabIndex = 0;
    node.addEventListener("pointerdown", (event) => this.hold(event));
    node.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => { this.held = null; });
    node.addEventListener("keydown", (event) => this.press(event));
    node.addEventListener("wheel", (event) => this.wheel(event), { capture: true, passive: false });
    node.addEventListener("touchmove", (event) => event.stopPropagation(), { capture: true, passive: true }); // with which plotly would let no page scroll
  }

  hold({ clientX, clientY, button, isPrimary }) {
    if (button || !isPrimary) return;
    this.held = { from: [clientX, clientY], camera: this.panel.camera, turned: false };
  }

  // The cloud turns with the pointer; plotly's own way of turning is deaf for a while after each frame.
  drag({ clientX, clientY, pointerId, pointerType }) {
    const { held, panel, node } = this;
    if (!held) return;
    const [across, down] = [clientX - held.from[0], clientY - held.from[1]];
    if (!held.turned && Math.hypot(across, down) < STIR) return;
    if (!held.turned) {
      if (pointerType === "touch" && Math.abs(down) > Math.abs(across)) { this.held = null; return; } // it scrolls the page
      held.turned = true;
      node.setPointerCapture(pointerId);
      panel.point(null);
    }
    const round = Math.PI / node.clientHeight;
    panel.turn(turned(held.camera, -across * round, down * round));
  }

  press(event) {
    const { panel, panel: { camera } } = this;
    const [round, up] = ARROWS[event.key] ?? [];
    const nearer = ZOOMS[event.key];
    if (event.target !== this.node || (!round && !up && !nearer)) return;
    event.preventDefault();
    panel.turn(nearer ? turned(camera, 0, 0, nearer) : turned(camera, round * TURN, up * TURN));
  }

  // Only of a cloud that was taken hold of: the others let the page scroll.
  wheel(event) {
    event.stopPropagation(); // plotly lets no page scroll
    if (document.activeElement !== this.node) return;
    event.preventDefault();
    this.panel.turn(turned(this.panel.camera, 0, 0, Math.exp(Math.max(-50, Math.min(50, event.deltaY)) / 400)));
  }

  look(camera) {
    if (this.listening && !this.figure.hidden) globalThis.Plotly.relayout(this.node, { "scene.camera": camera });
  }
}

// A camera that has gone round and up by these angles, and away by this factor, with the sky above.
function turned({ eye, center, up }, round, rise, away = 1) {
  const [x, y, z] = ["x", "y", "z"].map((axis) => eye[axis] - center[axis]);
  const radius = Math.hypot(x, y, z);
  const far = Math.max(NEAREST, Math.min(FARTHEST, radius * away));
  const azimuth = Math.atan2(y, x) + round;
  const height = Math.max(-STEEPEST, Math.min(STEEPEST, Math.asin(z / radius) + rise));
  const ground = far * Math.cos(height);
  return { up, center, eye: { x: center.x + ground * Math.cos(azimuth), y: center.y + ground * Math.sin(azimuth), z: center.z + far * Math.sin(height) } };
}

// (N, 3) of int16 as x, y and z from -1 to 1.
function axes(array) {
  const values = new Int16Array(decode({ ...array, dtype: "uint8" }).buffer);
  return [0, 1, 2].map((axis) => Array.from({ length: values.length / 3 }, (_, i) => values[3 * i + axis] / FULL));
}

function colorOf(colors, k) {
  return colors[k % colors.length];
}

// A colour over the ground, `share` of it: WebGL draws no pale transparent points.
function mixed(color, ground, share) {
  const [over, under] = [color, ground].map(channels);
  return `rgb(${over.map((value, i) => Math.round(share * value + (1 - share) * under[i]))})`;
}

function channels(color) {
  if (color.startsWith("#")) return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return color.match(/[\d.]+/g).slice(0, 3).map(Number);
}

function cut(canvas, sheet, [x, y, width, height]) {
  const side = SIDE * (globalThis.devicePixelRatio || 1);
  [canvas.width, canvas.height] = [side, side];
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = Math.max(width, height) >= COARSE;
  context.imageSmoothingQuality = "high";
  context.drawImage(sheet, x, y, width, height, 0, 0, side, side);
}

let webgl;

// Whether the browser draws in space; asked once, for each context that is open counts.
function hasWebGL() {
  if (webgl === undefined) {
    const context = document.createElement("canvas").getContext("webgl");
    webgl = Boolean(context);
    context?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return webgl;
}
