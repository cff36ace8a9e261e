// Ask why: one picture, one model, and ways to see how the answer came about. Each way asks the HTTP API
// straight from the browser: one question at a time, always the newest, and what is known already is not
// asked again.
//
// data: { url, model, picture (rows), about, label (its class, or null), asked, begin, classes, ways?, height, words, maps }
// ways: those that its models know, the first one to begin with; without it, all
// asked: another number for each new question, which then comes into sight and begins with
//   `begin` { method, stage, channel }; maps: the words of the feature maps
// trigger: asked → { number, method }, a training picture that shall be asked about

import { Alike } from "./alike.js";
import { Bars, best, percent } from "./bars.js";
import { Blame } from "./blame.js";
import { element, fill } from "./format.js";
import { Fool } from "./fool.js";
import { surroundings } from "./heat.js";
import { paintRows } from "./rows.js";
import { Stepper } from "./stepper.js";
import { Through } from "./through.js";

const WAYS = { maps: Through, convolution: Stepper, "grad-cam": Blame, "integrated-gradients": Blame, occlusion: Blame, similar: Alike, fool: Fool };
const ALONE = new Set(["maps"]); // shows the picture and its answer itself
const NARROW = 760; // px: below it, top to bottom
const LATE = 20_000; // ms until a question counts as lost
const PATIENCE = 250; // ms until it is said that something is asked
const RETRY = { first: 500, longest: 4000, times: 8 };
const KEPT = 60; // answers about one picture

let seen; // the last question that came into sight, on whatever page

export class Why {
  part = "why";

  constructor(root) {
    root.innerHTML = `<div class="gl-why">
      <div class="gl-why-head"><div class="gl-ways" role="group"></div><p class="gl-told" role="status"></p></div>
      <div class="gl-why-body">
        <aside><figure><canvas role="img"></canvas><figcaption></figcaption></figure>
          <p class="gl-verdict" role="status"><b></b><span></span></p><ul></ul></aside>
        <section></section>
      </div>
    </div>`;
    const find = (name) => root.querySelector(name);
    this.root = root;
    Object.assign(this, { box: find(".gl-why"), ways: find(".gl-ways"), picture: find("aside canvas"), caption: find("figcaption"), verdict: find(".gl-verdict"), place: find("section"), told: find(".gl-told") });
    this.bars = new Bars(find("ul"));
    this.buttons = Object.keys(WAYS).map((method) => {
      const button = element("button", "gl-way");
      Object.assign(button, { type: "button" });
      button.dataset.way = method;
      button.onclick = () => this.choose(method);
      return button;
    });
    this.ways.append(...this.buttons);
    this.views = {};
    this.forget();
    this.observer = new ResizeObserver(() => this.size());
    this.observer.observe(this.box);
  }

  update(data) {
    const { words, model, url, picture, asked } = data;
    const key = JSON.stringify([url, model, picture]);
    const other = key !== this.key;
    const lookKey = JSON.stringify([surroundings(this.root), data.words, data.classes]);
    if (lookKey !== this.lookKey) {
      this.look = surroundings(this.root);
      this.lookKey = lookKey;
      for (const view of Object.values(this.views)) view.release?.();
      this.views = {};
    }
    Object.assign(this, { data, key });
    this.ways.setAttribute("aria-label", words.ways);
    this.known = data.ways ?? Object.keys(WAYS);
    for (const button of this.buttons) {
      button.textContent = words[button.dataset.way];
      button.hidden = !this.known.includes(button.dataset.way);
    }
    this.box.style.setProperty("--height", `${data.height}px`);
    this.bars.make(data.classes, words.answer, data.label == null ? "" : words.truth);
    this.caption.textContent = data.about;
    this.picture.setAttribute("aria-label", [words.picture, data.about].join(": "));
    if (other) {
      paintRows(this.picture, picture);
      this.forget();
      for (const view of Object.values(this.views)) view.fresh?.();
    }
    this.size();
    const anew = asked !== this.asked;
    if (anew) this.begin(data.begin ?? {});
    else this.choose(this.method);
    if (anew && asked && asked !== seen) {
      [seen, this.arriving] = [asked, true];
      this.arrive();
    }
  }

