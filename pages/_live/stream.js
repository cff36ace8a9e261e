// A run as the panels see it: fed by server-sent events, by polling, or by a recording that plays.
// All panels of a page share one stream for each run.

const CONNECT_WAIT = 2000; // ms until the stream counts as blocked and polling takes over
const PLAY_SECONDS = 6;
const REST_SECONDS = 2.5;
const LINGER = 3000; // ms an unwatched stream is kept: a rerun lets go and takes hold again
const RATE_WINDOW = 1.5; // seconds over which steps per second are measured

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
    this.frames = new Map(); // kind → latest frame
    this.notes = [];
    this.terminal = null;
    this.rank = null;
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
    columns.step.push(step);
    columns.epoch.push(epoch);
    columns.time.push(time);
    for (const [name, value] of Object.entries(values)) {
      (columns[name] ??= new Array(length).fill(null)).push(value);
    }
    for (const column of Object.values(columns)) if (column.length === length) column.push(null);
    this.count = length + 1;
  }

  // The latest frame of a kind, or of whichever kind there is.
  frame(kind) {
    return kind ? this.frames.get(kind) : this.frames.values().next().value;
  }

  // The value of a metric at the moment shown; final values once the run is done.
  value(name) {
    if (this.terminal && this.count === this.columns.step.length && this.terminal.data.metrics?.[name] != null) {
      return this.terminal.data.metrics[name];
    }
    const column = this.columns[name];
    return column ? column[this.count - 1] : null;
  }

  get step() {
    return this.count ? this.columns.step[this.count - 1] : 0;
  }

  // Steps per second over the last moments, or over the whole of a finished run.
  get rate() {
    const { step, time } = this.columns;
    const last = this.count - 1;
    if (this.terminal?.data.metrics?.seconds) return this.terminal.data.metrics.steps / this.terminal.data.metrics.seconds;
    let first = last;
    while (first > 0 && time[last] - time[first] < RATE_WINDOW) first -= 1;
    return last > first ? (step[last] - step[first]) / (time[last] - time[first]) : 0;
  }
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
    for (const type of ["queued", "started", "metric", "frame", "note", "artifact", ...TERMINAL]) {
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
    else if (type === "started") [this.state, this.started] = ["running", data];
    else if (type === "metric") {
      for (const row of data.before ?? []) this.addRow(row.step, row.epoch, row.time, row.values);
      this.addRow(step, data.epoch, time, data.values);
      if (data.memory != null) this.memory = data.memory;
    } else if (type === "frame") this.frames.set(data.kind, { step, data: data.data });
    else if (type === "note") {
      if (data.paused != null) this.state = data.paused ? "paused" : "running";
      else this.notes.push({ step, ...data });
    } else if (type !== "artifact") {
      [this.terminal, this.state] = [{ type, data }, type];
      this.events.close();
    }
  }

  close() {
    this.events.close();
    super.close();
  }
}

// A finished run. It shows its end at once, then plays from the start (once, or again and again)
// unless the visitor's system asks for reduced motion.
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
    this.history = history;
    this.started = history.started;
    this.terminal = history.terminal;
    this.notes = history.notes.filter((note) => note.paused == null);
    this.columns = history.metrics;
    this.state = history.terminal.type;
    this.show(Infinity);
    this.played = 0;
    if (!still.matches && this.source.play && history.frames.length > 1) this.play();
  }

  // The state at `step`: rows and frames up to it.
  show(step) {
    const steps = this.columns.step;
    let count = steps.length;
    while (count > 1 && steps[count - 1] > step) count -= 1;
    this.count = count;
    for (const frame of this.history.frames) {
      if (frame.step > step && this.frames.has(frame.kind)) break;
      this.frames.set(frame.kind, frame);
    }
    const latest = this.history.frames.findLast((frame) => frame.step <= step);
    this.latest = { ...this.latest, step: latest?.step ?? 0 };
    this.shownStep = Number.isFinite(step) ? step : this.history.terminal.data.metrics?.steps;
    this.changed();
  }

  play() {
    const { frames } = this.history;
    let elapsed = -REST_SECONDS;
    let before = null;
    const tick = (now) => {
      if (!streams.has(this.source.url)) return;
      if (this.watchers.size) elapsed += Math.min(0.1, (now - (before ?? now)) / 1000);
      before = now;
      const at = Math.floor((elapsed / PLAY_SECONDS) * frames.length);
      if (at >= frames.length) {
        this.show(Infinity);
        this.played += 1;
        if (this.source.play !== "loop") return;
        elapsed = -REST_SECONDS;
      } else if (at >= 0 && frames[at].step !== this.shownStep) {
        this.frames.clear();
        this.show(frames[at].step);
      }
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }
}
