// A pad to draw on; the network says what it sees while the hand moves. The picture goes straight
// to the HTTP API, one question at a time and always the newest drawing: no script runs for it.
//
// data: { url, model, height, side (28 or 8), words, classes, label, brush? }
// url: where to ask, with { model, inputs: [rows] }; model: a checkpoint or a run ("": none yet)
// brush: the width of a stroke as a share of the pad
// words: hint (on the empty pad), undo, clear, brush, sees, nothing (the verdict on an empty pad), unknown, why,
//   answer (what the bars are), busy (429), unavailable (5xx), offline
// trigger: asked → { picture: rows }, when the button `why` is pressed

import { Bars, best, percent } from "./bars.js";
import { element } from "./format.js";
import { surroundings } from "./heat.js";
import { prepared } from "./picture_prep.js";

const RASTER = 280; // pixels along each side of what is prepared
const BRUSH = { 28: 0.08, 8: 0.11 }, USUAL = 0.08; // the strokes of the pictures that were learned
const THIN = 0.5, THICK = 1.75; // of the brush, by its slider
const APART = 50; // ms between questions: twenty a second are as many as the eye takes in
const LATE = 10_000; // ms until a question counts as lost
const RETRY = { first: 500, longest: 4000, times: 12 };
const TOOLS = 44; // px below the pad
const NARROW = 520;

export class Pad {
  part = "pad";

  constructor(root) {
    root.innerHTML = `<div class="gl-pad">
        <div class="gl-pad-draw">
          <div class="gl-pad-paper"><canvas role="img" tabindex="0"></canvas><p></p></div>
          <div class="gl-pad-tools"><button class="gl-button" type="button"></button><button class="gl-button" type="button"></button>
            <label class="gl-range"><span></span><input type="range" min="${THIN}" max="${THICK}" step="0.05" value="1"></label></div>
        </div>
        <div class="gl-pad-says">
          <div class="gl-pad-top"><figure><canvas role="img"></canvas><figcaption></figcaption></figure>
            <p class="gl-verdict" role="status"><b></b><span></span></p></div>
          <ul></ul>
          <div class="gl-pad-foot"><button class="gl-button" type="button"></button><p class="gl-told gl-bad" role="status"></p></div>
        </div>
      </div>`;
    const find = (name) => root.querySelector(name);
    this.root = root;
    Object.assign(this, { box: find(".gl-pad"), paper: find(".gl-pad-paper canvas"), hint: find(".gl-pad-paper p"), sees: find("figure canvas"), verdict: find(".gl-verdict"), told: find(".gl-told"), brush: find("input") });
    [this.undoButton, this.clearButton, this.whyButton] = root.querySelectorAll("button");
    this.bars = new Bars(find("ul"));
    this.raster = document.createElement("canvas");
    this.raster.width = this.raster.height = RASTER;
    this.ink = new Float32Array(RASTER * RASTER);
    this.strokes = []; // { width, points: [[x, y], …] } in shares of the pad
    this.version = this.settled = this.failures = 0;
    this.listen();
    this.observer = new ResizeObserver(() => this.size());
    this.observer.observe(this.box);
  }

  update(data) {
    const { words } = data;
    const other = this.data && (data.model !== this.data.model || data.side !== this.data.side || data.url !== this.data.url);
    this.data = data;
    this.paper.setAttribute("aria-label", data.label);
    this.sees.setAttribute("aria-label", words.sees);
    this.root.querySelector("figcaption").textContent = words.sees;
    this.hint.textContent = words.hint;
    this.undoButton.textContent = words.undo;
    this.clearButton.textContent = words.clear;
    this.whyButton.textContent = words.why;
    this.whyButton.hidden = !words.why;
    this.root.querySelector(".gl-range span").textContent = words.brush;
    this.bars.make(data.classes, words.answer);
    const look = surroundings(this.root);
    if (JSON.stringify(look) !== JSON.stringify(this.look)) this.look = look;
    this.size();
    this.redraw();
    if (other) this.forget();
    this.say();
    this.refresh();
  }

  // The pad follows no run.
  draw() {}

  release() {
    this.gone = true;
    this.observer.disconnect();
    this.asking?.abort();
    clearTimeout(this.waiting);
  }

