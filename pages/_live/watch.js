// What a network says to what the visitor's camera sees, again and again: one question at a time, each with the newest
// picture, straight to the HTTP API. It rests while nobody can see it.
//
// data: { url, model, side (of the pictures, in pixels), classes, height, words }
// url: where to ask, with { model, inputs: [{ png: base64 of a JPEG }] }; model: a checkpoint or a run
// words: those of camera.js, and nothing (before the first answer), unknown, answer (what the bars are), rate
//   ("{count} a second"), busy (429), unavailable (5xx), offline

import { Bars, best, percent } from "./bars.js";
import { Camera } from "./camera.js";
import { fill } from "./format.js";

const APART = 80; // ms between questions, at least
const LATE = 10_000; // ms until a question counts as lost
const RETRY = { first: 500, longest: 8000 }; // ms
const MEASURED = 2000; // ms of answers that the rate is taken from
const NARROW = 520;

export class Watch {
  part = "watch";

  constructor(root) {
    root.innerHTML = `<div class="gl-pad gl-watch">
        <div class="gl-pad-draw"><div></div></div>
        <div class="gl-pad-says">
          <p class="gl-verdict"><b></b><span></span></p>
          <ul></ul>
          <div class="gl-pad-foot"><span></span><p class="gl-told gl-bad" role="status"></p></div>
        </div>
      </div>`;
    const find = (name) => root.querySelector(name);
    Object.assign(this, { box: find(".gl-pad"), verdict: find(".gl-verdict"), told: find(".gl-told"), rate: find(".gl-pad-foot span") });
    this.bars = new Bars(find("ul"));
    this.camera = new Camera(find(".gl-pad-draw > div"), () => { this.forget(); this.say(); this.ask(); });
    this.forget();
    this.sizes = new ResizeObserver(() => this.size());
    this.sizes.observe(this.box);
    this.sight = new IntersectionObserver((entries) => { this.seen = entries.at(-1).isIntersecting; this.ask(); });
    this.sight.observe(this.box);
  }

  update(data) {
    const other = this.data && (data.model !== this.data.model || data.url !== this.data.url);
    this.data = data;
    this.camera.update(data.words);
    this.bars.make(data.classes, data.words.answer);
    if (other) this.forget();
    this.size();
    this.say();
    this.ask();
  }

  // It follows no run.
  draw() {}

  release() {
    this.sizes.disconnect();
    this.sight.disconnect();
    this.camera.release();
    this.forget();
  }

  size() {
    const width = this.box.clientWidth;
    if (!this.data || !width) return;
    this.box.dataset.narrow = String(width < NARROW);
    this.box.style.setProperty("--side", `${Math.min(width, this.data.height)}px`);
    this.box.style.setProperty("--height", `${this.data.height}px`);
  }

  // Asking --------------------------------------------------------------------------------------

  // Nothing that is under way counts any more: the camera was turned on or off, or it is another model.
  forget() {
    this.asking?.abort();
    clearTimeout(this.waiting);
    this.asking = this.waiting = this.answer = null;
    this.failure = "";
    this.failures = 0;
    this.refused = false;
    this.times = [];
  }

  async ask() {
    if (this.asking || this.waiting || this.refused || !this.seen || !this.camera.on) return;
    const picture = this.camera.picture(this.data.side);
    const begun = performance.now();
    if (!picture) { this.rest(APART); return; }
    const asking = (this.asking = new AbortController());
    const lost = setTimeout(() => asking.abort(), LATE);
    const told = await this.question(picture, asking.signal).catch(() => ({ failure: this.data.words.offline, again: true }));
    clearTimeout(lost);
    if (this.asking !== asking) return; // forgotten meanwhile
    this.asking = null;
    this.take(told);
    this.say();
    this.rest(told.again ? this.delay(told) : APART - (performance.now() - begun));
  }

  rest(wait) {
    this.waiting = setTimeout(() => { this.waiting = null; this.ask(); }, Math.max(0, wait));
  }

  async question(picture, signal) {
    const { url, model, words } = this.data;
    const body = JSON.stringify({ model, inputs: [{ png: picture }] });
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
    if (response.ok) {
      const { probabilities, known } = await response.json();
      return { answer: { shares: probabilities[0], known: known?.[0] ?? true } };
    }
    const after = Number(response.headers.get("retry-after")) || 0;
    if (response.status === 429) return { failure: words.busy, again: true, after };
    if (response.status >= 500) return { failure: words.unavailable, again: true, after };
    const message = (await response.json().catch(() => null))?.error?.message;
    return { failure: message ?? words.unavailable };
  }

  take({ answer, failure = "", again = false }) {
    this.failure = failure;
    this.failures = again ? this.failures + 1 : 0;
    this.refused = !answer && !again; // it would be refused again
    if (!answer) { this.times = []; return; }
    this.answer = answer;
    const now = performance.now();
    this.times = [...this.times.filter((time) => now - time < MEASURED), now];
  }

  // ms until it asks again after a failure.
  delay({ after = 0 }) {
    return Math.max(1000 * after, Math.min(RETRY.longest, RETRY.first * 2 ** (this.failures - 1)));
  }

  // Telling -------------------------------------------------------------------------------------

  say() {
    const { answer, data: { words, classes }, verdict } = this;
    const [name, sure] = verdict.children;
    const known = Boolean(answer?.known);
    const winner = known ? best(answer.shares) : -1;
    name.textContent = !answer ? "" : known ? classes[winner] : words.unknown;
    sure.textContent = !answer ? words.nothing : known ? percent(answer.shares[winner]) : "";
    verdict.dataset.known = String(known);
    this.bars.show(answer?.shares ?? null, { quiet: !known });
    this.box.dataset.stale = String(Boolean(this.failure));
    this.told.textContent = this.failure;
    this.rate.textContent = this.times.length > 1 ? fill(words.rate, { count: perSecond(this.times) }) : "";
  }
}

function perSecond(times) {
  const rate = (1000 * (times.length - 1)) / (times.at(-1) - times[0]);
  return rate.toFixed(rate < 2 ? 1 : 0);
}
