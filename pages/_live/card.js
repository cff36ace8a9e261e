// A moving thumbnail: the figure's traces drawn on a small canvas (plotly would be too heavy eleven times).

import { bound } from "./binding.js";
import { drawJourney } from "./mosaic.js";

const BLUE = "#3b82c4";
const SHADES = 600; // steps of a colour scale

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
    this.maps = data.maps;
    this.link.href = data.href;
    this.canvas.setAttribute("aria-label", data.label);
    this.link.querySelector("b").textContent = data.title;
    this.link.querySelector("p").textContent = data.summary;
  }

  draw(stream) {
    const frame = stream.frame(this.kind);
    if (this.maps) { this.journey(frame); return; }
    const { data, layout } = this.figure;
    this.context.clearRect(0, 0, this.width, this.height);
    const traces = data.filter(({ type, mode, line, xaxis = "x" }) => (type === "scatter" ? mode !== "text" && line?.width !== 0 : type === "heatmap") && xaxis === "x")
      .map((trace) => bound(trace, frame, stream.told, stream.step))
      .filter((trace) => trace.x && trace.y);
    this.crowded = traces.reduce((sum, trace) => sum + (trace.mode === "markers" ? trace.x.length : 0), 0) > 100;
    const x = along(layout.xaxis, traces.flatMap((trace) => trace.x), 0, this.width);
    const y = along(layout.yaxis, traces.flatMap((trace) => trace.y), this.height, 0);
    for (const trace of traces) {
      if (trace.type === "heatmap") this.field(trace, x, y);
      else if (trace.mode === "markers") this.markers(trace, x, y);
      else this.line(trace, x, y);
    }
  }

  // Feature maps are drawn from sheets that have to be decoded first: one at a time.
  async journey(frame) {
    if (!frame || frame === this.shown || this.drawing) return;
    [this.shown, this.drawing] = [frame, true];
    await drawJourney(this.context, [this.width, this.height], frame.data);
    this.drawing = false;
  }

  markers({ x: xs, y: ys, marker }, x, y) {
    const { context } = this;
    const color = (i) => painted(marker, i) ?? BLUE;
    const ring = marker?.line?.color;
    xs.forEach((value, i) => {
      context.fillStyle = color(i);
      context.strokeStyle = ring ?? color(i);
      context.lineWidth = ring ? 1 : 1.4;
      context.beginPath();
      context.arc(x(value), y(ys[i]), this.crowded ? 2.4 : 3.2, 0, 2 * Math.PI);
      const open = marker?.symbol?.endsWith?.("open");
      if (!open) context.fill();
      if (open || ring) context.stroke();
    });
  }

  // A heat map as a picture of one pixel a value, stretched over its place.
  field({ x: xs, y: ys, z, zmin, zmax, colorscale }, x, y) {
    if (!z?.length) return;
    const shade = shades(colorscale);
    const [rows, columns] = [z.length, z[0].length];
    const picture = new ImageData(columns, rows);
    z.forEach((row, r) => row.forEach((value, c) => {
      const at = Math.round((SHADES * (value - zmin)) / (zmax - zmin));
      picture.data.set(shade[Math.max(0, Math.min(SHADES, at))], 4 * ((rows - 1 - r) * columns + c));
    }));
    this.sheet ??= document.createElement("canvas");
    [this.sheet.width, this.sheet.height] = [columns, rows];
    this.sheet.getContext("2d").putImageData(picture, 0, 0);
    const [left, top] = [x(xs[0]), y(ys.at(-1))];
    this.context.drawImage(this.sheet, left, top, x(xs.at(-1)) - left, y(ys[0]) - top);
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

// The colour of one marker: its own, or that of its number on the colour scale.
function painted({ color, colorscale, cmin, cmax } = {}, i) {
  const own = Array.isArray(color) ? color[i] : color;
  if (typeof own !== "number") return own;
  return colorscale.findLast(([at]) => at <= (own - cmin) / (cmax - cmin))?.[1];
}

// A colour scale of ours, [[at, "rgba(r,g,b,a)"], …], as the pixels [r, g, b, a] of SHADES + 1 steps.
function shades(colorscale) {
  const stops = colorscale.map(([at, color]) => [at, color.match(/[\d.]+/g).map(Number)]);
  return Array.from({ length: SHADES + 1 }, (_, i) => {
    const upper = Math.max(1, stops.findIndex(([at]) => at >= i / SHADES));
    const [[low, from], [high, to]] = [stops[upper - 1], stops[upper]];
    const share = high > low ? (i / SHADES - low) / (high - low) : 1;
    const [r, g, b, a] = from.map((value, channel) => value + share * (to[channel] - value));
    return [r, g, b, 255 * a];
  });
}

// Where a value stands on an axis; the range of a logarithmic one is in powers of ten, as plotly has it.
function along({ type, range } = {}, values, from, to) {
  const place = type === "log" ? Math.log10 : (value) => value;
  const linear = scale(range ?? extent(values.map(place)), from, to);
  return (value) => linear(place(value));
}

// Range of the values with a little room, for a figure that leaves its axis open.
function extent(all) {
  const values = all.filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (high - low || 1);
  return [low - room, high + room];
}

function scale([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}
