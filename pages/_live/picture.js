// The topic's figure. Traces whose `meta.live` names arrays of a frame follow the run.

import { CONFIG, loadPlotly, themed } from "./plotly.js";

export class Picture {
  part = "picture";

  constructor(root, { data }) {
    root.innerHTML = `<div class="gl-plot" role="img"></div>`;
    this.node = root.firstChild;
    this.node.style.height = `${data.height}px`;
    this.shown = null;
  }

  update(data) {
    this.node.setAttribute("aria-label", data.label);
    const figure = JSON.stringify(data.figure);
    const theme = data.theme;
    if (figure === this.figureText && theme === this.theme) return;
    [this.figureText, this.theme] = [figure, theme];
    this.figure = data.figure;
    this.shown = null;
    this.plotly = loadPlotly(data.plotly);
    this.plotly.then(() => this.schedule());
  }

  reset() {
    this.shown = null;
  }

  async draw(stream) {
    const Plotly = globalThis.Plotly;
    if (!Plotly) return;
    const frame = stream.frames.values().next().value;
    if (frame === this.shown && this.drawn === this.figure) return;
    this.shown = frame;
    this.drawn = this.figure;
    for (const trace of this.figure.data) {
      for (const [property, name] of Object.entries(trace.meta?.live ?? {})) trace[property] = frame?.data[name] ?? [];
    }
    Plotly.react(this.node, this.figure.data.map((trace) => ({ ...trace })), themed(this.figure.layout, this.node), CONFIG);
  }
}
