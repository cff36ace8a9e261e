// The architecture as a row of blocks, looked at and edited. Sizes, costs and what is impossible are
// worked out here at once; the page hears of a change once the whole is possible.
//
// data: { kinds, limits, phrases, shown, chosen, answered, held, words }
// kinds, limits, phrases: the block language, see blocks_plan.js
// shown: [{ name, title, about, text, shape, classes, trained }], every architecture there is
//   about: source and year; trained: whether it can be trained here, else it is only looked at
// chosen: the one that is trained ("own": the visitor's own blocks)
// answered: the number of the last change that the page has dealt with
// held: why nothing may be changed, or ""
// words: see blocks_words() in pages/_frame/words.py
// trigger: changed → { id, name, text? }: this architecture is to be trained; text: own blocks

import { Card, compact } from "./blocks_card.js";
import { Menu } from "./blocks_menu.js";
import { Language } from "./blocks_plan.js";
import { largest } from "./blocks_box.js";
import { element, fill, whole } from "./format.js";

const OWN = "own";
const REST = 350; // ms after the last change until it is sent
const TOGETHER = 1000; // ms in which changes of one number are undone as one
const UNDOS = 100;
const STILL = 4; // px that a press may move and still be a click
const EDGE = 40, NUDGE = 14; // px from the ends where a drag scrolls, and by how much at a time
const FEW = 8; // channels below which a new convolution has more than it is given

export class Blocks {
  part = "blocks";

  constructor(root) {
    root.innerHTML = `<div class="gl-blocks">
        <div class="gl-blocks-head"><select></select><button type="button" class="gl-button"></button><button type="button" class="gl-button"></button>
          <button type="button" class="gl-button"></button><button type="button" class="gl-button"></button><span role="status"></span></div>
        <p class="gl-blocks-about"></p>
        <ol class="gl-flow"></ol>
        <div class="gl-blocks-foot"><dl></dl><p class="gl-blocks-hint"></p><code></code></div>
        <p class="gl-blocks-told" aria-live="polite"></p>
      </div>`;
    const find = (name) => root.querySelector(name);
    Object.assign(this, { box: find(".gl-blocks"), list: find("select"), says: find("[role=status]"), about: find(".gl-blocks-about"), flow: find("ol"), sums: find("dl"), hint: find(".gl-blocks-hint"), code: find("code"), told: find(".gl-blocks-told") });
    [this.editButton, this.useButton, this.undoButton, this.backButton] = root.querySelectorAll(".gl-blocks-head button");
    this.menu = new Menu(this.box, (kind) => this.add(kind));
    this.cards = new Map();
    this.ends = [new Card({ add: (anchor) => this.ask(0, anchor), focus: () => {} }), new Card({ focus: () => {} })];
    this.past = [];
    this.blocks = [];
    this.made = this.count = 0;
    this.listen();
  }

  listen() {
    this.list.onchange = () => this.look(this.list.value);
    this.editButton.onclick = () => this.edit(this.copied());
    this.useButton.onclick = () => this.send(this.viewing());
    this.undoButton.onclick = () => this.undo();
    this.backButton.onclick = () => { this.remember(); this.adopt(); this.render(); };
    this.flow.addEventListener("keydown", (event) => this.press(event));
    this.flow.addEventListener("pointerdown", (event) => this.lift(event));
    this.flow.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.flow.addEventListener(end, (event) => this.drop(event));
  }

  update(data) {
    this.data = data;
    this.language = new Language(data);
    this.count = Math.max(this.count, data.answered);
    this.settle();
    this.render();
  }

  // It follows no run.
  draw() {}

  // What is on its way is sent before the panel goes.
  release() {
    if (this.waiting) this.flush();
    this.menu.close(false);
  }

  // What is shown, and what is trained ------------------------------------------------------------

  entry(name) {
    return this.data.shown.find((one) => one.name === name) ?? this.data.shown[0];
  }

  // An architecture as the trigger names it.
  force(name, text = this.entry(name).text) {
    return name === OWN ? { name, text } : { name };
  }

  // The one on show, as it is.
  viewing() {
    return this.force(this.viewed, this.language.written(this.blocks));
  }

