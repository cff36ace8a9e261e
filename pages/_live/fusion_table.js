// The two tables of the fusion, whose lines lie side by side where there is room: how good each model and each
// rule is, with a slider for each model's weight; and what each of them says about one picture.
//
// A line is that of a model { name, color } or of a rule { name }.

import { element } from "./format.js";

const STEP = 0.05; // of a weight
const STARTS = [0.9, 0.8, 0.5, 0]; // where the bars may begin
const LEAST = 0.2; // of its room is what the shortest bar has, if the bars do not begin at 0
const TINT = 50; // percent of blue behind a probability of 1

export class Scores {
  // moved(model, weight): while a slider moves; released(): when it is let go
  constructor(table, moved, released) {
    Object.assign(this, { table, moved, released });
  }

  // plain: without bars, with room for a calculation instead
  make(lines, words, plain = false) {
    const key = JSON.stringify([lines, words, plain]);
    if (key === this.key) return;
    this.key = key;
    this.words = words;
    const axis = element("div", "gl-fusion-score");
    axis.append(element("span"), element("span", "", plain ? "" : "100 %"));
    this.start = axis.firstChild;
    const head = row(cell("td", "", axis), element("th", "gl-fusion-slider", words.weight), element("td", "gl-fusion-number"));
    this.lines = lines.map((line, m) => this.line(line, m, plain));
    put(this.table, head, lines, this.lines.map(({ node }) => node));
  }

  // Below the name is the bar, or how a rule of an example comes to its answer.
  line({ name, color }, m, plain) {
    const [star, value, track, bar] = [element("i", "", "★"), element("span"), element("div"), element("b")];
    star.setAttribute("role", "img");
    star.setAttribute("aria-label", this.words.best);
    Object.assign(star, { title: this.words.best, hidden: true });
    const sum = element("small");
    track.append(bar);
    const below = !plain ? [track] : color ? [] : [sum];
    const title = cell("th", "", cell("div", "gl-fusion-score", named("span", name), star, value), ...below);
    title.scope = "row";
    const [slider, number] = [element("input"), element("td", "gl-fusion-number")];
    Object.assign(slider, { type: "range", min: "0", max: "1", step: String(STEP) });
    slider.oninput = () => this.moved(m, Number(slider.value));
    slider.onchange = () => this.released();
    slider.setAttribute("aria-label", `${this.words.weight}: ${name}`);
    const node = row(title, cell("td", "gl-fusion-slider", ...(color ? [slider] : [])), number);
    return { node, bar, star, value, sum, slider, number };
  }

  // scores: of each line the share that is right, null where it is not known; single: the best model's
  show(scores, single, later) {
    const known = scores.filter((score) => score != null);
    const start = STARTS.find((from) => from === 0 || Math.min(...known) >= from + LEAST * (1 - from));
    const place = (score) => `${(100 * (score - start)) / (1 - start)}%`;
    const best = Math.max(...known);
    this.start.textContent = `${100 * start} %`;
    this.table.style.setProperty("--single", place(single));
    this.lines.forEach(({ node, bar, star, value }, i) => {
      const score = scores[i];
      node.dataset.best = String(score === best);
      star.hidden = score !== best;
      bar.style.width = score == null ? "0" : place(score);
      value.textContent = score == null ? "–" : percent(score);
      value.title = score == null ? later : "";
    });
  }

  weigh(weights) {
    weights.forEach((weight, m) => {
      const { slider, number } = this.lines[m];
      slider.value = String(weight);
      number.textContent = weight.toFixed(2);
      slider.setAttribute("aria-valuetext", weight.toFixed(2));
    });
  }
}

export class Shares {
  constructor(table) {
    this.table = table;
  }

