// A run as the panels see it: fed by server-sent events, by polling, or by a recording that plays.
// All panels of a page share one stream for each run. A stream is a time machine: it keeps its
// frames, and shows the step of its `cursor` (null: the latest).
//
// source: { kind: "run", id, url, history } | { kind: "recording", url, play: "" | "once" | "loop", id? }
// `history` is the address of what a page that came late has missed; `id` is what forks name.

const CONNECT_WAIT = 2000; // ms until the stream counts as blocked and polling takes over
const PLAY_SECONDS = 6;
const REST_SECONDS = 2.5;
const LINGER = 3000; // ms an unwatched stream is kept: a rerun lets go and takes hold again
const RATE_WINDOW = 1.5; // seconds over which steps per second are measured
const FRAMES = 600; // of a kind; beyond, every other passing one is let go
const ASK_AGAIN = 1000; // ms until a history that was not there yet is asked for once more

const TERMINAL = new Set(["done", "failed", "cancelled", "timeout", "lost"]);

const streams = (globalThis.galleryStreams ??= new Map());
const still = matchMedia("(prefers-reduced-motion: reduce)");

export function openStream(source) {
  const key = source.url;
  if (!streams.has(key)) streams.set(key, source.kind === "run" ? new RunStream(source) : new Recording(source));
  return streams.get(key);
}

class Stream {
  constructor(source) {
    this.source = source;
    this.listeners = new Set();
    this.watchers = new Set();
    this.clear();
  }

  clear() {
    this.state = "connecting";
    this.started = null;
    this.columns = { step: [], epoch: [], time: [] };
    this.count = 0; // rows of the columns that are shown
    this.film = new Map(); // kind → all its frames, by step
    this.frames = new Map(); // kind → the frame that is shown
    this.cursor = null; // the step that is shown; null: the latest
    this.playing = null;
    this.filled = 0; // how often rows were put between others, so that curves are drawn anew
    this.notes = [];
    this.terminal = null;
    this.rank = null;
    this.preparing = null; // what comes before the start: { text, share }
    this.memory = null;
    this.latest = { seq: 0, step: 0, time: 0 };
  }