  // Takes what the page says, unless the visitor has gone on meanwhile.
  settle() {
    const { chosen, answered } = this.data;
    if (this.sent && answered < this.sent.id) return;
    const now = this.force(chosen);
    const refused = this.sent && !alike(now, this.sent.force);
    const foreign = !this.now || (!alike(now, this.now) && !alike(now, this.sent?.force));
    [this.now, this.sent] = [now, null];
    if (foreign || (refused && !this.dirty)) {
      if (this.dirty) this.remember();
      this.adopt();
    } else if (!this.dirty) this.show(this.viewed);
    else if (!this.waiting) this.post(); // it may fit other pictures
  }

  adopt() {
    clearTimeout(this.waiting);
    this.waiting = null;
    this.dirty = false;
    this.show(this.now.name);
  }

  show(name) {
    const { text } = this.entry(name);
    this.viewed = this.entry(name).name;
    if (this.language.written(this.blocks) !== text) this.blocks = this.language.read(text).map((block) => this.numbered(block));
  }

  look(name) {
    if (this.dirty) { this.remember(); this.flush(); }
    this.dirty = false;
    this.show(name);
    this.render();
    this.flow.scrollLeft = 0;
  }

  // Blocks keep their number when they move, and their place on the page with it.
  numbered({ kind, values }) {
    return { id: (this.made += 1), kind, values };
  }

  copied() {
    return this.blocks.map((block) => ({ ...block, values: [...block.values] }));
  }

  get editable() {
    return !this.data.held && this.entry(this.viewed).trained;
  }

  get full() {
    const { limits, words } = this.data;
    return this.blocks.length >= limits.blocks ? fill(words.full, { n: limits.blocks }) : "";
  }

  // Editing ---------------------------------------------------------------------------------------

  // `same` names a number that is changed again and again: that is undone at once.
  edit(blocks, same = "") {
    this.remember(same);
    this.blocks = blocks;
    this.viewed = OWN;
    this.dirty = true;
    this.render();
    this.post();
  }

  remember(same = "") {
    const last = this.past.at(-1);
    const time = performance.now();
    if (same && last?.same === same && time - last.time < TOGETHER) { last.time = time; return; }
    const force = this.sent?.force ?? this.now;
    this.past.push({ viewed: this.viewed, blocks: this.copied(), dirty: Boolean(this.dirty), force, same, time });
    this.past.splice(0, this.past.length - UNDOS);
  }

  undo() {
    const back = this.past.pop();
    if (!back) return;
    clearTimeout(this.waiting);
    this.waiting = null;
    Object.assign(this, { viewed: back.viewed, blocks: back.blocks, dirty: back.dirty });
    this.render();
    if (this.dirty) this.post();
    else if (!alike(back.force, this.sent?.force ?? this.now)) this.send(back.force);
    if (!this.flow.contains(document.activeElement)) this.undoButton.focus();
  }

  // Sends a change once it is possible and nothing has followed for a moment.
  post() {
    clearTimeout(this.waiting);
    this.waiting = this.plan.possible ? setTimeout(() => this.flush(), REST) : null;
  }

  flush() {
    clearTimeout(this.waiting);
    const due = this.waiting;
    this.waiting = null;
    if (due) this.send(this.viewing());
  }

  send(force) {
    this.dirty = false;
    if (alike(force, this.sent?.force ?? this.now)) { this.render(); return; }
    this.sent = { id: (this.count += 1), force };
    this.component.setTriggerValue("changed", { id: this.count, ...force });
    this.render();
  }

  set(id, place, value) {
    const blocks = this.copied();
    const block = blocks.find((one) => one.id === id);
    block.values = this.language.changed(block, place, value);
    this.edit(blocks, `${id}.${place}`);
  }

  move(id, to) {
    const blocks = this.copied();
    const from = blocks.findIndex((one) => one.id === id);
    const place = Math.max(0, Math.min(blocks.length - 1, to));
    if (from < 0 || place === from) return;
    const focused = document.activeElement;
    blocks.splice(place, 0, ...blocks.splice(from, 1));
    this.current = id;
    this.edit(blocks);
    const { node } = this.cards.get(id);
    (node.contains(focused) && !focused.disabled ? focused : node).focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.say(fill(this.data.words.moved, { title: this.titleOf(blocks[place]), place: place + 1 }));
  }