  size() {
    if (!this.data || !this.box.clientWidth) return;
    const width = this.box.clientWidth;
    const narrow = width < NARROW;
    const side = Math.min(width, this.data.height - TOOLS);
    const ratio = globalThis.devicePixelRatio || 1;
    this.box.dataset.narrow = String(narrow);
    this.box.style.setProperty("--side", `${side}px`);
    this.box.style.setProperty("--height", `${this.data.height}px`);
    const pixels = Math.round(side * ratio);
    if (this.paper.width !== pixels) {
      this.paper.width = this.paper.height = pixels;
      this.redraw();
    }
  }

  // Drawing -------------------------------------------------------------------------------------

  listen() {
    const { paper } = this;
    paper.addEventListener("pointerdown", (event) => this.begin(event));
    paper.addEventListener("pointermove", (event) => this.go(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) paper.addEventListener(end, (event) => this.end(event));
    paper.addEventListener("contextmenu", (event) => event.preventDefault());
    paper.addEventListener("keydown", (event) => this.press(event));
    this.undoButton.onclick = () => this.undo();
    this.clearButton.onclick = () => this.clear();
    this.whyButton.onclick = () => this.component.setTriggerValue("asked", { picture: this.rows });
  }

  begin(event) {
    if (this.pointer != null || !event.isPrimary || event.button) return;
    this.paper.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    const usual = this.data.brush ?? BRUSH[this.data.side] ?? USUAL;
    this.strokes.push({ width: usual * Number(this.brush.value), points: [this.place(event)] });
    this.cleared = null;
    this.trace(this.strokes.at(-1), 0);
    this.change();
  }

  go(event) {
    if (event.pointerId !== this.pointer) return;
    const stroke = this.strokes.at(-1);
    const from = stroke.points.length;
    const passed = event.getCoalescedEvents?.() ?? [];
    stroke.points.push(...(passed.length ? passed : [event]).map((one) => this.place(one)));
    this.trace(stroke, from);
    this.change();
  }

  end(event) {
    if (event.pointerId === this.pointer) this.pointer = null;
  }

  place({ clientX, clientY }) {
    const { left, top, width } = this.paper.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / width];
  }

  // The points of a stroke from one on, on the pad and on what is prepared. Each piece is drawn by
  // itself, so that a drawing that is drawn anew has the very same pixels.
  trace({ width, points }, from) {
    for (const [canvas, color] of [[this.paper, this.look.text], [this.raster, "#000"]]) {
      const context = canvas.getContext("2d", { willReadFrequently: canvas === this.raster });
      const side = canvas.width;
      Object.assign(context, { strokeStyle: color, fillStyle: color, lineWidth: width * side, lineCap: "round" });
      for (let i = from; i < points.length; i += 1) {
        const [x, y] = points[i].map((place) => place * side);
        context.beginPath();
        if (i) {
          context.moveTo(...points[i - 1].map((place) => place * side));
          context.lineTo(x, y);
          context.stroke();
        } else {
          context.arc(x, y, (width * side) / 2, 0, 2 * Math.PI);
          context.fill();
        }
      }
    }
  }

  redraw() {
    for (const canvas of [this.paper, this.raster]) canvas.getContext("2d", { willReadFrequently: canvas === this.raster }).clearRect(0, 0, canvas.width, canvas.height);
    for (const stroke of this.strokes) this.trace(stroke, 0);
  }

  // Takes back the last stroke, or the clearing.
  undo() {
    if (this.cleared) [this.strokes, this.cleared] = [this.cleared, null];
    else if (!this.strokes.pop()) return;
    this.pointer = null;
    this.redraw();
    this.change();
  }

  clear() {
    if (!this.strokes.length) return;
    [this.cleared, this.strokes, this.pointer] = [this.strokes, [], null];
    this.redraw();
    this.change();
  }

  press(event) {
    const { key, ctrlKey, metaKey } = event;
    if (key === "Delete" || key === "Backspace" || key === "Escape") this.clear();
    else if ((ctrlKey || metaKey) && key === "z") this.undo();
    else return;
    event.preventDefault();
  }

  // Prepares once a video frame, however fast the pointer moves.
  change() {
    this.version += 1;
    this.failures = 0;
    if (this.refreshing) return;
    this.refreshing = true;
    requestAnimationFrame(() => { this.refreshing = false; this.refresh(); });
  }

