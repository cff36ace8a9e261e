// Metric curves: train and validation, log switch, smoothing. Grows by extendTraces while it can.

import { CONFIG, loadPlotly, themed } from "./plotly.js";
import { digits } from "./format.js";

export class Curves {
  part = "curves";

  constructor(root, { data }) {
    root.innerHTML = `<div class="gl-head"><span class="gl-legend"></span><span class="gl-space"></span>
      <label class="gl-switch"><input type="checkbox"> <span></span></label>
      <label class="gl-range"><span></span> <input type="range" min="0" max="0.98" step="0.02" value="0"></label></div>
      <div class="gl-plot" role="img"></div>`;
    this.node = root.querySelector(".gl-plot");
    this.node.style.height = `${data.height}px`;
    this.legend = root.querySelector(".gl-legend");
    [this.log, this.smooth] = root.querySelectorAll("input");
    this.log.onchange = this.smooth.oninput = () => { this.reset(); this.schedule(); };
    const [log, smooth] = root.querySelectorAll("label span");
    [log.textContent, smooth.textContent] = [data.words.log, data.words.smoothing];
    this.smooth.setAttribute("aria-label", data.words.smoothing);
    this.log.checked = true;
    this.drawnRows = 0;
  }

  update(data) {
    this.node.setAttribute("aria-label", data.label);
    if (data.theme !== this.theme) this.reset();
    this.theme = data.theme;
    this.data = data;
    this.legend.replaceChildren(...data.curves.map(({ title, color }) => {
      const item = document.createElement("span");
      item.className = "gl-key";
      item.innerHTML = `<i></i><span></span> <b></b>`;
      item.firstChild.style.background = color;
      item.children[1].textContent = title;
      return item;
    }));
    loadPlotly(data.plotly).then(() => this.schedule());
  }

  reset() {
    this.drawnRows = 0;
  }

  rows(stream, name, from) {
    const column = stream.columns[name] ?? [];
    const x = [], y = [];
    for (let i = from; i < stream.count; i += 1) {
      if (column[i] == null) continue;
      x.push(stream.columns.step[i]);
      y.push(column[i]);
    }
    return { x, y };
  }

  draw(stream) {
    const Plotly = globalThis.Plotly;
    if (!Plotly) return;
    this.data.curves.forEach(({ name }, i) => {
      const value = stream.value(name);
      const item = this.legend.children[i];
      item.hidden = value == null;
      item.lastChild.textContent = value == null ? "" : digits(value);
    });
    const ticks = this.ticks(stream);
    const grows = ticks === this.drawnTicks && this.drawnRows > 0 && stream.count > this.drawnRows && this.smooth.value === "0" && this.stream === this.drawnStream;
    if (grows) {
      const added = this.data.curves.map(({ name }) => this.rows(stream, name, this.drawnRows));
      Plotly.extendTraces(this.node, { x: added.map((a) => a.x), y: added.map((a) => a.y) }, added.map((_, i) => i));
    } else if (stream.count !== this.drawnRows || this.stream !== this.drawnStream) this.redraw(stream, Plotly, ticks);
    this.drawnTicks = ticks;
    this.drawnRows = stream.count;
    this.drawnStream = this.stream;
  }

  // Distance of the ticks of a log axis: 2 and 5 between the powers of ten while there is room.
  ticks(stream) {
    if (!this.log.checked) return null;
    const values = this.data.curves.flatMap(({ name }) => this.rows(stream, name, 0).y).filter((y) => y > 0);
    const decades = Math.log10(Math.max(...values)) - Math.log10(Math.min(...values));
    return decades > 3 ? Math.ceil(decades / 5) : "D2";
  }

  redraw(stream, Plotly, ticks) {
    const weight = Number(this.smooth.value);
    const traces = this.data.curves.map(({ name, title, color }) => {
      const { x, y } = this.rows(stream, name, 0);
      return { x, y: smoothed(y, weight), name: title, mode: "lines", type: "scatter", line: { color, width: 2 }, hovertemplate: "%{x}: %{y:.4~g}" };
    });
    const layout = themed(structuredClone(this.data.figure.layout), this.node);
    layout.xaxis.range = [0, stream.started?.steps_total ?? 1]; // fixed, so that nothing jumps
    if (ticks) Object.assign(layout.yaxis, { type: "log", dtick: ticks, exponentformat: "power" });
    Plotly.react(this.node, traces, layout, CONFIG);
  }
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
