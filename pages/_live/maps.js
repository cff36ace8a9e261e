// What a convolutional network sees while it learns: a picture, the filters of the first layer, the
// feature maps of every stage, and the answer. Each tile is redrawn in its place as frames come in.
//
// data: { kind, height, label, theme, words, classes?, choose? }
// classes: the names to show instead of those the run tells; choose: false where a click means nothing
// words: input, filters, maps, map ("map {number} of {count}"), filter ("filter {number} of {count}"),
//   first ("the first {count}"), low, high, answer (what the bars are), truth (the tag of the true class),
//   right, wrong ("wrong: this is {name}"), hint (while nothing is pointed at), none, why? (a button)
// frame.maps: a mosaic of each stage, { name, webp, columns, count, height, width, low, high, shape? }
// trigger: chosen → { stage, channel, step, run }, when a map is clicked; a filter of the first layer
// stands for the channel it makes; asked → { run }, by the button

import { Bars, best, widthOf } from "./bars.js";
import { digits, element, fill } from "./format.js";
import { Sheet, signedShades, surroundings } from "./heat.js";

const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const SIGNED = "#d9772b, var(--middle), #3b82c4";
const NARROW = 600; // px: below it, top to bottom
const PHONE_GROWS = 1.9; // a narrow box is higher: all stands below each other
const CAPTION = { wide: 36, narrow: 18 }; // px of a stage's name and size
const GAP = 3; // px between tiles
const EDGE = 2; // px around them, for the ring of the one pointed at
// The least and the largest tile, the least where one has to scroll anyway, and the room between stages.
const TILE = { wide: { least: 18, most: 64, ample: 26, apart: 12 }, narrow: { least: 15, most: 44, ample: 15, apart: 8 } };
const TIGHT = 5; // px between stages whose sizes are left out
const LENS = { wide: 112, narrow: 84 }; // px of the picture shown, and of a map that is enlarged
const ROUND = 2.5; // px of a tile's corners
const ANSWERS = 12; // lines to the answer at most
const FEW = 40; // lines between two stages; more are drawn fainter
const SVG = "http://www.w3.org/2000/svg";
const FILTERS = "filters";
const MIXES = /^(conv|dense|residual|inception)/; // makes each map of all the maps before; others one of one
const TIMES = "\u2009×\u2009"; // with thin spaces
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Maps {
  part = "maps";

  constructor(root) {
    root.innerHTML = `<div class="gl-head"><span class="gl-legend"></span><span class="gl-space"></span><button class="gl-button gl-ask" type="button" hidden></button></div>
      <div class="gl-maps" role="group">
        <div class="gl-maps-in">
          <figure class="gl-stage"><figcaption><b></b><span></span></figcaption><canvas role="img"></canvas></figure>
          <div class="gl-lens"><div role="status"><canvas></canvas><div><b></b><span></span><i></i><small><span></span><span></span></small></div></div><p></p></div>
        </div>
        <div class="gl-maps-through"></div>
        <div class="gl-maps-out"><p class="gl-verdict"><b></b><span></span></p><ul></ul></div>
        <p class="gl-empty" hidden></p>
      </div>`;
    const find = (name) => root.querySelector(name);
    this.root = root;
    Object.assign(this, { box: find(".gl-maps"), through: find(".gl-maps-through"), input: find(".gl-stage"), lens: find(".gl-lens"), large: find(".gl-lens > div"), verdict: find(".gl-verdict"), empty: find(".gl-empty"), askButton: find(".gl-ask") });
    this.askButton.onclick = () => this.component.setTriggerValue("asked", { run: this.stream.source.id ?? "" });
    this.bars = new Bars(find("ul"));
    this.scratch = document.createElement("canvas");
    this.reader = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    this.picture = new Sheet();
    this.stages = [];
    this.listen();
    this.observer = new ResizeObserver(() => { this.size(); this.schedule?.(); });
    this.observer.observe(this.box);
  }

  update(data) {
    this.data = data;
    this.box.setAttribute("aria-label", data.label);
    this.empty.textContent = data.words.none;
    this.lens.lastChild.textContent = data.words.hint;
    Object.assign(this.askButton, { textContent: data.words.why, hidden: !data.words.why });
    const look = surroundings(this.root);
    const key = JSON.stringify([look, data.words, data.classes]);
    if (key !== this.lookKey) {
      Object.assign(this, { look, lookKey: key });
      this.ramp = ramp(VIRIDIS);
      this.signed = signedShades(look.middle, 1, 0.8);
      this.box.style.setProperty("--middle", `rgb(${look.middle})`);
      this.drawLegend();
      this.stale = true;
    }
    this.size();
  }

  size() {
    if (!this.data) return;
    const width = this.box.clientWidth;
    const ratio = globalThis.devicePixelRatio || 1;
    const { height } = this.data;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio, narrow: width > 0 && width < NARROW, arranged: null });
    this.box.dataset.narrow = String(this.narrow);
    this.stretchBox(0);
  }

  // Another run: what is drawn stays until its first frame is there.
  reset() {
    this.fresh = true;
  }

  release() {
    this.observer.disconnect();
    this.gone = true;
  }

  // Frames --------------------------------------------------------------------------------------

  draw(stream) {
    const frame = stream.frame(this.data.kind);
    const told = stream.told.arrays ?? {};
    this.empty.hidden = Boolean(this.seen) || (stream.source.kind !== "nothing" && !stream.terminal);
    if (!frame || !this.width) return this.seen ? undefined : false;
    if (frame !== this.seen?.frame) this.read(frame, told);
    if (this.seen) this.paint();
  }

  // Decodes the pictures of a frame; while one is decoded, those that pass meanwhile are let go.
  async read(frame, told) {
    if (this.reading) return;
    this.reading = true;
    const { filters, maps = [], input, probabilities } = frame.data;
    const coloured = told.image?.[2] === 3;
    const asked = [{ ...input, webp: input?.webp ?? null, kind: "picture" }, ...stagesOf(filters, maps, coloured)];
    const pixels = await Promise.all(asked.map(({ webp }) => webp && this.pixels(webp))).catch(() => null);
    this.reading = false;
    if (!pixels || this.gone) return;
    const [picture, ...stages] = asked.map((stage, i) => ({ ...stage, pixels: pixels[i] }));
    this.seen = { frame, told, picture, stages, probabilities };
    this.root.dataset.seen = "";
    if (this.fresh) [this.fresh, this.chosen, this.hovered] = [false, null, null];
    this.stale = true;
    this.schedule();
  }

  async pixels(webp) {
    const bytes = Uint8Array.from(atob(webp), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/webp" }), { colorSpaceConversion: "none" });
    const { reader, reader: { canvas } } = this;
    if (canvas.width < bitmap.width) canvas.width = bitmap.width;
    if (canvas.height < bitmap.height) canvas.height = bitmap.height;
    reader.clearRect(0, 0, bitmap.width, bitmap.height);
    reader.drawImage(bitmap, 0, 0);
    return reader.getImageData(0, 0, bitmap.width, bitmap.height);
  }

  paint() {
    const { data: { words }, seen: { stages, picture, told, probabilities, frame } } = this;
    const names = this.data.classes ?? told.classes ?? [];
    this.bars.make(names, words.answer, words.truth);
    this.box.style.setProperty("--names", widthOf(names));
    this.make(stages);
    this.arrange();
    if (!this.stale) return;
    this.stale = false;
    this.root.dataset.step = frame.step;
    if (picture.pixels) this.colour(this.picture, picture);
    this.drawInput(told);
    this.stages.forEach((stage, i) => {
      Object.assign(stage, stages[i]);
      this.colour(stage.sheet, stage);
      this.drawStage(stage);
    });
    this.tell();
    const truth = frame.data.label ?? told.shown_label ?? -1;
    this.bars.show(probabilities?.length ? probabilities : null, { truth });
    this.judge(names, truth, probabilities);
  }

  // In words whether the answer is right: colour alone does not say it.
  judge(names, truth, probabilities) {
    const { words } = this.data;
    const [said, how] = this.verdict.children;
    const answer = probabilities?.length ? best(probabilities) : -1;
    said.textContent = names[answer] ?? "";
    how.textContent = answer < 0 || truth < 0 ? "" : answer === truth ? words.right : fill(words.wrong, { name: names[truth] });
    this.verdict.dataset.right = String(answer === truth || truth < 0);
  }

  // Grey values become colours: filters by their sign, maps by their strength.
  colour(sheet, { pixels, kind }) {
    sheet.size(pixels.width, pixels.height);
    const from = new Uint32Array(pixels.data.buffer);
    if (kind === "picture") sheet.pixels.set(from);
    else {
      const shades = kind === "signed" ? this.signed : this.ramp;
      for (let i = 0; i < from.length; i += 1) sheet.pixels[i] = shades[from[i] & 255];
    }
    sheet.show();
  }

  // Places --------------------------------------------------------------------------------------

  // A canvas for each stage, made once for a network.
  make(stages) {
    const key = JSON.stringify([stages.map(({ name, count, height, width }) => [name, count, height, width]), this.seen.told.image, this.lookKey]);
    if (key === this.madeKey) return;
    Object.assign(this, { madeKey: key, arranged: null });
    const parts = stages.map((stage, i) => {
      const node = element("figure", "gl-stage");
      const caption = element("figcaption");
      caption.append(element("b", "", this.nameOf(stage)), element("span", "", this.sizeOf(stage)), element("small", "", this.partOf(stage)));
      caption.title = this.partOf(stage);
      const canvas = element("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", [this.nameOf(stage), this.sizeOf(stage), this.partOf(stage)].filter(Boolean).join(", "));
      canvas.tabIndex = i ? -1 : 0;
      node.append(caption, canvas);
      return { ...stage, node, canvas, context: canvas.getContext("2d"), sheet: new Sheet() };
    });
    this.stages = parts;
    this.fans = [...parts, null].map(fan);
    this.through.replaceChildren(...parts.flatMap((stage, i) => [this.fans[i], stage.node]), this.fans.at(-1));
    this.lens.hidden = !parts.length;
    [...this.root.querySelector(".gl-legend").children].forEach((key, i) => { key.hidden = !parts.some(({ kind }) => kind === ["signed", "map"][i]); });
    this.stale = true;
  }

  // As large as the tiles can be in the room there is; a bar to scroll with takes some of it.
  arrange() {
    if (this.arranged) return;
    this.arranged = this.stale = true;
    this.placeInput();
    this.stretchBox(0);
    const { clientWidth, clientHeight } = this.through;
    this.placeStages();
    if (this.narrow) this.stretchToStages();
    if (this.through.clientWidth !== clientWidth || this.through.clientHeight !== clientHeight) this.placeStages();
    this.drawFans();
  }

  // Top to bottom, the page scrolls and not the stages in their box; where there are none, nothing is left free.
  stretchToStages() {
    const { scrollHeight, clientHeight } = this.through;
    this.stretchBox(this.stages.length ? Math.max(0, scrollHeight - clientHeight) : -clientHeight);
  }

  // px more than usual
  stretchBox(more) {
    this.box.style.height = `${Math.round(this.height * (this.narrow ? PHONE_GROWS : 1)) + more}px`;
  }

  placeStages() {
    const { narrow, stages, through, ratio } = this;
    const style = TILE[narrow ? "narrow" : "wide"];
    const { least, most, ample } = style;
    const across = (narrow ? through.clientWidth : through.clientHeight - CAPTION.wide) - 2 * EDGE;
    const caption = narrow ? CAPTION.narrow : 0;
    // Room beside the tiles, and what their captions need; without sizes below the names if that is too much.
    const measured = (tight) => {
      through.dataset.tight = String(tight);
      const apart = tight ? TIGHT : style.apart;
      const along = (narrow ? through.clientHeight : through.clientWidth) - stages.length * (caption + 2 * EDGE) - (stages.length + 1) * apart;
      return { along, rooms: stages.map(({ count, node }) => ({ count, room: narrow ? 0 : node.firstChild.offsetWidth })) };
    };
    const fits = [false, ...(narrow ? [] : [true])].map((tight) => () => { const { along, rooms } = measured(tight); return tiled(rooms, across, along, least, most); });
    const places = fits.reduce((found, fit) => found ?? fit(), null) ?? tiled(measured(false).rooms, across, Infinity, ample, ample);
    stages.forEach((stage, i) => {
      const { lines, side } = places[i];
      const per = Math.ceil(stage.count / lines);
      const [columns, rows] = narrow ? [per, lines] : [lines, per];
      Object.assign(stage, { across: columns, tile: side });
      const [width, height] = [columns, rows].map((count) => count * side + (count - 1) * GAP + 2 * EDGE);
      sized(stage.canvas, width, height, ratio);
    });
  }

  placeInput() {
    const { narrow, ratio, seen } = this;
    const most = LENS[narrow ? "narrow" : "wide"];
    const [height, width] = seen.told.image ?? [1, 1];
    const scale = fitting(Math.max(height, width), most, ratio);
    sized(this.input.querySelector("canvas"), width * scale, height * scale, ratio);
    sized(this.large.firstChild, most, most, ratio);
    this.through.style.marginLeft = narrow ? "" : `${width * scale - most}px`; // its lines begin at the picture
  }

  // Between neighbours a line from each to each where one is made of all the others, and a line from
  // each to its own where it is not.
  drawFans() {
    const tall = this.through.clientHeight;
    const rowsOf = ({ canvas, count, across, tile }) => {
      const top = CAPTION.wide + (tall - CAPTION.wide - canvas.clientHeight) / 2 + EDGE;
      return Array.from({ length: Math.ceil(count / across) }, (_, row) => top + row * (tile + GAP) + tile / 2);
    };
    const picture = this.input.querySelector("canvas");
    const count = Math.min(ANSWERS, this.bars.rows.length);
    const answers = Array.from({ length: count }, (_, k) => CAPTION.wide + ((k + 0.5) * (tall - CAPTION.wide)) / count);
    const heights = [[CAPTION.wide + picture.clientHeight / 2], ...this.stages.map(rowsOf), answers];
    const beside = ({ node, canvas }) => EDGE + (node.clientWidth - canvas.clientWidth) / 2; // a caption may be wider than its tiles
    this.fans.forEach((fan, i) => {
      const [before, after] = [this.stages[i - 1], this.stages[i]];
      const own = before && after && (before.name === FILTERS || !MIXES.test(after.name)) && heights[i].length === heights[i + 1].length;
      const lines = heights[i].flatMap((from, a) => heights[i + 1].filter((_, b) => !own || a === b).map((to) => `M0 ${from.toFixed(1)}C50 ${from.toFixed(1)} 50 ${to.toFixed(1)} 100 ${to.toFixed(1)}`));
      const [left, right] = [before ? beside(before) : 0, after ? beside(after) : 0];
      Object.assign(fan.style, { marginLeft: `${-left}px`, marginRight: `${-right}px`, flexBasis: `${left + right + TILE.wide.apart}px` });
      fan.setAttribute("viewBox", `0 0 100 ${tall}`);
      fan.firstChild.setAttribute("d", lines.join(""));
      fan.dataset.many = String(lines.length > FEW);
    });
  }

  // Drawing -------------------------------------------------------------------------------------

  drawInput({ image = [] }) {
    const { words } = this.data;
    const [name, size] = this.input.querySelector("figcaption").children;
    const [height, width, channels] = image;
    name.textContent = words.input;
    size.textContent = height ? `${channels ?? 1}${TIMES}${height}${TIMES}${width}` : "";
    const canvas = this.input.querySelector("canvas");
    canvas.setAttribute("aria-label", `${words.input}, ${size.textContent}`);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { width: wide, height: tall } = this.picture.canvas;
    if (this.seen.picture.pixels) this.stretch(context, this.picture.canvas, [0, 0, wide, tall], [0, 0, canvas.width, canvas.height]);
  }

  drawStage(stage) {
    const { canvas, context, sheet, count, columns, height, width } = stage;
    const ratio = this.ratio;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.save();
    context.beginPath();
    for (let k = 0; k < count; k += 1) context.roundRect(...this.place(stage, k), ROUND * ratio);
    context.clip();
    for (let k = 0; k < count; k += 1) {
      const from = [(k % columns) * width, Math.floor(k / columns) * height, width, height];
      this.stretch(context, sheet.canvas, from, this.place(stage, k));
    }
    context.restore();
    context.strokeStyle = this.look.line;
    context.lineWidth = 1;
    context.stroke();
    for (const [at, color] of [[this.chosen, "--st-primary-color"], [this.hovered, "--st-text-color"]]) {
      if (at?.stage === stage.name) this.ring(stage, at.channel, color);
    }
  }

  ring(stage, channel, color) {
    const { context, canvas } = stage;
    const [x, y, width, height] = this.place(stage, channel);
    const half = this.ratio;
    context.beginPath();
    context.roundRect(x - half, y - half, width + 2 * half, height + 2 * half, (ROUND + 1) * this.ratio);
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue(color);
    context.lineWidth = 2 * this.ratio;
    context.stroke();
  }

  // Where the tile of a channel is, in pixels of its canvas: as large a part of its square as its map is wide.
  place({ across, tile, height, width }, channel) {
    const ratio = this.ratio;
    const scale = (tile * ratio) / Math.max(height, width);
    const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
    const corner = (at) => Math.round((EDGE + at * (tile + GAP)) * ratio);
    const centred = (size) => Math.floor((Math.round(tile * ratio) - size) / 2);
    return [corner(channel % across) + centred(wide), corner(Math.floor(channel / across)) + centred(tall), wide, tall];
  }

  // Pixels stay squares with sharp edges, also where a tile is no multiple of its map.
  stretch(context, sheet, [sx, sy, width, height], [x, y, wide, tall]) {
    context.imageSmoothingEnabled = false;
    const factor = Math.ceil(wide / width);
    if (factor * width === wide && factor * height === tall) {
      context.drawImage(sheet, sx, sy, width, height, x, y, wide, tall);
      return;
    }
    const { scratch } = this;
    const [w, h] = [factor * width, factor * height];
    if (scratch.width < w) scratch.width = w;
    if (scratch.height < h) scratch.height = h;
    const between = scratch.getContext("2d");
    between.imageSmoothingEnabled = false;
    between.drawImage(sheet, sx, sy, width, height, 0, 0, w, h);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(scratch, 0, 0, w, h, x, y, wide, tall);
  }

  drawLegend() {
    const { words } = this.data;
    const key = (colors, ...texts) => {
      const item = element("span", "gl-key");
      const scale = element("i", "gl-area gl-scale");
      scale.style.background = `linear-gradient(90deg, ${colors})`;
      item.append(texts[0], scale, texts[1]);
      return item;
    };
    const scales = element("span", "gl-legend");
    scales.append(key(SIGNED.replace("var(--middle)", `rgb(${this.look.middle})`), `${words.filters}: −`, "+"), key(VIRIDIS, `${words.maps}: ${words.low}`, words.high));
    this.root.querySelector(".gl-head .gl-legend").replaceChildren(...scales.children);
  }

  // The map pointed at, or the one chosen, large and with its numbers.
  tell() {
    const at = this.hovered ?? this.chosen;
    const stage = at && this.stages.find(({ name }) => name === at.stage);
    this.lens.dataset.empty = String(!stage);
    if (!stage) return;
    const { words } = this.data;
    const { large, ratio } = this;
    const [canvas, about] = large.children;
    const { sheet, kind, columns, height, width, low, high } = stage;
    const [count, ...size] = shapeOf(stage);
    const most = LENS[this.narrow ? "narrow" : "wide"];
    const scale = fitting(Math.max(height, width), most, ratio);
    sized(canvas, width * scale, height * scale, ratio);
    const from = [(at.channel % columns) * width, Math.floor(at.channel / columns) * height, width, height];
    this.stretch(canvas.getContext("2d"), sheet.canvas, from, [0, 0, canvas.width, canvas.height]);
    const [name, text, bar, ends] = about.children;
    const filter = stage.name === FILTERS;
    name.textContent = this.nameOf(stage);
    text.textContent = `${fill(filter ? words.filter : words.map, { number: at.channel + 1, count })}, ${size.join(" × ")}`;
    bar.style.background = `linear-gradient(90deg, ${kind === "signed" ? SIGNED : VIRIDIS})`;
    bar.hidden = ends.hidden = kind === "picture";
    const number = (value, sign) => (value == null ? sign : digits(one(value, at.channel)).replace("-", "\u2212"));
    ends.children[0].textContent = number(low, kind === "signed" ? "−" : "");
    ends.children[1].textContent = number(high, kind === "signed" ? "+" : "");
  }

  nameOf({ name }) {
    return name === FILTERS ? this.data.words.filters : name;
  }

  // The size of the stage itself; not all of its maps need be sent, and large ones are sent smaller.
  sizeOf(stage) {
    return shapeOf(stage).join(TIMES);
  }

  partOf(stage) {
    return shapeOf(stage)[0] > stage.count ? fill(this.data.words.first, { count: stage.count }) : "";
  }

  // Pointer and keys ----------------------------------------------------------------------------

  listen() {
    const { through } = this;
    through.addEventListener("pointermove", (event) => this.point(this.at(event)));
    through.addEventListener("pointerleave", ({ pointerType }) => { if (pointerType === "mouse") this.point(null); });
    through.addEventListener("click", (event) => {
      const at = this.at(event);
      const held = this.chosen?.stage === at?.stage && this.chosen?.channel === at?.channel;
      if (at && event.pointerType === "touch" && !held) { // a finger cannot point: its first touch does
        const before = this.chosen;
        this.chosen = at;
        this.redraw(before, at);
      } else if (at) this.choose(at);
    });
    through.addEventListener("keydown", (event) => this.press(event));
    through.addEventListener("focusin", ({ target }) => {
      const stage = this.stages.find(({ canvas }) => canvas === target);
      if (stage && target.matches(":focus-visible") && this.hovered?.stage !== stage.name) this.point({ stage: stage.name, channel: 0 });
    });
    through.addEventListener("focusout", () => this.point(null));
  }

  // The tile under the pointer.
  at({ target, clientX, clientY }) {
    const stage = this.stages.find(({ canvas }) => canvas === target);
    if (!stage?.tile) return null;
    const { left, top } = stage.canvas.getBoundingClientRect();
    const [column, row] = [clientX - left, clientY - top].map((place) => Math.floor((place - EDGE + GAP / 2) / (stage.tile + GAP)));
    const channel = row * stage.across + column;
    const inside = column >= 0 && column < stage.across && row >= 0 && channel < stage.count;
    return inside ? { stage: stage.name, channel } : null;
  }

  point(at) {
    const before = this.hovered;
    if (at?.stage === before?.stage && at?.channel === before?.channel) return;
    this.hovered = at;
    this.redraw(before, at);
  }

  choose(at) {
    const before = this.chosen;
    this.chosen = at;
    this.redraw(before, at);
    if (this.data.choose === false) return;
    const { frame } = this.seen;
    const stage = at.stage === FILTERS ? this.stages.find(({ name }) => name !== FILTERS)?.name : at.stage;
    this.component.setTriggerValue("chosen", { stage, channel: at.channel, step: frame.step, run: this.stream.source.id ?? "" });
  }

  redraw(...places) {
    for (const stage of this.stages) if (places.some((at) => at?.stage === stage.name)) this.drawStage(stage);
    this.tell();
  }

  press(event) {
    const now = this.stages.findIndex(({ canvas }) => canvas === event.target);
    if (now < 0) return;
    const stage = this.stages[now];
    const channel = this.hovered?.stage === stage.name ? this.hovered.channel : 0;
    if (event.key === "Enter") this.choose({ stage: stage.name, channel });
    else if (event.key in ARROWS) this.step(now, channel, ARROWS[event.key]);
    else return;
    event.preventDefault();
  }

  // One tile on; beyond the edge, to the one beside it in the neighbouring stage.
  step(now, channel, [right, down]) {
    const stage = this.stages[now];
    const { across: columns, count } = stage;
    const [column, row] = [(channel % columns) + right, Math.floor(channel / columns) + down];
    const next = row * columns + column;
    if (column >= 0 && column < columns && next >= 0 && next < count) { this.point({ stage: stage.name, channel: next }); return; }
    const [back, on] = this.narrow ? [down < 0, down > 0] : [right < 0, right > 0];
    const other = this.stages[now + on - back];
    if (!other || other === stage) return;
    for (const { canvas } of this.stages) canvas.tabIndex = canvas === other.canvas ? 0 : -1;
    other.canvas.focus(); // points at its first map
    const last = Math.ceil(other.count / other.across) - 1;
    const at = this.narrow ? [Math.min(column, other.across - 1), back ? last : 0] : [back ? other.across - 1 : 0, Math.min(row, last)];
    this.point({ stage: other.name, channel: Math.min(at[1] * other.across + at[0], other.count - 1) });
  }
}