  subscribe(listener) {
    clearTimeout(this.lingering);
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      if (!this.listeners.size) this.lingering = setTimeout(() => this.close(), LINGER);
    };
  }

  seen(panel, visible) {
    if (visible) this.watchers.add(panel);
    else this.watchers.delete(panel);
  }

  changed() {
    for (const listener of this.listeners) listener();
  }

  close() {
    streams.delete(this.source.url);
  }

  addRow(step, epoch, time, values) {
    const { columns } = this;
    const length = columns.step.length;
    if (length && step === columns.step.at(-1)) { // measured once more
      for (const [name, value] of Object.entries(values)) (columns[name] ??= new Array(length).fill(null))[length - 1] = value;
      this.filled += 1;
      return;
    }
    if (length && step <= columns.step.at(-1)) { // a history was quicker than the events
      const row = { step, epoch, time, ...values };
      this.addRows(Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value]])));
      return;
    }
    columns.step.push(step);
    columns.epoch.push(epoch);
    columns.time.push(time);
    for (const [name, value] of Object.entries(values)) {
      (columns[name] ??= new Array(length).fill(null)).push(value);
    }
    for (const column of Object.values(columns)) if (column.length === length) column.push(null);
    if (this.cursor == null || step <= this.cursor) this.count = length + 1;
  }

  // Puts rows that are not there yet between the others.
  addRows(columns) {
    const known = new Set(this.columns.step);
    const rows = columns.step.flatMap((step, row) => (known.has(step) ? [] : [row]));
    if (!rows.length) return;
    this.columns = merged(this.columns, columns, rows);
    this.filled += 1;
    this.recount();
  }

  recount() {
    const steps = this.columns.step;
    this.count = steps.length;
    while (this.cursor != null && this.count > 1 && steps[this.count - 1] > this.cursor) this.count -= 1;
  }

  // Files a frame at its place. One that is there already stays the same object, unless the run
  // shows that step anew (weights were set by hand).
  addFrame(frame, anew = false) {
    const { kind, step, kept } = frame;
    if (!this.film.has(kind)) this.film.set(kind, []);
    let frames = this.film.get(kind);
    let at = frames.length;
    while (at && frames[at - 1].step > step) at -= 1;
    if (at && frames[at - 1].step === step) {
      if (anew) frames[at - 1] = { ...frame, kept: kept || frames[at - 1].kept };
      else frames[at - 1].kept ||= kept;
    } else frames.splice(at, 0, frame);
    if (frames.length > FRAMES) this.film.set(kind, (frames = thinned(frames)));
    if (this.cursor == null) this.frames.set(kind, frames.at(-1));
    else if (step <= this.cursor || frames.length === 1) this.frames.set(kind, before(frames, this.cursor));
    this.stepList = null;
  }

  // The frame shown of a kind, or of the main one.
  frame(kind) {
    return this.frames.get(kind ?? this.kinds()[0]);
  }

  // The kinds that follow the training; others come once, at its end.
  kinds() {
    const many = [...this.film.keys()].filter((kind) => this.film.get(kind).length > 1);
    return many.length ? many : [...this.film.keys()];
  }

  // The steps that have a picture, in order.
  steps() {
    this.stepList ??= [...new Set(this.kinds().flatMap((kind) => this.film.get(kind).map(({ step }) => step)))].sort((a, b) => a - b);
    return this.stepList;
  }

  // Where a fork would begin: the last kept frame up to the step shown.
  keptStep() {
    const kept = this.kinds().flatMap((kind) => this.film.get(kind)).filter((frame) => frame.kept && frame.step <= (this.cursor ?? Infinity));
    return kept.length ? Math.max(...kept.map(({ step }) => step)) : null;
  }

  seek(step) {
    this.playing = null;
    this.show(step);
  }

  follow() {
    this.seek(null);
  }

  // The state at `step`: rows and frames up to it.
  show(step) {
    this.cursor = step;
    this.recount();
    for (const [kind, frames] of this.film) this.frames.set(kind, before(frames, step ?? Infinity));
    this.changed();
  }

  togglePlay() {
    if (!this.playing) this.play();
    else {
      this.playing = null;
      this.changed();
    }
  }

  // From the step shown (or from the start) through the frames to the end.
  play({ rest = 0, loop = false } = {}) {
    const playing = (this.playing = {});
    let at = this.cursor == null ? 0 : this.steps().findLastIndex((step) => step <= this.cursor);
    if (at >= this.steps().length - 1) at = 0;
    let wait = rest, last = null;
    const tick = (now) => {
      if (this.playing !== playing || streams.get(this.source.url) !== this) return;
      const passed = this.watchers.size && last != null ? Math.min(0.1, (now - last) / 1000) : 0;
      last = now;
      const steps = this.steps();
      if (wait > 0) wait -= passed;
      else at += (passed / PLAY_SECONDS) * steps.length;
      if (at >= steps.length) {
        if (!loop) return this.follow();
        [at, wait] = [0, rest];
        this.show(null);
      } else if (wait <= 0 && steps[Math.floor(at)] !== this.cursor) this.show(steps[Math.floor(at)]);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
    this.changed();
  }

  // Whether what is shown is all there is.
  get atEnd() {
    return this.count === this.columns.step.length;
  }

  // The value of a metric at the moment shown; final values once the run is done.
  value(name) {
    const final = this.atEnd ? this.terminal?.data.metrics?.[name] : null;
    return final ?? this.columns[name]?.[this.rowOf(name)] ?? null;
  }

  // The last row, up to the moment shown, that has this metric: not every one measures everything.
  rowOf(name) {
    const column = this.columns[name] ?? [];
    let row = this.count - 1;
    while (row > 0 && column[row] == null) row -= 1;
    return row;
  }

  // The earlier step at which the value shown of a metric was measured; null if at the moment shown.
  measuredBefore(name) {
    const row = this.rowOf(name);
    return this.cursor == null || this.atEnd || row === this.count - 1 ? null : this.columns.step[row];
  }

  // The step that is shown.
  get step() {
    return this.cursor ?? this.reached;
  }

  // How far the run has come.
  get reached() {
    return this.columns.step.at(-1) ?? 0;
  }

  // What is the same in every frame: told at the start, or (what other methods reach) at the end.
  get told() {
    return { arrays: { ...this.started?.arrays, ...this.frames.get("baselines")?.data } };
  }

  // Steps per second over the last moments, or over the whole of a finished run.
  get rate() {
    const { step, time } = this.columns;
    const last = step.length - 1;
    if (this.terminal?.data.metrics?.seconds) return this.terminal.data.metrics.steps / this.terminal.data.metrics.seconds;
    let first = last;
    while (first > 0 && time[last] - time[first] < RATE_WINDOW) first -= 1;
    return last > first ? (step[last] - step[first]) / (time[last] - time[first]) : 0;
  }
}

// The latest frame up to a step; the first one if all come later.
function before(frames, step) {
  return frames.findLast((frame) => frame.step <= step) ?? frames[0];
}

// Every other one of the frames that need not be kept.
function thinned(frames) {
  let passing = 0;
  return frames.filter((frame, i) => frame.kept || i === frames.length - 1 || (passing += 1) % 2);
}

// What panels show while there is no run: untrained.
class Nothing extends Stream {
  constructor() {
    super({ kind: "nothing", url: "" });
    this.state = "idle";
  }
}

export const nothing = new Nothing();

class RunStream extends Stream {
  constructor(source) {
    super(source);
    this.polling = false;
    this.chain = Promise.resolve();
    this.connect();
  }

