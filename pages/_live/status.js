// The status line, and the script reruns that a run asks for: at its end, and when it leaves the queue.

import { fill, seconds, whole } from "./format.js";
import { labelKeys, listenToKeys } from "./keys.js";

export class Status {
  part = "status";
  always = true; // the script waits for it

  constructor(root) {
    root.innerHTML = `<span class="gl-chip"></span>`;
    this.chip = root.firstChild;
    listenToKeys();
  }

  update(data) {
    this.words = data.words;
    // A run restored has ended long ago: one more rerun could overtake the settings on their way to the sliders.
    if (data.told) this.toldEnd = data.source.url;
  }

  draw(stream) {
    this.chip.textContent = this.line(stream);
    this.chip.title = this.chip.textContent;
    this.chip.dataset.state = stream.state;
    labelKeys(this.words);
    if (stream.source.kind !== "run") return;
    if (stream.state === "queued") this.queued = stream.source.id;
    else if ((stream.started || stream.preparing) && this.queued === stream.source.id) {
      this.queued = null;
      this.component.setTriggerValue("begun", stream.source.id);
    }
    if (stream.polling && this.toldPolling !== stream.source.id) {
      this.toldPolling = stream.source.id;
      this.component.setStateValue("polling", stream.source.id);
    }
    if (stream.terminal && this.toldEnd !== stream.source.url) {
      this.toldEnd = stream.source.url;
      this.component.setTriggerValue("ended", stream.source.id);
    }
  }

  line(stream) {
    const { words } = this;
    if (stream.state === "queued") return fill(words.queued, { rank: stream.rank });
    if (stream.state === "preparing") return `${stream.preparing.text} · ${Math.round(100 * stream.preparing.share)} %`;
    if (!stream.started) return words[stream.state] ?? words.connecting;
    const total = stream.started.steps_total;
    const rate = stream.rate;
    const parts = [stream.started.device.toUpperCase()];
    if (rate) parts.push(fill(words.rate, { rate: whole(rate) }));
    parts.push(fill(words.step, { step: whole(stream.step), total: whole(total) }));
    if (stream.memory != null) parts.push(fill(words.memory, { memory: whole(stream.memory) }));
    if (stream.state === "running" && rate) parts.push(fill(words.left, { time: seconds((total - stream.reached) / rate) }));
    else if (stream.source.kind !== "run") parts.unshift(words.recorded);
    else parts.push(words[stream.state] ?? "");
    return parts.filter(Boolean).join(" · ");
  }
}
