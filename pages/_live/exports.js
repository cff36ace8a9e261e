// Take it with you: files of the run, its picture, its frames as an animation.
//
// data: { files: [{ url, title, help, download }], figure, kind?, words, name, title?, animate, height, theme, plotly }
// `figure` and `kind` are those of the picture on the page; `name` begins the names of saved files;
// `animate` takes { format: "gif" | "mp4", fps, frames: [data URL, …] } and answers with the file
// words: png, html, gif, mp4 (the buttons), drawing ("Drawing {done} of {total} …"),
//   encoding ("Encoding …"), saved ("Saved."), failed ("That did not work."), no_picture, step ("step {step} of {total}")

import { bound, boundLayout, isEmpty } from "./binding.js";
import { element, fill, whole } from "./format.js";
import { CONFIG, background, loadPlotly, themed } from "./plotly.js";

const FRAMES = 60;
const [WIDTH, HEIGHT, FPS] = [800, 450, 10];

export class Exports {
  part = "exports";

  constructor(root) {
    root.innerHTML = `<ul class="gl-files"></ul><div class="gl-makes"></div><p class="gl-told" role="status"></p>`;
    [this.files, this.makes, this.told] = root.children;
    this.root = root;
    this.buttons = ["png", "html", "gif", "mp4"].map((kind) => {
      const button = element("button", "gl-button");
      button.type = "button";
      button.dataset.kind = kind;
      button.onclick = () => this.make(kind);
      return button;
    });
    this.makes.append(...this.buttons);
  }

  update(data) {
    this.data = data;
    this.files.replaceChildren(...data.files.map(file));
    for (const button of this.buttons) button.textContent = data.words[button.dataset.kind];
    loadPlotly(data.plotly).then(() => this.schedule());
  }

  draw(stream) {
    const few = stream.steps().length < 2;
    for (const button of this.buttons) button.disabled = Boolean(this.busy) || (isFilm(button.dataset.kind) && (few || !this.data.animate));
  }

  release() {
    this.gone = true;
  }

  // One thing at a time; what goes wrong is said in words.
  async make(kind) {
    const { words } = this.data;
    this.busy = true;
    this.draw(this.stream);
    try {
      await (isFilm(kind) ? this.animation(kind) : kind === "png" ? this.png() : this.html());
      this.say(words.saved);
    } catch (error) {
      this.say(error instanceof Refused ? error.message : words.failed, true);
    }
    this.busy = false;
    this.draw(this.stream);
  }

  say(text, bad = false) {
    this.told.textContent = text;
    this.told.classList.toggle("gl-bad", bad);
  }

  // The figure as the page draws it now, zoom and camera included, with a legend and a ground.
  drawn() {
    const node = document.querySelector(".gl-picture.js-plotly-plot");
    if (!node) return this.apart();
    const data = named(node.data.map((trace) => (trace.meta?.hidden ? { ...trace, visible: true } : trace)));
    const layout = { ...node.layout, dragmode: "zoom", paper_bgcolor: background(node), ...legend(node.layout, this.data.title) };
    return { data, layout, node };
  }

  // The figure of what is on show, where the page shows it by other means than plotly.
  apart() {
    const { figure, kind, title } = this.data;
    const { stream } = this;
    const frame = stream.frame(kind);
    if (!frame || !document.querySelector(".gl-net, .gl-multiples")) throw new Refused(this.data.words.no_picture);
    const base = themed(boundLayout(figure.layout, frame, stream.told), this.root);
    const layout = { ...base, paper_bgcolor: background(this.root), ...legend(base, title) };
    const data = named(figure.data.map((trace) => bound(trace, frame, stream.told, stream.step)));
    return { data, layout, node: { clientWidth: WIDTH, clientHeight: HEIGHT } };
  }

  async png() {
    const network = document.querySelector(".gl-net canvas");
    if (network) return save(opaque(network, background(network)), `${this.data.name}.png`);
    const { data, layout, node } = this.drawn();
    const size = { width: node.clientWidth, height: node.clientHeight + 32 };
    const url = await globalThis.Plotly.toImage({ data, layout: { ...layout, ...size, autosize: false } }, { format: "png", scale: 2, ...size });
    save(url, `${this.data.name}.png`);
  }