  remove(id) {
    const from = this.blocks.findIndex((one) => one.id === id);
    if (from < 0) return;
    const gone = this.blocks[from];
    const blocks = this.copied().filter((one) => one.id !== id);
    this.current = (blocks[from] ?? blocks.at(-1))?.id;
    this.edit(blocks);
    (this.cards.get(this.current)?.node ?? this.ends[0].plus).focus({ preventScroll: true });
    this.say(fill(this.data.words.removed, { title: this.titleOf(gone) }));
  }

  // Asks what to add at a place.
  ask(place, anchor) {
    const { kinds, words } = this.data;
    const given = (place ? this.plan.stages[place - 1].output : this.entry(this.viewed).shape);
    const whyNot = (kind) => {
      const { needs } = given.length ? this.language.sized(this.usual(kind, given), given) : {};
      return needs ? fill(words.needs, { needs }) : "";
    };
    this.place = place;
    this.menu.open(anchor, { kinds, words, whyNot });
  }

  add(kind) {
    const given = this.place ? this.plan.stages[this.place - 1].output : this.entry(this.viewed).shape;
    const block = this.numbered(this.usual(kind, given));
    const blocks = this.copied();
    blocks.splice(this.place, 0, block);
    this.current = block.id;
    this.edit(blocks);
    const { node } = this.cards.get(block.id);
    node.focus({ preventScroll: true });
    node.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.say(fill(this.data.words.added, { title: this.titleOf(block), place: this.place + 1 }));
  }

  // A new block with numbers that are usual after what it is given.
  usual(kind, given) {
    const channels = given.length === 3 && given[0] >= FEW ? given[0] : 2 * FEW;
    const first = { conv: [channels, 3], residual: [channels], bottleneck: [Math.max(1, Math.floor(channels / 4))], inception: [16, 32, 8, 8], maxpool: [2], avgpool: [2], dropout: [0.2], dense: [64], lstm: [64], bilstm: [64] };
    const most = this.data.kinds[kind].parameters.map(({ high }) => high);
    return { kind, values: this.language.filled(kind, (first[kind] ?? []).map((value, i) => Math.min(value, most[i]))) };
  }

  titleOf({ kind }) {
    return this.data.kinds[kind].title;
  }

  say(text) {
    this.told.textContent = text;
  }

  // Keys, mouse and touch -------------------------------------------------------------------------

  press(event) {
    const { key, target, shiftKey } = event;
    const block = [...this.cards].find(([, { node }]) => node === target);
    const typing = target.localName === "input";
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z" && !typing) this.undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (key === "Escape" && this.held) this.letGo();
    else if (key === "Escape" && typing) target.closest("li").focus();
    else if (!block) return;
    else if (!this.pressed(key, shiftKey, block[0])) return;
    event.preventDefault();
  }

  // A key on a block itself.
  pressed(key, shiftKey, id) {
    const at = this.blocks.findIndex((one) => one.id === id);
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
    if (by && shiftKey) { if (this.editable) this.move(id, at + by); }
    else if (by) this.cards.get(this.blocks[at + by]?.id)?.node.focus();
    else if (!this.editable) return false;
    else if (key === "Delete" || key === "Backspace") this.remove(id);
    else if (key === "Enter" || key === "Insert" || key === "+") { if (!this.full) this.ask(at + 1, this.cards.get(id).plus); }
    else return false;
    return true;
  }

  lift(event) {
    const handle = event.target.closest(".gl-grip, .gl-block-title, .gl-block-picture");
    const block = [...this.cards].find(([, { node }]) => handle && node.contains(handle));
    const byTouch = event.pointerType === "touch" && !handle?.matches(".gl-grip");
    if (!block || !this.editable || this.held || event.button || byTouch) return;
    this.held = { id: block[0], node: block[1].node, pointer: event.pointerId, from: [event.clientX, event.clientY], moves: false };
  }

