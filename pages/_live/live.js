// Entry of the live view. Streamlit calls the component's default export (see __init__.py) again
// whenever its data changes; the panel of an element is made once and then only updated.

import { nothing, openStream } from "./stream.js";
import { Answer } from "./answer.js";
import { Blocks } from "./blocks.js";
import { Card } from "./card.js";
import { Curves } from "./curves.js";
import { Embedding } from "./embedding.js";
import { Exports } from "./exports.js";
import { Feed } from "./feed.js";
import { Fusion } from "./fusion.js";
import { Image } from "./image.js";
import { Maps } from "./maps.js";
import { Metrics } from "./metrics.js";
import { Mistakes } from "./mistakes.js";
import { Multiples } from "./multiples.js";
import { Network } from "./network.js";
import { Pad } from "./pad.js";
import { Picture } from "./picture.js";
import { Runs } from "./runs.js";
import { Status } from "./status.js";
import { Timeline } from "./timeline.js";
import { Useful } from "./useful.js";
import { Watch } from "./watch.js";
import { Webcam } from "./webcam.js";
import { Why } from "./why.js";

const PARTS = {
  answer: Answer, blocks: Blocks, card: Card, curves: Curves, embedding: Embedding, exports: Exports, feed: Feed, fusion: Fusion, image: Image, maps: Maps, metrics: Metrics, mistakes: Mistakes,
  multiples: Multiples, network: Network, pad: Pad, picture: Picture, runs: Runs, status: Status, timeline: Timeline, useful: Useful, watch: Watch, webcam: Webcam, why: Why,
};
const panels = new WeakMap();
const LONGEST_REST = 100; // milliseconds

export function mount(component) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".gallery-live");
  let panel = panels.get(root);
  if (!panel) {
    panel = new PARTS[data.part](root, component);
    panels.set(root, panel);
    [panel.attach, panel.detach] = attacher(root, panel);
  }
  panel.component = component;
  panel.update(data);
  panel.attach(data.source);
}

export function unmount(parentElement) {
  const root = parentElement.querySelector(".gallery-live");
  panels.get(root)?.detach();
  panels.get(root)?.release?.();
  for (const plot of root.querySelectorAll(".js-plotly-plot")) globalThis.Plotly.purge(plot);
  panels.delete(root);
}

// Keeps a panel subscribed to the stream of its source, and draws it at most once a video frame
// and, after the first time, only while it can be seen. While it follows a run it rests after each drawing
// as long as that took: sliders and events need the thread too. `draw` returns false if it has to wait.
function attacher(root, panel) {
  let key;
  let release = () => {};
  let scheduled = false;
  let visible = true;
  let missed = false;
  let begun = false;
  let restUntil = 0;
  let resting = null;
  const draw = () => {
    const start = performance.now();
    scheduled = false;
    if (!panel.stream) return;
    if (!visible && !panel.always && begun) { missed = true; return; }
    begun = panel.draw(panel.stream) !== false || begun;
    const { cursor, latest } = panel.stream;
    const step = cursor ?? latest.step;
    document.dispatchEvent(new CustomEvent("gallery:drawn", { detail: { part: panel.part, ...latest, step } }));
    const end = performance.now();
    restUntil = end + Math.min(end - start, LONGEST_REST);
  };
  const schedule = () => {
    const rest = panel.stream?.cursor == null ? restUntil - performance.now() : 0;
    if (resting && rest <= 0) { // a step was asked for meanwhile
      clearTimeout(resting);
      [resting, scheduled] = [null, false];
    }
    if (scheduled) return;
    scheduled = true;
    if (rest > 0) resting = setTimeout(() => { resting = null; requestAnimationFrame(draw); }, rest);
    else requestAnimationFrame(draw);
  };
  panel.schedule = schedule;
  new IntersectionObserver(([entry]) => {
    visible = entry.isIntersecting;
    panel.stream?.seen(panel, visible);
    if (visible && missed) { missed = false; schedule(); }
  }).observe(root);
  const attach = (source) => {
    const wanted = source ? JSON.stringify(source) : null;
    if (wanted === key) { schedule(); return; }
    release();
    key = wanted;
    const stream = source ? openStream(source) : nothing;
    const stop = stream.subscribe(schedule);
    stream.seen(panel, visible);
    panel.stream = stream;
    release = () => { stream.seen(panel, false); stop(); };
    panel.reset?.();
    schedule();
  };
  const detach = () => { release(); panel.stream = null; };
  return [attach, detach];
}