  connect() {
    const events = (this.events = new EventSource(this.source.url));
    const timer = setTimeout(() => this.fallBack(), CONNECT_WAIT);
    events.onopen = () => clearTimeout(timer);
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return; // the browser reconnects by itself
      clearTimeout(timer);
      if (!this.terminal) this.fallBack();
    };
    for (const type of ["queued", "progress", "started", "metric", "frame", "note", "artifact", ...TERMINAL]) {
      events.addEventListener(type, (message) => this.receive(JSON.parse(message.data)));
    }
  }

  fallBack() {
    this.events.close();
    this.polling = true;
    this.changed();
  }

  // A large event comes as an address; order is kept, and one that is gone meanwhile is passed over.
  receive(event) {
    this.chain = this.chain.then(async () => {
      const response = event.url ? await fetch(event.url) : null;
      if (!response || response.ok) this.ingest([response ? await response.json() : event]);
    }).catch(() => {}); // a picture that could not be fetched is passed over
  }

  // Events by stream or by polling; an event that was seen already is passed over.
  ingest(events) {
    for (const event of events) {
      // A stored run is numbered anew, so its end may come with a number already seen.
      if (this.terminal || (event.seq <= this.latest.seq && !TERMINAL.has(event.type))) continue;
      this.take(event);
      this.latest = { seq: event.seq, step: event.step ?? this.latest.step, time: event.time };
    }
    this.changed();
  }

  take({ type, step, time, data }) {
    if (type === "queued") [this.state, this.rank] = ["queued", data.rank];
    else if (type === "progress") [this.state, this.preparing] = ["preparing", data];
    else if (type === "started") [this.state, this.started] = ["running", data];
    else if (type === "metric") {
      const rows = data.before ?? [];
      if (!this.columns.step.length && (rows[0]?.step ?? step) > 0) this.complete();
      for (const row of rows) this.addRow(row.step, row.epoch, row.time, row.values);
      this.addRow(step, data.epoch, time, data.values);
      if (data.memory != null) this.memory = data.memory;
    } else if (type === "frame") this.addFrame({ kind: data.kind, step, data: data.data, kept: Boolean(data.kept) }, true);
    else if (type === "note") {
      if (data.paused != null) this.state = data.paused ? "paused" : "running";
      else this.notes.push({ step, ...data });
    } else if (type !== "artifact") {
      [this.terminal, this.state] = [{ type, data }, type];
      this.events.close();
      this.complete();
    }
  }

  // Fetches what this page has missed: it came late, or frames were too quick to be sent.
  async complete() {
    if (!this.source.history) return;
    for (const wait of [0, ASK_AGAIN]) {
      if (wait) await new Promise((resume) => setTimeout(resume, wait));
      const response = await fetch(this.source.history).catch(() => null);
      const history = response?.ok ? await response.json().catch(() => null) : null;
      if (history) return this.merge(history);
    }
  }

  merge({ started, metrics, frames }) {
    this.started ??= begun(started);
    this.addRows(metrics);
    for (const frame of frames) this.addFrame({ ...frame, kept: !frame.passing });
    this.show(this.cursor);
  }

  close() {
    this.events.close();
    super.close();
  }
}

// A history of a run that waits has an empty start.
function begun(started) {
  return started?.device ? started : null;
}

// Two sets of columns as one by step; of the second only some rows.
function merged(mine, theirs, rows) {
  const length = mine.step.length;
  const joined = (name) => [...(mine[name] ?? new Array(length).fill(null)), ...rows.map((row) => theirs[name]?.[row] ?? null)];
  const step = joined("step");
  const order = step.map((_, i) => i).sort((a, b) => step[a] - step[b]);
  const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
  return Object.fromEntries([...names].map((name) => {
    const column = joined(name);
    return [name, order.map((i) => column[i])];
  }));
}

// A run from the store. It shows its end at once, then plays from the start (once, or again and
// again) unless the visitor's system asks for reduced motion.
class Recording extends Stream {
  constructor(source) {
    super(source);
    this.load();
  }

  async load() {
    let history;
    try {
      const response = await fetch(this.source.url);
      if (!response.ok) throw new Error(response.status);
      history = await response.json();
    } catch {
      this.state = "missing";
      this.changed();
      return;
    }
    this.started = begun(history.started);
    this.terminal = history.terminal;
    this.notes = history.notes.filter((note) => note.paused == null);
    this.columns = history.metrics;
    this.state = history.terminal?.type ?? "running";
    for (const frame of history.frames) this.addFrame({ ...frame, kept: !frame.passing });
    this.latest = { ...this.latest, step: this.steps().at(-1) ?? 0 };
    this.show(this.cursor);
    const { play } = this.source;
    if (!still.matches && play && this.steps().length > 1) this.play({ rest: REST_SECONDS, loop: play === "loop" });
  }
}
