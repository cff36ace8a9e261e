// The status line, the keys of the bar, and the one script rerun at a run's end.

import { fill, seconds, whole } from "./format.js";

const KEYS = { " ": "bar_main", ArrowRight: "bar_step", r: "bar_reset", R: "bar_reset" };
const LABELS = { ArrowRight: "→", r: "R", R: "R" };

export class Status {
  part = "status";

  constructor(root) {
    root.innerHTML = `<span class="gl-chip"></span>`;
    this.chip = root.firstChild;
    listenToKeys();
  }

  update(data) {
    this.words = data.words;
  }

  draw(stream) {
    this.chip.textContent = this.line(stream);
    this.chip.title = this.chip.textContent;
    this.chip.dataset.state = stream.state;
    for (const [key, name] of Object.entries(KEYS)) {
      document.querySelector(`.st-key-${name} button`)?.setAttribute("title", fill(this.words.key, { key: LABELS[key] ?? this.words.space }));
    }
    if (stream.source.kind !== "run") return;
    if (stream.polling && !this.toldPolling) {
      this.toldPolling = true;
      this.component.setStateValue("polling", true);
    }
    if (stream.terminal && this.toldEnd !== stream.source.url) {
      this.toldEnd = stream.source.url;
      this.component.setTriggerValue("ended", stream.source.id);
    }
  }

  line(stream) {
    const { words } = this;
    if (stream.state === "queued") return fill(words.queued, { rank: stream.rank });
    if (!stream.started) return words[stream.state] ?? words.connecting;
    const total = stream.started.steps_total;
    const rate = stream.rate;
    const parts = [stream.started.device.toUpperCase()];
    if (rate) parts.push(fill(words.rate, { rate: whole(rate) }));
    parts.push(fill(words.step, { step: whole(stream.step), total: whole(total) }));
    if (stream.memory != null) parts.push(fill(words.memory, { memory: whole(stream.memory) }));
    if (stream.state === "running" && rate) parts.push(fill(words.left, { time: seconds((total - stream.step) / rate) }));
    else if (stream.source.kind !== "run") parts.unshift(words.recorded);
    else parts.push(words[stream.state] ?? "");
    return parts.filter(Boolean).join(" · ");
  }
}

// Space, → and R press the bar's buttons, unless the visitor is typing or on a control.
function listenToKeys() {
  if (globalThis.galleryKeys) return;
  globalThis.galleryKeys = true;
  document.addEventListener("keydown", (event) => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    const on = event.composedPath()[0];
    if (on.closest?.("input, textarea, select, button, a, [contenteditable], [role=slider], [role=combobox], [role=radio]")) return;
    const button = document.querySelector(`.st-key-${name} button:not(:disabled)`);
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.click();
  }, true);
}
