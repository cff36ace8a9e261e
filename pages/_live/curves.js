// Metric curves: train and validation, log switch, smoothing. Grows by extendTraces while it can.
//
// data: { curves: [{ name, title, color }], log, figure, height, label, theme, plotly, overlays?, words }
// log: whether the axis begins as a logarithmic one; words: log, smoothing
// Columns `<name>_sd` become a band; overlays (see overlays.js) thin lines, dotted from the second
// metric on. A line marks the step shown; what comes later is veiled; drag the line to go there.

import { Overlays } from "./overlays.js";
import { CONFIG, faded, loadPlotly, themed } from "./plotly.js";
import { digits, element } from "./format.js";

export class Curves {
  part = "curves";

  constructor(root, { data }) {
    root.innerHTML = `<div class="gl-head"><span class="gl-legend"></span><span class="gl-space"></span>
      <span class="gl-controls"><label class="gl-switch"><input type="checkbox"> <span></span></label>
      <label class="gl-range"><span></span> <input type="range" min="0" max="0.98" step="0.02" value="0"></label></span></div>
      <div class="gl-box"><div class="gl-plot" role="img"></div><i class="gl-veil"></i><i class="gl-cursor" aria-hidden="true"></i></div>`;
    this.node = root.querySelector(".gl-plot");
    this.node.style.height = `${data.height}px`;
    this.legend = root.querySelector(".gl-legend");
    [this.veil, this.cursor] = root.querySelectorAll("i");
    this.cursor.onpointerdown = (event) => this.cursor.setPointerCapture(event.pointerId);
    this.cursor.onpointermove = (event) => { if (this.cursor.hasPointerCapture(event.pointerId)) this.drag(event.clientX); };
    [this.log, this.smooth] = root.querySelectorAll("input");
    this.log.onchange = this.smooth.oninput = () => { this.reset(); this.schedule(); };
    const [log, smooth] = root.querySelectorAll("label span");
    [log.textContent, smooth.textContent] = [data.words.log, data.words.smoothing];
    this.smooth.setAttribute("aria-label", data.words.smoothing);
    this.log.checked = data.log;
    this.overlays = new Overlays(() => this.schedule());
    this.drawnRows = 0;
  }

  update(data) {
    this.node.setAttribute("aria-label", data.label);
    if (data.theme !== this.theme) this.reset();
    this.theme = data.theme;
    this.data = data;
    this.overlays.update(data.overlays);
    this.legend.replaceChildren(...data.curves.map(({ title, color }) => key(title, color)));
    loadPlotly(data.plotly).then(() => this.schedule());
  }

  reset() {
    this.drawnRows = 0;
  }

  release() {
    this.overlays.release();
  }

  // Rows of a column from one on; all that are there, the cursor only veils.
  rows(stream, name, from) {
    const column = stream.columns[name] ?? [];
    const x = [], y = [];
    for (let i = from; i < column.length; i += 1) {
      if (column[i] == null) continue;
      x.push(stream.columns.step[i]);
      y.push(column[i]);
    }
    return { x, y };
  }

  // A band of mean ± sd; on a log axis it ends where the curves do, as zero is nowhere.
  band(stream, { name }, from, floor) {
    const mean = stream.columns[name] ?? [], sd = stream.columns[`${name}_sd`] ?? [];
    const x = [], low = [], high = [];
    for (let i = from; i < mean.length; i += 1) {
      if (mean[i] == null || sd[i] == null) continue;
      x.push(stream.columns.step[i]);
      low.push(Math.max(floor, mean[i] - sd[i]));
      high.push(mean[i] + sd[i]);
    }
    return [{ x, y: low }, { x, y: high }];
  }

  draw(stream) {
    const Plotly = globalThis.Plotly;
    if (!Plotly) return false;
    this.drawLegend(stream);
    const rows = stream.columns.step.length;
    const look = JSON.stringify([this.overlays.key, stream.filled, this.banded(stream).map(({ name }) => name), stream.started?.steps_total]);
    const same = look === this.drawnLook && stream === this.drawnStream && this.drawnRows > 0;
    if (!same || rows !== this.drawnRows) {
      const ticks = this.ticks(stream);
      if (same && ticks === this.drawnTicks && rows > this.drawnRows && this.smooth.value === "0") this.grow(stream, Plotly);
      else this.redraw(stream, Plotly, ticks);
      this.drawnTicks = ticks;
    }
    this.drawnLook = look;
    this.drawnRows = rows;
    this.drawnStream = stream;
    this.placeCursor(stream);
  }

  drawLegend(stream) {
    this.data.curves.forEach(({ name }, i) => {
      const value = stream.value(name);
      const item = this.legend.children[i];
      item.hidden = value == null;
      item.lastChild.textContent = value == null ? "" : digits(value);
    });
    const overlays = this.overlays.key;
    if (overlays === this.legendOverlays && this.legend.children.length === this.data.curves.length + this.overlays.ready.length) return;
    this.legendOverlays = overlays;
    const keys = this.overlays.ready.map(({ title, color }) => key(title, color, "gl-thin"));
    this.legend.replaceChildren(...[...this.legend.children].slice(0, this.data.curves.length), ...keys);
  }

