// The topic's figure. Traces whose `meta.live` names arrays of a frame follow the run.

import { CONFIG, loadPlotly, themed } from "./plotly.js";

export class Picture {
  part = "picture";

  constructor(root, { data }) {
    root.innerHTML = `<div class="gl-head"><span class="gl-legend"></span></div><div class="gl-plot" role="img"></div>`;
    this.node = root.lastChild;
    this.legend = root.querySelector(".gl-legend");
    this.node.style.height = `${data.height}px`;
    this.shown = null;
  }

  update(data) {
    this.kind = data.kind;
    this.node.setAttribute("aria-label", data.label);
    const figure = JSON.stringify(data.figure);
    const theme = data.theme;
    if (figure === this.figureText && theme === this.theme) return;
    [this.figureText, this.theme] = [figure, theme];
    this.figure = data.figure;
    this.shown = null;
    this.legend.replaceChildren(...data.figure.data.filter((trace) => trace.name).map(key));
    loadPlotly(data.plotly).then(() => this.schedule());
  }

  reset() {
    this.shown = null;
  }

  async draw(stream) {
    const Plotly = globalThis.Plotly;
    if (!Plotly) return;
    const frame = stream.frame(this.kind);
    if (frame === this.shown && this.drawn === this.figure) return;
    this.shown = frame;
    this.drawn = this.figure;
    for (const trace of this.figure.data) {
      for (const [property, name] of Object.entries(trace.meta?.live ?? {})) trace[property] = frame?.data[name] ?? [];
    }
    Plotly.react(this.node, this.figure.data.map((trace) => ({ ...trace })), themed(this.figure.layout, this.node), CONFIG);
  }
}

// A trace's name beside a sample of how it is drawn.
function key({ name, mode, marker, line }) {
  const item = document.createElement("span");
  item.className = "gl-key";
  const sample = document.createElement("i");
  const color = (marker ?? line).color;
  sample.className = mode === "markers" ? "gl-dot" : "gl-line";
  if (marker?.symbol?.endsWith("open")) sample.style.boxShadow = `inset 0 0 0 1.5px ${color}`;
  else if (line?.dash) sample.style.background = `repeating-linear-gradient(90deg, ${color} 0 3px, transparent 3px 6px)`;
  else sample.style.background = color;
  item.append(sample, name);
  return item;
}