  get down() {
    return getComputedStyle(this.flow).flexDirection === "column";
  }

  drag(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    const gone = [event.clientX - held.from[0], event.clientY - held.from[1]];
    if (!held.moves && Math.hypot(...gone) < STILL) return;
    if (!held.moves) {
      held.moves = true;
      this.flow.setPointerCapture(held.pointer);
      this.flow.dataset.dragging = "true";
      held.node.dataset.held = "true";
    }
    const axis = this.down ? 1 : 0;
    const at = [event.clientX, event.clientY][axis];
    held.node.style.transform = axis ? `translateY(${gone[1]}px)` : `translateX(${gone[0]}px)`;
    this.scrollBy(at, axis);
    const others = this.blocks.filter(({ id }) => id !== held.id).map(({ id }) => this.cards.get(id).node);
    const middles = others.map((node) => node.getBoundingClientRect()).map((box) => (axis ? box.top + box.height / 2 : box.left + box.width / 2));
    held.to = middles.filter((middle) => middle < at).length;
    this.mark(others[held.to], others[held.to - 1]);
  }

  // Near an end of the row there is more to see.
  scrollBy(at, axis) {
    if (axis) return;
    const { left, right } = this.flow.getBoundingClientRect();
    const before = this.flow.scrollLeft;
    if (at < left + EDGE) this.flow.scrollLeft -= NUDGE;
    else if (at > right - EDGE) this.flow.scrollLeft += NUDGE;
    this.held.from[0] -= this.flow.scrollLeft - before;
  }

  mark(before, after) {
    for (const node of this.flow.children) delete node.dataset.drop;
    if (before) before.dataset.drop = "before";
    else if (after) after.dataset.drop = "after";
  }

  drop(event) {
    const { held } = this;
    if (!held || event.pointerId !== held.pointer) return;
    const { moves, to, id } = held;
    this.letGo();
    if (event.type === "pointerup" && moves) this.move(id, to);
  }

  letGo() {
    const { node } = this.held;
    this.held = null;
    this.mark();
    node.style.transform = "";
    delete node.dataset.held;
    delete this.flow.dataset.dragging;
  }

  // Showing ---------------------------------------------------------------------------------------

  render() {
    if (!this.data) return;
    const entry = this.entry(this.viewed);
    this.plan = this.language.plan(this.blocks, entry);
    this.renderHead(entry);
    this.renderFlow(entry);
    this.renderFoot();
  }

  renderHead(entry) {
    const { shown, chosen, held, words } = this.data;
    this.options(shown, words);
    this.list.value = this.viewed;
    const { possible } = this.plan;
    const sending = this.sent?.force ?? this.now;
    const trained = !this.dirty && alike(this.viewing(), sending);
    this.editButton.textContent = words.edit;
    this.editButton.hidden = !this.editable || this.viewed === OWN;
    this.useButton.textContent = words.use;
    this.useButton.hidden = !this.editable || trained || this.dirty || !possible;
    this.undoButton.textContent = words.undo;
    this.undoButton.hidden = !this.past.length || Boolean(held);
    this.backButton.textContent = words.last;
    this.backButton.hidden = !this.dirty || possible;
    this.box.dataset.possible = String(possible);
    this.about.textContent = [entry.about, held && entry.trained ? held : "", entry.trained ? "" : words.large].filter(Boolean).join(" ");
    this.about.hidden = !this.about.textContent;
    this.says.dataset.bad = String(!possible);
    const at = this.fault + 1;
    const what = { name: this.entry(sending.name).title, n: at, block: this.plan.stages[at - 1]?.name };
    if (!possible) this.says.textContent = `${fill(words.not_yet, what)} ${this.dirty ? words.last_trains : ""}`.trim();
    else this.says.textContent = !entry.trained ? "" : trained || this.dirty ? words.trains : fill(words.other_trains, what);
  }

  options(shown, words) {
    const text = JSON.stringify([shown.map(({ name, title }) => [name, title]), words.choose]);
    if (text === this.listed) return;
    this.listed = text;
    this.list.ariaLabel = words.choose;
    const group = (label, members) => {
      const made = document.createElement("optgroup");
      made.label = label;
      made.append(...members.map(({ name, title }) => new Option(title, name)));
      return made;
    };
    this.list.replaceChildren(group(words.trained, shown.filter(({ trained }) => trained)), group(words.inspected, shown.filter(({ trained }) => !trained)));
  }

