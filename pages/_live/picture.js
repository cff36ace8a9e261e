// A figure of the topic. Traces whose `meta.live` names arrays of a frame follow the run.
//
// data: { figure, kind?, height, label, theme, plotly, overlays?, edit?, points? }
// kind: the kind of frame the figure follows; without it, the main one
// overlays: see overlays.js; traces with `meta.ghost` are repeated for each, with its last frame
// edit, points: see points.js; without `edit` the points cannot be edited
// marked: { x: [], y: [] }, points that are to stand out
// triggers: edited (see points.js); cell → { actual, predicted, run, step }, when a cell of a heat map
// with `meta.cells` is clicked: its row, its column, and the run and step on show (step null: the latest)

import { bound, boundLayout, isEmpty } from "./binding.js";
import { Overlays } from "./overlays.js";
import { CONFIG, loadPlotly, themed } from "./plotly.js";
import { PointEditor } from "./points.js";
import { sample as symbolOf } from "./symbols.js";

const FIELDS = new Set(["bar", "heatmap", "contour", "surface"]);
const VIRIDIS = ["#440154", "#31688e", "#35b779", "#fde725"];

export class Picture {
  part = "picture";

  constructor(root, { data }) {
    root.innerHTML = `<div class="gl-head gl-tight"><span class="gl-legend"></span></div>
      <div class="gl-box"><div class="gl-plot gl-picture" role="img"></div></div>`;
    this.node = root.querySelector(".gl-plot");
    this.legend = root.querySelector(".gl-legend");
    this.node.style.height = `${data.height}px`;
    this.overlays = new Overlays(() => this.schedule());
    this.editor = new PointEditor(root, this.node, (points) => this.component.setTriggerValue("edited", { points }), () => this.schedule());
    this.figures = 0;
    this.shown = [];
  }

  update(data) {
    this.data = data;
    this.node.setAttribute("aria-label", data.label);
    this.overlays.update(data.overlays);
    const text = JSON.stringify(data.figure);
    if (text !== this.figureText) {
      this.figureText = text;
      this.figures += 1;
      this.keys = data.figure.data.map((trace) => (trace.name && trace.showlegend !== false ? key(trace) : null));
      this.shown = [];
    }
    this.markedText = JSON.stringify(data.marked);
    this.editor.update(data.edit, data.points);
    loadPlotly(data.plotly).then(() => this.schedule());
  }

  reset() {
    this.shown = [];
  }

  release() {
    this.overlays.release();
    this.editor.release();
  }

  draw(stream) {
    const Plotly = globalThis.Plotly;
    if (!Plotly) return false;
    const { figure, kind, theme } = this.data;
    const frame = stream.frame(kind);
    const untilStep = figure.data.some((trace) => trace.meta?.until) ? stream.step : null;
    const overlays = this.overlays.ready;
    const shown = [frame, stream.started, stream.frames.get("baselines"), untilStep, this.figures, this.markedText, theme, this.overlays.key, this.editor.state];
    if (shown.length === this.shown.length && shown.every((value, i) => value === this.shown[i])) return;
    this.shown = shown;
    const ghosts = overlays.flatMap((overlay) => figure.data.filter((trace) => trace.meta?.ghost).map((trace) => ghost(trace, overlay, kind)));
    const traces = figure.data.map((trace) => bound(trace, frame, stream.told, stream.step));
    const layout = themed(boundLayout(figure.layout, frame, stream.told), this.node);
    layout.uirevision = this.figures; // a zoom stays while the run goes on
    for (const name of Object.keys(layout)) if (/^scene\d*$/.test(name)) layout[name].uirevision = kind ?? "scene"; // and the camera for good
    this.drawLegend(traces, frame, overlays);
    Plotly.react(this.node, [...this.editor.traces([...ghosts, ...traces]), ...this.marks()], this.editor.layout(layout), CONFIG);
    this.listen();
    this.editor.place();
  }

  // Rings around the points that are to stand out.
  marks() {
    const { marked } = this.data;
    if (!marked?.x.length) return [];
    const marker = { symbol: "circle-open", size: 15, color: getComputedStyle(this.node).color, line: { width: 2 } };
    return [{ type: "scatter", mode: "markers", ...marked, marker, showlegend: false, hoverinfo: "skip", meta: { overlay: true } }];
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.node.on("plotly_click", ({ points: [{ data, pointIndex }] }) => {
      if (!data.meta?.cells || !Array.isArray(pointIndex)) return;
      const [actual, predicted] = pointIndex;
      if (this.stream.playing) this.stream.seek(this.stream.step); // the rows are of what was clicked
      const { cursor, source } = this.stream;
      this.component.setTriggerValue("cell", { actual, predicted, run: source.id ?? "", step: cursor });
    });
  }

  drawLegend(traces, frame, overlays) {
    this.keys.forEach((item, i) => { if (item) item.hidden = Boolean(frame) && isEmpty(traces[i]); });
    const others = this.data.figure.data.some((trace) => trace.meta?.ghost) ? overlays : [];
    this.legend.replaceChildren(...this.keys.filter(Boolean), ...others.map(({ title, color }) => key({ name: title, line: { color }, thin: true })));
  }
}

// A trace as another run has drawn it last: thin, in that run's colour.
function ghost(trace, { title, color, stream }, kind) {
  const frame = (stream.film.get(kind ?? stream.kinds()[0]) ?? []).at(-1);
  const drawn = bound(trace, frame, stream.told, Infinity);
  const marker = trace.marker && { ...trace.marker, color, colorscale: undefined, size: 5, opacity: 0.5 };
  const hovertemplate = drawn.hovertemplate?.replace(/<extra>.*<\/extra>/, ""); // its name, then
  return { ...drawn, name: title, ...(marker && { marker }), line: { ...trace.line, color, width: 1.25 }, fill: "none", opacity: 0.9, hovertemplate, meta: { overlay: true } };
}

// A trace's name beside a sample of how it is drawn.
function key({ name, type, mode, marker, line, fillcolor, fill, colorscale, thin }) {
  const item = document.createElement("span");
  item.className = "gl-key";
  let sample = document.createElement("i");
  const color = [marker?.color, line?.color, fillcolor].flat().find((value) => typeof value === "string") ?? "currentColor";
  sample.className = mode === "markers" ? "gl-dot" : fill || FIELDS.has(type) ? "gl-area" : thin ? "gl-thin" : "gl-line";
  const symbol = mode === "markers" && typeof marker?.symbol === "string" ? marker.symbol : "circle";
  if (!symbol.startsWith("circle")) sample = symbolOf(symbol.replace("-open", ""), color, symbol.endsWith("open"));
  else if (FIELDS.has(type) && type !== "bar") {
    const stops = Array.isArray(colorscale) ? colorscale.map(([at, stop]) => `${stop} ${100 * at}%`) : VIRIDIS;
    sample.style.background = `linear-gradient(90deg, ${stops})`;
  } else if (marker?.symbol?.endsWith?.("open")) sample.style.boxShadow = `inset 0 0 0 1.5px ${color}`;
  else if (line?.dash && !fill) sample.style.background = `repeating-linear-gradient(90deg, ${color} 0 3px, transparent 3px 6px)`;
  else sample.style.background = fill ? fillcolor ?? color : color;
  sample.classList.toggle("gl-white", /^#fff/i.test(color));
  item.append(sample, name);
  return item;
}
