// One block of the network: what leaves it as a drawing and as a size, its numbers, what it costs.

import { Box } from "./blocks_box.js";
import { familyOf } from "./blocks_menu.js";
import { element, fill, whole } from "./format.js";

const LADDER = [1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096];
const WIDE = 100; // from this range on, steps go up the ladder
const SHARE = 0.05;
const SHORT = 10_000; // longer numbers are shortened
const UNITS = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];

export class Card {
  // does: { set(place, value), move(by), remove(), add(anchor), focus() }, of this block
  constructor(does) {
    this.does = does;
    this.node = element("li", "gl-block");
    this.node.innerHTML = `<div class="gl-block-picture"></div>
      <div class="gl-block-card">
        <div class="gl-block-tools"><i class="gl-grip"></i><button type="button">‹</button><button type="button">›</button><button type="button">×</button></div>
        <p class="gl-block-title"><b></b><small></small></p>
        <p class="gl-block-problem" hidden></p>
        <dl><div><dt></dt><dd></dd><i><b></b></i></div><div><dt></dt><dd></dd><i><b></b></i></div></dl>
        <div class="gl-block-fields"></div>
      </div><button type="button" class="gl-block-plus">+</button>`;
    const find = (name) => this.node.querySelector(name);
    this.box = new Box();
    this.size = element("span", "gl-block-size");
    find(".gl-block-picture").append(this.box.node, this.size);
    Object.assign(this, { tools: find(".gl-block-tools"), grip: find(".gl-grip"), title: find("p b"), name: find("p small"), rows: find(".gl-block-fields"), problem: find(".gl-block-problem"), costs: [...this.node.querySelectorAll("dl div")], plus: find(".gl-block-plus") });
    [this.back, this.on, this.gone] = this.tools.querySelectorAll("button");
    this.fields = [];
    this.back.onclick = () => does.move(-1);
    this.on.onclick = () => does.move(1);
    this.gone.onclick = () => does.remove();
    this.plus.onclick = () => does.add(this.plus);
    this.node.addEventListener("focusin", () => does.focus());
  }

  // what: { stage, title, help, parameters, place, count, most, sums, editable, current, full, problem, unknown, words }
  // `place` counts from 1; it is 0 for the picture, and null for the classes at the end
  update(what) {
    const { stage, words, place, editable, problem } = what;
    const { node } = this;
    const movable = editable && place > 0;
    node.dataset.family = what.family ?? familyOf(stage.block.kind);
    node.dataset.problem = String(Boolean(problem));
    node.dataset.unknown = String(what.unknown);
    node.tabIndex = what.current ? 0 : -1;
    this.title.textContent = what.title;
    this.title.parentNode.title = what.help;
    this.name.textContent = stage.name;
    this.box.draw(stage.output, what.most);
    this.size.textContent = stage.output.length ? stage.output.join(" × ") : problem ? words.impossible : "?";
    node.ariaLabel = place > 0 ? fill(words.block, { title: what.title, name: stage.name, place, count: what.count, size: this.size.textContent }) : `${what.title}, ${this.size.textContent}`;
    this.problem.hidden = !problem;
    this.problem.textContent = problem;
    this.tools.hidden = !movable;
    this.tell(this.back, fill(words.back, { title: what.title }), !movable || place === 1, what);
    this.tell(this.on, fill(words.on, { title: what.title }), !movable || place === what.count, what);
    this.tell(this.gone, fill(words.remove, { title: what.title }), !movable, what);
    this.grip.title = words.drag;
    this.plus.hidden = !editable || place == null;
    this.tell(this.plus, what.full || fill(words.add_after, { title: what.title }), Boolean(what.full), what);
    this.number(what);
    this.cost(what);
  }

  // A button that says what it does; only those of one block can be reached by Tab.
  tell(button, label, disabled, { current }) {
    button.ariaLabel = button.title = label;
    button.disabled = disabled;
    button.tabIndex = current ? 0 : -1;
  }