  // heads: of the columns; edit: what to do when a number is typed, for lines of models that are typed
  make(lines, heads, words, edit = null) {
    const key = JSON.stringify([lines, heads, words, Boolean(edit)]);
    if (key === this.key) return;
    this.key = key;
    this.words = words;
    const titles = heads.map((text) => Object.assign(element("th", "", text), { title: text, scope: "col" }));
    const head = row(element("td", "gl-fusion-name"), ...titles, Object.assign(element("th", "gl-fusion-answer", words.answer), { scope: "col" }));
    this.lines = lines.map(({ name, color }) => {
      const cells = heads.map((text) => (edit && color ? input(`${name}: ${text}`, edit) : element("td")));
      const answer = element("td", "gl-fusion-answer");
      return { node: row(Object.assign(named("th", name), { scope: "row" }), ...cells, answer), cells, answer };
    });
    put(this.table, head, lines, this.lines.map(({ node }) => node));
  }

  // said: of each line { shares, counts?, answer }, or null; columns: the classes that are shown
  // names: of all classes; truth: the true one, or null
  show(said, columns, names, truth) {
    this.lines.forEach(({ cells, answer: place }, i) => {
      const { shares, counts, answer = null } = said[i] ?? {};
      cells.forEach((one, c) => {
        const k = columns[c];
        one.dataset.winner = String(answer === k && shares != null);
        one.style.setProperty("--tint", `${shares ? Math.round(TINT * shares[k]) : 0}%`);
        if (one.firstElementChild) return; // there somebody types
        one.textContent = !shares ? "" : counts ? counts[k] : shares[k].toFixed(2);
      });
      this.judge(place, answer, names, truth);
    });
  }

  judge(place, answer, names, truth) {
    const known = answer != null;
    const right = known && truth != null ? answer === truth : null;
    place.dataset.right = String(right);
    place.title = known ? names[answer] : "";
    const sign = element("i", "", right ? "✓" : "✗");
    sign.setAttribute("role", "img");
    sign.setAttribute("aria-label", right ? this.words.right : this.words.wrong);
    place.replaceChildren(...(right == null ? [] : [sign]), known ? names[answer] : "–");
  }

  // Texts in the lines that are typed, and which of them are bad.
  type(texts, bad) {
    this.fields.forEach((fields, m) => fields.forEach((field, k) => {
      if (field.value !== texts[m][k]) field.value = texts[m][k];
      field.setAttribute("aria-invalid", String(bad[m][k]));
    }));
  }

  get texts() {
    return this.fields.map((fields) => fields.map(({ value }) => value));
  }

  get fields() {
    return this.lines.map(({ cells }) => cells.map((one) => one.firstElementChild)).filter(([first]) => first);
  }
}

// How an average comes to the share of its answer: each weight (left away where all are the same) times the share.
export function calculation(rows, weights, answer) {
  const brief = (value) => String(Number(value.toFixed(2)));
  const whole = weights.every((weight) => weight === weights[0]) ? weights.map(() => 1) : weights;
  const parts = rows.map((row, m) => (whole[m] === 1 ? brief(row[answer]) : `${brief(whole[m])} · ${brief(row[answer])}`));
  return `(${parts.join(" + ")}) / ${brief(whole.reduce((sum, weight) => sum + weight, 0))}`;
}

// One decimal.
function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function named(tag, name) {
  return Object.assign(element(tag, "gl-fusion-name", name), { title: name });
}

function input(label, edit) {
  const field = element("input");
  Object.assign(field, { type: "text", inputMode: "decimal", autocomplete: "off", oninput: edit });
  field.setAttribute("aria-label", label);
  return cell("td", "gl-fusion-cell", field);
}

function cell(tag, className, ...children) {
  const made = element(tag, className);
  made.append(...children);
  return made;
}

function row(...cells) {
  const made = element("tr");
  made.append(...cells);
  return made;
}

// The rules stand apart from the models.
function put(table, heads, lines, nodes) {
  lines.forEach(({ color }, i) => {
    nodes[i].dataset.rule = String(!color);
    nodes[i].style.setProperty("--hue", color ?? "");
  });
  const [head, body] = [element("thead"), element("tbody")];
  head.append(heads);
  body.append(...nodes);
  table.replaceChildren(head, body);
}