  refresh() {
    if (this.gone) return;
    const { data: { side, model }, raster, ink } = this;
    const { data: pixels } = raster.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, RASTER, RASTER);
    for (let i = 0; i < ink.length; i += 1) ink[i] = pixels[4 * i + 3] / 255;
    const picture = prepared(ink, RASTER, RASTER, side);
    this.rows = picture && Array.from({ length: side }, (_, row) => Array.from(picture.subarray(row * side, (row + 1) * side), Math.round));
    this.drawSeen();
    if (!this.rows) this.forget();
    this.hint.hidden = Boolean(this.strokes.length);
    this.undoButton.disabled = !this.strokes.length && !this.cleared;
    this.clearButton.disabled = !this.strokes.length;
    this.whyButton.disabled = !this.rows || !model;
    this.say();
    this.ask();
  }

  // Asking --------------------------------------------------------------------------------------

  // Nothing that is under way counts any more: another model, or an empty pad.
  forget() {
    this.asking?.abort();
    clearTimeout(this.waiting);
    this.asking = this.waiting = this.answer = null;
    this.failure = "";
    this.settled = this.rows ? -1 : this.version;
  }

  async ask() {
    if (this.asking || this.waiting || this.gone || !this.rows || !this.data.model || this.settled === this.version) return;
    const asking = (this.asking = new AbortController());
    const { version } = this;
    const begun = performance.now();
    const lost = setTimeout(() => asking.abort(), LATE);
    const told = await this.question(asking.signal).catch(() => ({ failure: this.data.words.offline, again: true }));
    clearTimeout(lost);
    if (this.asking !== asking) return; // forgotten meanwhile
    this.asking = null;
    this.take(told, version);
    this.say();
    const wait = told.again ? this.delay(told) : APART - (performance.now() - begun);
    if (wait == null) return;
    this.waiting = setTimeout(() => { this.waiting = null; this.ask(); }, Math.max(0, wait));
  }

  async question(signal) {
    const { url, model, words } = this.data;
    const body = JSON.stringify({ model, inputs: [this.rows] });
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
    if (response.ok) {
      const { probabilities, known } = await response.json();
      return { answer: { shares: probabilities[0], known: known?.[0] ?? true } };
    }
    if (response.status === 429) return { failure: words.busy, again: true, after: Number(response.headers.get("retry-after")) || 0 };
    if (response.status >= 500) return { failure: words.unavailable, again: true, after: Number(response.headers.get("retry-after")) || 0 };
    const message = (await response.json().catch(() => null))?.error?.message;
    return { failure: message ?? words.unavailable };
  }

  take({ answer, failure = "", again }, version) {
    this.failure = failure;
    if (answer) this.answer = answer;
    if (!again) this.settled = version;
    this.failures = again ? this.failures + 1 : 0;
  }

  // ms until the same is asked again; null when it has been tried often enough for one drawing.
  delay({ after = 0 }) {
    if (this.failures > RETRY.times) return null;
    return Math.min(RETRY.longest, Math.max(1000 * after, RETRY.first * 2 ** (this.failures - 1)));
  }

  // Telling -------------------------------------------------------------------------------------

  say() {
    const { answer, data: { words, classes }, verdict, told } = this;
    const [name, sure] = verdict.children;
    const known = answer?.known;
    const winner = answer ? best(answer.shares) : -1;
    name.textContent = !answer ? "" : known ? classes[winner] : words.unknown;
    sure.textContent = !answer ? words.nothing : known ? percent(answer.shares[winner]) : "";
    verdict.dataset.known = String(Boolean(known));
    this.bars.show(answer?.shares ?? null, { quiet: !known });
    this.box.dataset.stale = String(Boolean(this.failure));
    told.textContent = this.failure;
  }

  drawSeen() {
    const { sees, data: { side } } = this;
    if (sees.width !== side) sees.width = sees.height = side;
    const image = new ImageData(side, side);
    const values = this.rows?.flat() ?? [];
    for (let i = 0; i < side * side; i += 1) image.data.set([values[i] ?? 0, values[i] ?? 0, values[i] ?? 0, 255], 4 * i);
    sees.getContext("2d").putImageData(image, 0, 0);
  }
}
