// The measured figures, the published ones beside them, and the notes of the run.
//
// data: { metrics, published, baselines, words }; words.empty stands where there is nothing yet
// baselines: [{ title, help, value | live }]; `live` names what the run itself works out
// Columns or final metrics `<name>_sd` are shown as "± sd"; notes of a run may have a `title`.

import { digits, element, fill } from "./format.js";

const NOTES = 4;

export class Metrics {
  part = "metrics";

  constructor(root) {
    root.innerHTML = `<div class="gl-metrics"></div><table class="gl-published"><tbody></tbody></table><div class="gl-notes" aria-live="polite"></div><p class="gl-empty"></p>`;
    [this.grid, this.table, this.notes, this.empty] = root.children;
  }

  update(data) {
    const text = JSON.stringify([data.metrics, data.published, data.baselines]);
    this.data = data;
    if (text === this.text) return;
    this.text = text;
    this.grid.replaceChildren(...data.metrics.map(({ title, help }) => cell(title, help)));
    this.baselines = data.baselines.map(({ title, value, help }) => {
      const box = cell(title, help);
      box.classList.add("gl-baseline");
      if (value != null) box.lastChild.textContent = digits(value);
      return box;
    });
    this.grid.append(...this.baselines);
    this.table.hidden = !data.published.length;
    const { words } = data;
    const repeated = data.published.some(({ seeds }) => seeds);
    const head = row("th", [words.figure, words.published, words.measured, ...(repeated ? [words.seeds] : [])]);
    if (repeated) head.lastChild.title = words.seeds_help;
    this.rows = data.published.map(({ title, value, seeds }) => {
      const line = row("td", [title, digits(value), "", ...(repeated ? [seeds ? digits(seeds.median) : "–"] : [])]);
      if (seeds) {
        const sign = seeds.reached ? "✓" : "✗";
        line.lastChild.append(element("small", seeds.reached ? "gl-good" : "gl-bad", `${sign} ${digits(seeds.low)} … ${digits(seeds.high)}`));
      }
      return line;
    });
    this.table.tBodies[0].replaceChildren(head, ...this.rows);
  }

  draw(stream) {
    const { metrics, published, words } = this.data;
    metrics.forEach(({ name }, i) => {
      const value = stream.value(name);
      const deviation = value == null ? null : stream.value(`${name}_sd`);
      this.grid.children[i].hidden = value == null;
      const before = stream.measuredBefore(name);
      this.grid.children[i].classList.toggle("gl-earlier", before != null);
      this.grid.children[i].lastChild.title = before == null ? "" : fill(words.earlier, { step: before });
      this.grid.children[i].lastChild.replaceChildren(digits(value), ...(deviation == null ? [] : [element("small", "", ` ± ${brief(deviation)}`)]));
    });
    this.data.baselines.forEach(({ live }, i) => {
      if (live) this.baselines[i].lastChild.textContent = digits(stream.told.arrays[live]);
    });
    const done = stream.terminal?.type === "done" && stream.atEnd;
    published.forEach((figure, i) => {
      const value = stream.value(figure.name);
      const ok = done && value != null && reached(figure, value);
      const verdict = element("small", ok ? "gl-good" : "gl-bad", !done || value == null ? "" : ok ? `✓ ${words.reproduced}` : `✗ ${words.missed}`);
      verdict.title = rule(figure, words);
      this.rows[i].children[2].replaceChildren(digits(value), verdict);
    });
    this.drawNotes(stream, words);
    this.empty.textContent = words.empty;
    this.empty.hidden = published.length > 0 || [this.grid, this.notes].some(({ children }) => [...children].some(({ hidden }) => !hidden));
  }

  // How the run ended, then its own notes, newest first; a diagnosis replaces its earlier ones.
  drawNotes(stream, words) {
    const until = stream.notes.filter(({ text, step }) => text && (stream.atEnd || step <= stream.step));
    const said = until.filter(({ diagnosis }, i) => !diagnosis || !until.slice(i + 1).some((later) => later.diagnosis === diagnosis));
    const notes = said.slice(-NOTES).reverse();
    const end = stream.terminal;
    if (end && end.type !== "done") notes.unshift({ level: "error", text: end.data.message ?? words[end.type] });
    if (stream.state === "missing") notes.unshift({ level: "error", text: words.missing });
    const text = JSON.stringify(notes);
    if (text === this.notesText) return;
    this.notesText = text;
    this.notes.replaceChildren(...notes.map(({ level, title, text: words_ }) => {
      const note = element("div", `gl-note gl-${level}`);
      if (title) note.append(element("b", "", title), " ");
      note.append(words_);
      return note;
    }));
  }
}

export function reached({ relation, target, tolerance }, value) {
  if (relation === "at most") return value <= target;
  if (relation === "at least") return value >= target;
  return Math.abs(value - target) <= tolerance;
}

function rule({ relation, target, tolerance }, words) {
  return fill(words[relation], { target: digits(target), tolerance: digits(tolerance) });
}

// A deviation needs two digits.
function brief(value) {
  return digits(Number(value.toPrecision(2)));
}

function cell(title, help) {
  const box = document.createElement("div");
  box.innerHTML = `<span></span><b>–</b>`;
  box.firstChild.textContent = title;
  if (help) box.title = help;
  return box;
}

function row(tag, texts) {
  const line = document.createElement("tr");
  line.append(...texts.map((text) => element(tag, "", text)));
  return line;
}
