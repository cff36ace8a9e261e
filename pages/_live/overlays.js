// Other runs drawn thinly over this one: pinned ones, and the run that a fork has left.
// data.overlays: [{ url, title, color }], `url` being that of a history.

import { openStream } from "./stream.js";

export class Overlays {
  constructor(changed) {
    this.changed = changed;
    this.held = new Map(); // url → { stream, stop }
    this.list = [];
  }

  update(list = []) {
    this.list = list;
    const wanted = new Set(list.map(({ url }) => url));
    for (const [url, { stop }] of this.held) {
      if (wanted.has(url)) continue;
      stop();
      this.held.delete(url);
    }
    for (const url of wanted) {
      if (this.held.has(url)) continue;
      const stream = openStream({ kind: "recording", url, play: "" });
      this.held.set(url, { stream, stop: stream.subscribe(this.changed) });
    }
  }

  // Those that are there: title, colour, stream.
  get ready() {
    return this.list.map((entry) => ({ ...entry, stream: this.held.get(entry.url).stream })).filter(({ stream }) => stream.started);
  }

  // Changes when what is drawn of them has to change.
  get key() {
    return this.ready.map(({ url, title, color }) => `${url} ${title} ${color}`).join("\n");
  }

  release() {
    this.update([]);
  }
}