  async html() {
    const { data, layout } = this.drawn();
    const response = await fetch(this.data.plotly);
    if (!response.ok) throw new Refused(this.data.words.failed);
    const text = page(this.data.title ?? this.data.name, await response.text(), { data, layout });
    const url = URL.createObjectURL(new Blob([text], { type: "text/html" }));
    save(url, `${this.data.name}.html`);
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  async animation(format) {
    const { words } = this.data;
    const frames = [];
    const steps = chosen(this.stream.steps(), FRAMES);
    for (const step of steps) {
      if (this.gone) return;
      this.say(fill(words.drawing, { done: frames.length + 1, total: steps.length }));
      frames.push(await this.still(step));
    }
    this.say(words.encoding);
    const body = JSON.stringify({ format, fps: FPS, frames });
    const response = await fetch(this.data.animate, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!response.ok) throw new Refused((await response.json().catch(() => null))?.error?.message ?? words.failed);
    const url = URL.createObjectURL(await response.blob());
    save(url, `${this.data.name}.${format}`);
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  // One frame of the film, drawn apart from the page.
  still(step) {
    const { figure, kind, words, title } = this.data;
    const { stream } = this;
    const film = stream.film.get(kind ?? stream.kinds()[0]) ?? [];
    const frame = film.findLast((at) => at.step <= step) ?? film[0];
    const base = themed(boundLayout(figure.layout, frame, stream.told), this.root);
    const text = fill(words.step, { step: whole(step), total: whole(stream.started?.steps_total ?? step) });
    const corner = { text, x: 1, y: 1, xref: "paper", yref: "paper", xanchor: "right", yanchor: "bottom", yshift: 6, showarrow: false };
    const layout = { ...base, ...legend(base, title), autosize: false, width: WIDTH, height: HEIGHT, paper_bgcolor: background(this.root), annotations: [...(base.annotations ?? []), corner] };
    const data = named(figure.data.map((trace) => bound(trace, frame, stream.told, step)));
    return globalThis.Plotly.toImage({ data, layout }, { format: "webp", width: WIDTH, height: HEIGHT });
  }
}

// A reason that is meant for the visitor.
class Refused extends Error {}

function isFilm(kind) {
  return kind === "gif" || kind === "mp4";
}

// Evenly many of a list, the last one always.
function chosen(list, most) {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]);
}

// The legend has the traces that have a name and something to show.
function named(traces) {
  return traces.map((trace) => (trace.name && !isEmpty(trace) ? trace : { ...trace, showlegend: false }));
}

// As in print: names in a row above the plot, and a title if there is one.
function legend(layout, title) {
  const margin = { ...layout.margin, t: (layout.margin?.t ?? 8) + (title ? 56 : 32) };
  const heading = title ? { title: { text: title, x: 0.02, y: 0.98, yanchor: "top", font: { size: 15 } } } : {};
  return { showlegend: true, legend: { orientation: "h", traceorder: "normal", x: 0, xanchor: "left", y: 1, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" }, margin, ...heading };
}

// One file that works without a network; nothing in it can end the script it stands in.
function page(title, plotly, { data, layout }) {
  const figure = JSON.stringify({ data, layout: { ...layout, width: undefined, height: undefined, autosize: true }, config: { ...CONFIG, displayModeBar: true } },
    (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value));
  const head = element("title", "", title).outerHTML;
  return `<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">${head}
<style>html, body { margin: 0; height: 100%; background: ${layout.paper_bgcolor}; } #figure { height: 100vh; font-family: system-ui, sans-serif; }</style>
<script>${plotly.replace(/<(?=\/script|!--|script)/gi, "\\x3c")}</script></head>
<body><div id="figure"></div>
<script>const { data, layout, config } = ${figure.replaceAll("<", "\\u003c")};
Plotly.newPlot("figure", data, layout, config);</script></body></html>
`;
}

function file({ url, title, help, download }) {
  const item = element("li");
  const link = element("a", "gl-button", title);
  link.href = url;
  link.download = download ?? "";
  item.append(link);
  if (help) item.append(element("small", "", help));
  return item;
}

// A drawn canvas on a ground, as a data URL.
function opaque(drawn, ground) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [drawn.width, drawn.height];
  const context = canvas.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(drawn, 0, 0);
  return canvas.toDataURL("image/png");
}

function save(url, name) {
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
}