  // The number of the stage at fault, or -1.
  get fault() {
    const { stages, refusal } = this.plan;
    return refusal ? refusal.stage : stages.findIndex(({ problem }) => problem);
  }

  renderFlow({ shape, classes }) {
    const { words } = this.data;
    const { stages, refusal } = this.plan;
    const shapes = [shape, ...stages.map(({ output }) => output)];
    const common = { most: largest(shapes), sums: stages.at(-1).output.length ? this.plan : {}, words, count: this.blocks.length, editable: this.editable, full: this.full };
    if (!this.blocks.some(({ id }) => id === this.current)) this.current = this.blocks[0]?.id;
    const nodes = this.blocks.map((block, i) => {
      const card = this.card(block.id);
      const { title, help, parameters } = this.data.kinds[block.kind];
      const problem = this.fault !== i ? "" : refusal ? fill(words.too_much, refusal) : stages[i].problem;
      card.update({ ...common, stage: stages[i], title, help, parameters, place: i + 1, current: block.id === this.current, problem, unknown: !stages[i].input.length });
      return card.node;
    });
    const alive = new Set(this.blocks.map(({ id }) => id));
    for (const id of this.cards.keys()) if (!alive.has(id)) this.cards.delete(id);
    const picture = { block: { kind: "", values: [] }, name: "", input: shape, output: shape, parameters: 0, flops: 0 };
    const out = stages.at(-1);
    const outProblem = this.fault !== stages.length - 1 ? "" : refusal ? fill(words.too_much, refusal) : out.problem;
    const [first, last] = this.ends;
    first.update({ ...common, stage: picture, family: "picture", title: words.picture, help: "", parameters: [], place: 0, current: !this.blocks.length, problem: "", unknown: false });
    last.update({ ...common, stage: out, title: fill(words.classes, { n: classes }), help: words.classes_help, parameters: [], place: null, current: false, problem: outProblem, unknown: !out.input.length });
    this.arrange([first.node, ...nodes, last.node]);
  }

  card(id) {
    if (!this.cards.has(id)) {
      this.cards.set(id, new Card({
        set: (place, value) => this.set(id, place, value),
        move: (by) => this.move(id, this.blocks.findIndex((one) => one.id === id) + by),
        remove: () => this.remove(id),
        add: (anchor) => this.ask(this.blocks.findIndex((one) => one.id === id) + 1, anchor),
        focus: () => this.focus(id),
      }));
    }
    return this.cards.get(id);
  }

  // The block whose controls Tab reaches.
  focus(id) {
    if (this.current === id) return;
    this.current = id;
    this.renderFlow(this.entry(this.viewed));
  }

  // Puts the nodes in order; one that stays keeps its place, and with it the focus.
  arrange(nodes) {
    const wanted = new Set(nodes);
    for (const node of [...this.flow.children]) if (!wanted.has(node)) node.remove();
    nodes.forEach((node, i) => { if (this.flow.children[i] !== node) this.flow.insertBefore(node, this.flow.children[i] ?? null); });
  }

  renderFoot() {
    const { words, limits } = this.data;
    const { parameters, flops, stages } = this.plan;
    const known = stages.at(-1).output.length > 0;
    const sums = [[words.parameters, known ? whole(parameters) : "–"], [words.flops_each, known ? compact(flops) : "–"], [words.blocks, fill(words.of, { n: this.blocks.length, most: limits.blocks })]];
    this.sums.replaceChildren(...sums.map(([title, value]) => {
      const pair = element("div");
      pair.append(element("dt", "", title), element("dd", "", value));
      return pair;
    }));
    this.hint.textContent = this.full || words.hint;
    this.hint.hidden = !this.editable;
    this.code.textContent = this.language.written(this.blocks);
    this.code.title = words.text;
  }
}

function alike(some, others) {
  return JSON.stringify(some) === JSON.stringify(others);
}
