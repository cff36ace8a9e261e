// A moving thumbnail: the figure's traces drawn on a small canvas (plotly would be too heavy eleven times).

import { bound } from "./binding.js";

const BLUE = "#3b82c4";

export class Card {
  part = "card";

  constructor(root, { data }) {
    root.innerHTML = `<a class="gl-card" target="_self"><canvas role="img"></canvas><div><b></b><p></p></div></a>`;
    this.link = root.firstChild;
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    new ResizeObserver(() => { this.size(); this.schedule?.(); }).observe(this.canvas);
    this.canvas.style.height = `${data.height}px`;
    this.size();
  }

  size() {
    const ratio = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    [this.canvas.width, this.canvas.height] = [this.width * ratio, this.height * ratio];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  update(data) {
    this.kind = data.kind;
    this.figure = data.figure;
    this.link.href = data.href;
    this.canvas.setAttribute("aria-label", data.label);
    this.link.querySelector("b").textContent = data.title;
    this.link.querySelector("p").textContent = data.summary;
  }

  draw(stream) {
    const frame = stream.frame(this.kind);
    const { data, layout } = this.figure;
    this.context.clearRect(0, 0, this.width, this.height);
    const traces = data.filter((trace) => trace.type === "scatter" && trace.line?.width !== 0)
      .map((trace) => bound(trace, frame, stream.told, stream.step))
      .filter((trace) => trace.x && trace.y);
    const x = scale(layout.xaxis?.range ?? extent(traces.flatMap((trace) => trace.x)), 0, this.width);
    const y = scale(layout.yaxis?.range ?? extent(traces.flatMap((trace) => trace.y)), this.height, 0);
    for (const trace of traces) {
      if (trace.mode === "markers") this.markers(trace, x, y);
      else this.line(trace, x, y);
    }
  }

  markers({ x: xs, y: ys, marker }, x, y) {
    const { context } = this;
    context.fillStyle = context.strokeStyle = marker?.color ?? BLUE;
    context.lineWidth = 1.4;
    xs.forEach((value, i) => {
      context.beginPath();
      context.arc(x(value), y(ys[i]), 3.2, 0, 2 * Math.PI);
      if (marker?.symbol?.endsWith("open")) context.stroke();
      else context.fill();
    });
  }

  line({ x: xs, y: ys, line }, x, y) {
    const { context } = this;
    context.beginPath();
    ys.forEach((value, i) => (i ? context.lineTo(x(xs[i]), y(value)) : context.moveTo(x(xs[i]), y(value))));
    context.strokeStyle = line?.color ?? BLUE;
    context.lineWidth = line?.width ?? 2;
    context.setLineDash(line?.dash === "dot" ? [2, 4] : []);
    context.stroke();
    context.setLineDash([]);
  }
}

// Range of the values with a little room, for a figure that leaves its axis open.
function extent(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (high - low || 1);
  return [low - room, high + room];
}

function scale([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}