// The filters and the stages of a frame, alike.
function stagesOf(filters, maps, coloured) {
  const shared = maps.map((stage) => ({ ...stage, kind: "map" }));
  if (!filters?.webp) return shared;
  const { side, low, high } = filters;
  return [{ ...filters, name: FILTERS, height: side, width: side, low, high, kind: coloured ? "picture" : "signed" }, ...shared];
}

// How many lines of tiles each stage has, and how large they are. Across is the length of a line, along
// the room for all lines; a stage takes at least its `room` of it. The smallest tiles are made larger as
// long as there is room, those of stages with as many maps together: they are read across. Null if even the
// smallest do not fit.
export function tiled(stages, across, along, least, most) {
  const sideOf = (count, lines) => {
    const per = Math.ceil(count / lines);
    return Math.min(most, Math.floor((across - (per - 1) * GAP) / per));
  };
  // One step on: more lines until the tiles are larger.
  const larger = ({ count, lines, side }) => {
    let more = lines;
    while (more < count && sideOf(count, more) <= side) more += 1;
    return { count, lines: more, side: sideOf(count, more) };
  };
  const groups = [...new Set(stages.map(({ count }) => count))].map((count) => {
    let place = { count, lines: 1, side: sideOf(count, 1) };
    while (place.side < least && place.lines < count) place = larger(place);
    return { place, rooms: stages.filter((stage) => stage.count === count).map(({ room }) => room) };
  });
  const extent = ({ lines, side }, { rooms }) => rooms.reduce((sum, room) => sum + Math.max(room, lines * side + (lines - 1) * GAP), 0);
  const open = new Set(groups);
  let free = along - groups.reduce((sum, group) => sum + extent(group.place, group), 0);
  if (free < 0) return null;
  while (open.size) {
    const group = [...open].reduce((a, b) => (b.place.side < a.place.side ? b : a));
    const next = larger(group.place);
    const cost = extent(next, group) - extent(group.place, group);
    if (next.side > group.place.side && cost <= free) [group.place, free] = [next, free - cost];
    else open.delete(group);
  }
  return stages.map(({ count }) => groups.find(({ place }) => place.count === count).place);
}

// How large a map's pixel is shown, in px: a whole number of the screen's, as many as fit.
function fitting(pixels, most, ratio) {
  const whole = Math.floor((most * ratio) / pixels);
  return whole ? whole / ratio : most / pixels;
}

function sized(canvas, width, height, ratio) {
  const [wide, tall] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== tall) [canvas.width, canvas.height] = [wide, tall];
  [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
}

// The lines between two stages, as wide as the room between them.
function fan() {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "gl-fan", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(name, value);
  svg.append(document.createElementNS(SVG, "path"));
  return svg;
}

// 256 packed pixels from the first colour to the last.
function ramp(colors) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [256, 1];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const gradient = context.createLinearGradient(0.5, 0, 255.5, 0);
  colors.forEach((color, i) => gradient.addColorStop(i / (colors.length - 1), color));
  context.fillStyle = gradient;
  context.fillRect(0, 0, 256, 1);
  return new Uint32Array(context.getImageData(0, 0, 256, 1).data.buffer);
}

function shapeOf({ count, height, width, shape = [count, height, width] }) {
  return shape;
}

function one(value, channel) {
  return Array.isArray(value) ? value[channel] : value;
}