  number({ stage, parameters, editable, current, words }) {
    while (this.fields.length < parameters.length) this.fields.push(this.field(this.fields.length));
    this.rows.hidden = !parameters.length;
    this.fields.forEach(({ row, title, input, buttons }, i) => {
      const parameter = parameters[i];
      const value = stage.block.values[i];
      title.textContent = parameter.short;
      input.ariaLabel = title.title = parameter.title;
      input.inputMode = parameter.whole ? "numeric" : "decimal";
      input.readOnly = !editable;
      input.tabIndex = current ? 0 : -1;
      input.ariaInvalid = String(!inside(value, parameter));
      Object.assign(input, { ariaValueNow: String(value), ariaValueMin: String(parameter.low), ariaValueMax: String(parameter.high) });
      if (Number.isFinite(value) && (input !== document.activeElement || read(input.value) !== value)) input.value = String(value);
      row.dataset.editable = String(editable);
      buttons.forEach((button, k) => {
        this.tell(button, fill(k ? words.more : words.less, { name: parameter.title }), !editable || stepped(parameter, value, k ? 1 : -1) === value, { current: false });
        button.hidden = !editable;
      });
      Object.assign(this.fields[i], { parameter, value });
    });
  }

  field(place) {
    const row = element("div", "gl-block-field");
    const title = element("span");
    const stepper = element("span", "gl-block-spin");
    const [less, input, more] = [element("button", "", "−"), element("input"), element("button", "", "+")];
    less.type = more.type = "button";
    input.role = "spinbutton";
    input.autocomplete = "off";
    input.maxLength = 8;
    stepper.append(less, input, more);
    row.append(title, stepper);
    this.rows.append(row);
    const step = (by) => {
      const { parameter, value } = this.fields[place];
      const next = stepped(parameter, value, by);
      input.value = String(next);
      if (next !== value) this.does.set(place, next);
    };
    less.onclick = () => step(-1);
    more.onclick = () => step(1);
    input.oninput = () => this.does.set(place, read(input.value));
    input.onfocus = () => input.select();
    input.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (!by || input.readOnly) return;
      event.preventDefault();
      step(by);
    });
    return { row, title, input, buttons: [less, more] };
  }

  cost({ stage, sums, words, unknown, problem, place }) {
    this.costs[0].parentNode.hidden = place === 0 || unknown || Boolean(problem && !stage.output.length);
    ["parameters", "flops"].forEach((what, i) => {
      const [title, number, bar] = this.costs[i].children;
      const value = stage[what];
      title.textContent = words[what];
      number.textContent = value ? compact(value) : "0";
      number.title = whole(value);
      this.costs[i].dataset.free = String(!value);
      bar.firstChild.style.width = `${sums[what] ? (100 * value) / sums[what] : 0}%`;
    });
  }
}

// A long number with three digits and k, M or G.
export function compact(value) {
  if (value < SHORT) return whole(value);
  const [size, unit] = UNITS.find(([size]) => value >= size);
  return `${(value / size).toLocaleString(undefined, { maximumSignificantDigits: 3 })}\u202f${unit}`;
}

function inside(value, { low, high, whole }) {
  return value >= low && value <= high && (!whole || Number.isInteger(value));
}

function read(text) {
  return /^\s*(\d+([.,]\d*)?|[.,]\d+)\s*$/.test(text) ? Number(text.replace(",", ".")) : NaN;
}

// The next number in a direction: by ones, by 5 %, or up the usual widths of layers.
function stepped({ low, high, whole }, value, by) {
  const bound = (number) => Math.min(high, Math.max(low, number));
  if (!Number.isFinite(value)) return low;
  if (!whole) return bound(Math.round((value + by * SHARE) * 100) / 100);
  if (high - low < WIDE) return bound(Math.round(value) + by);
  const next = by > 0 ? LADDER.find((step) => step > value) : LADDER.findLast((step) => step < value);
  return bound(next ?? value);
}