  // Into sight at once, and once more when the answer has made it as high as it is.
  arrive() {
    requestAnimationFrame(() => this.root.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  }

  begin({ method, ...rest }) {
    this.asked = this.data.asked;
    this.open(this.known.includes(method) ? method : (this.method ?? this.known[0]), rest);
  }

  // Nothing that is known or under way counts any more.
  forget() {
    this.asking?.abort.abort();
    clearTimeout(this.waiting);
    this.answers = new Map();
    this.asking = this.waiting = null;
    this.failures = 0;
    if (this.data) this.say(null);
  }

  // It follows no run.
  draw() {}

  release() {
    this.gone = true;
    this.forget();
    clearTimeout(this.busy);
    this.observer.disconnect();
    for (const view of Object.values(this.views)) view.release?.();
  }

  size() {
    const width = this.box.clientWidth;
    if (!this.data || !width) return;
    this.box.dataset.narrow = String(width < NARROW);
    this.views[this.method]?.size?.();
  }

  // Ways ----------------------------------------------------------------------------------------

  choose(method) {
    this.open(method, {});
  }

  open(method, begin) {
    this.method = method;
    this.box.dataset.way = method;
    this.box.dataset.alone = String(ALONE.has(method));
    for (const button of this.buttons) {
      const chosen = button.dataset.way === method;
      button.setAttribute("aria-pressed", String(chosen));
      if (chosen) this.ways.scrollLeft = button.offsetLeft - this.ways.offsetLeft - (this.ways.clientWidth - button.offsetWidth) / 2;
    }
    const view = (this.views[method] ??= new WAYS[method](this, method));
    if (this.place.firstChild !== view.box) {
      for (const other of Object.values(this.views)) if (other !== view) other.rest?.();
      this.place.replaceChildren(view.box);
    }
    if (Object.keys(begin).length) view.begin?.(begin);
    view.size?.();
    clearTimeout(this.waiting); // somebody wants to know now
    this.waiting = null;
    this.failures = 0;
    this.ask();
  }

  get view() {
    return this.views[this.method];
  }

  // Asking --------------------------------------------------------------------------------------

  // Called by a view whose options have changed, too.
  ask() {
    if (this.gone) return;
    const question = { method: this.method, options: this.view.options() };
    const key = JSON.stringify(question);
    const known = this.answers.get(key);
    if (this.asking && this.asking.method !== question.method) { // nobody waits for it any more
      this.asking.abort.abort();
      this.asking = null;
    }
    if (known) {
      this.settle("");
      this.take(known);
      return;
    }
    if (this.asking || this.waiting) return; // then the newest is asked
    this.send(question, key);
  }

  async send(question, key) {
    const abort = new AbortController();
    const asking = (this.asking = { abort, method: question.method, key });
    clearTimeout(this.busy);
    this.busy = setTimeout(() => { if (this.asking === asking) this.settle(this.data.words.asking, "asking"); }, PATIENCE);
    const lost = setTimeout(() => abort.abort(), LATE);
    const told = await this.answered(question, abort.signal).catch(() => ({ failure: this.data.words.offline, again: true }));
    clearTimeout(lost);
    if (this.asking !== asking) return; // forgotten meanwhile
    this.asking = null;
    clearTimeout(this.busy);
    if (told.again) { this.again(told); return; }
    this.failures = 0;
    if (told.answer) this.keep(key, told.answer);
    const wanted = JSON.stringify({ method: this.method, options: this.view.options() });
    if (told.failure && wanted === key) { this.settle(told.failure, "failed"); this.view.failed?.(); return; }
    if (told.answer && wanted !== key) this.take(told.answer); // on the way to the newest
    this.ask();
  }

  async answered({ method, options }, signal) {
    const { url, model, picture, words } = this.data;
    const body = JSON.stringify({ model, method, input: picture, options });
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body, signal });
    if (response.ok) return { answer: await response.json() };
    const after = Number(response.headers.get("retry-after")) || 0;
    if (response.status === 429) return { failure: words.busy, again: true, after };
    if (response.status >= 500) return { failure: words.unavailable, again: true, after };
    const message = (await response.json().catch(() => null))?.error?.message;
    return { failure: message ?? words.gave_up };
  }

  // Later again what could not be answered, as long as somebody may still wait.
  again({ failure, after = 0 }) {
    this.failures += 1;
    if (this.failures > RETRY.times) { this.settle(this.data.words.gave_up, "failed"); return; }
    this.settle(failure, "failed");
    const wait = Math.min(RETRY.longest, Math.max(1000 * after, RETRY.first * 2 ** (this.failures - 1)));
    this.waiting = setTimeout(() => { this.waiting = null; this.ask(); }, wait);
  }

  keep(key, answer) {
    if (this.answers.size >= KEPT) this.answers.delete(this.answers.keys().next().value);
    this.answers.set(key, answer);
  }

  // What is under way, or went wrong, in words; nothing once all is well.
  settle(text, state = "") {
    this.told.textContent = text;
    this.told.classList.toggle("gl-bad", state === "failed");
    this.box.dataset.state = state;
  }

  take(answer) {
    this.say(answer);
    if (answer.method !== this.method) return;
    this.view.show(answer);
    if (this.arriving) this.arrive();
    this.arriving = false;
  }

  // The answer beside the picture; in words whether it is right: colour alone does not say it.
  say(answer) {
    const { classes, label, words } = this.data;
    const [name, how] = this.verdict.children;
    const shares = answer?.probabilities;
    const sure = shares && percent(shares[best(shares)]);
    name.textContent = answer ? classes[answer.output] : "";
    how.textContent = !answer ? "" : label == null ? fill(words.sure, { percent: sure }) : answer.output === label ? fill(words.right, { percent: sure }) : fill(words.wrong, { name: classes[label] });
    this.verdict.dataset.right = String(!answer || label == null || answer.output === label);
    this.bars.show(shares ?? null, { truth: label ?? -1 });
  }
}