  banded(stream) {
    return this.data.curves.filter(({ name }) => stream.columns[`${name}_sd`]);
  }

  // Distance of the ticks of a log axis: 2 and 5 between the powers of ten while there is room.
  ticks(stream) {
    if (!this.log.checked) return null;
    const values = this.data.curves.flatMap(({ name }) => this.rows(stream, name, 0).y).filter((y) => y > 0);
    if (!values.length) return null;
    this.least = values.reduce((least, y) => Math.min(least, y), Infinity);
    const decades = Math.log10(values.reduce((most, y) => Math.max(most, y), -Infinity)) - Math.log10(this.least);
    if (decades < 0.7) return null; // hardly a power of ten: plotly's own ticks
    return decades > 3 ? Math.ceil(decades / 5) : "D2";
  }

  get floor() {
    return this.log.checked ? 0.7 * this.least : -Infinity;
  }

  // Bands first, then the curves: the order of the traces after the overlays.
  grow(stream, Plotly) {
    const added = [
      ...this.banded(stream).flatMap((curve) => this.band(stream, curve, this.drawnRows, this.floor)),
      ...this.data.curves.map(({ name }) => this.rows(stream, name, this.drawnRows)),
    ];
    const first = this.node.data.length - added.length;
    Plotly.extendTraces(this.node, { x: added.map((a) => a.x), y: added.map((a) => a.y) }, added.map((_, i) => first + i));
  }

  redraw(stream, Plotly, ticks) {
    const weight = Number(this.smooth.value);
    const line = (from, name, title, style) => {
      const { x, y } = this.rows(from, name, 0);
      return { x, y: smoothed(y, weight), name: title, mode: "lines", type: "scatter", line: style, hovertemplate: "%{x}: %{y:.4~g}" };
    };
    const { curves } = this.data;
    const others = this.overlays.ready.flatMap(({ title, color, stream: other }) =>
      curves.map(({ name }, i) => line(other, name, title, { color, width: 1.25, dash: i ? "dot" : "solid" })));
    const bands = this.banded(stream).flatMap((curve) => this.band(stream, curve, 0, this.floor).map(({ x, y }, upper) => ({
      x, y: smoothed(y, weight), mode: "lines", type: "scatter", line: { width: 0 }, hoverinfo: "skip",
      fill: upper ? "tonexty" : "none", fillcolor: faded(curve.color, 0.16),
    })));
    const own = curves.map(({ name, title, color }) => line(stream, name, title, { color, width: 2 }));
    const layout = themed(this.data.figure.layout, this.node);
    const ends = [stream, ...this.overlays.ready.map((overlay) => overlay.stream)].map(({ started }) => started?.steps_total ?? 1);
    layout.xaxis.range = [0, Math.max(...ends)]; // fixed, so that nothing jumps
    layout.uirevision = "curves";
    if (ticks) Object.assign(layout.yaxis, { type: "log", dtick: ticks, exponentformat: "power" });
    Plotly.react(this.node, [...others, ...bands, ...own], layout, CONFIG);
    if (this.followed) return;
    this.followed = true;
    this.node.on("plotly_afterplot", () => this.placeCursor(this.stream)); // a zoom moves it too
  }

  // The line at the step shown, and the veil over what was to come.
  placeCursor(stream) {
    const layout = this.node._fullLayout;
    const steps = stream?.steps() ?? [];
    this.cursor.hidden = this.veil.hidden = !layout || steps.length < 2;
    if (this.cursor.hidden) return;
    const { xaxis, yaxis } = layout;
    const x = Math.max(0, Math.min(xaxis._length, xaxis.d2p(stream.cursor ?? stream.reached)));
    const place = (element_, left, width) => Object.assign(element_.style, { left: `${left}px`, width: `${width}px`, top: `${yaxis._offset}px`, height: `${yaxis._length}px` });
    place(this.cursor, xaxis._offset + x, 0);
    place(this.veil, xaxis._offset + x, stream.cursor == null ? 0 : xaxis._length - x);
    this.cursor.classList.toggle("gl-live", stream.cursor == null);
  }

  // To the step with a picture that is nearest to a place on the screen; the end follows again.
  drag(clientX) {
    const { xaxis } = this.node._fullLayout;
    const wanted = xaxis.p2d(clientX - this.node.getBoundingClientRect().left - xaxis._offset);
    const steps = this.stream.steps();
    const nearest = steps.reduce((best, step) => (Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best));
    if (nearest === steps.at(-1)) this.stream.follow();
    else this.stream.seek(nearest);
  }
}

function key(title, color, look = "") {
  const item = element("span", "gl-key");
  item.innerHTML = `<i class="${look}"></i><span></span> <b></b>`;
  item.firstChild.style.background = color;
  item.children[1].textContent = title;
  return item;
}

// Exponential moving average with the start corrected (Kingma & Ba 2015, the Adam paper's debiasing).
function smoothed(values, weight) {
  if (!weight) return values;
  let mean = 0;
  return values.map((value, i) => {
    mean = weight * mean + (1 - weight) * value;
    return mean / (1 - weight ** (i + 1));
  });
}
