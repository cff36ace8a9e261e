// The measured figures, the published ones beside them, and the notes of the run.

import { digits, fill } from "./format.js";

export class Metrics {
  part = "metrics";

  constructor(root) {
    root.innerHTML = `<div class="gl-metrics"></div><table class="gl-published"><tbody></tbody></table><div class="gl-notes" aria-live="polite"></div>`;
    [this.grid, this.table, this.notes] = root.children;
  }

  update(data) {
    const text = JSON.stringify([data.metrics, data.published, data.baselines]);
    this.data = data;
    if (text === this.text) return;
    this.text = text;
    this.grid.replaceChildren(...data.metrics.map(({ title, help }) => cell(title, help)));
    this.grid.append(...data.baselines.map(({ title, value, help }) => {
      const box = cell(title, help);
      box.classList.add("gl-baseline");
      box.lastChild.textContent = digits(value);
      return box;
    }));
    this.table.hidden = !data.published.length;
    const { words } = data;
    const head = row("th", [words.figure, words.published, words.measured, words.seeds]);
    head.lastChild.title = words.seeds_help;
    this.rows = data.published.map(({ title, value, seeds }) => {
      const line = row("td", [title, digits(value), "", seeds ? digits(seeds.median) : "–"]);
      if (seeds) line.lastChild.append(part("small", `${digits(seeds.low)} … ${digits(seeds.high)}`));
      return line;
    });
    this.table.tBodies[0].replaceChildren(head, ...this.rows);
  }

  draw(stream) {
    const { metrics, published, words } = this.data;
    metrics.forEach(({ name }, i) => {
      const value = stream.value(name);
      this.grid.children[i].hidden = value == null;
      this.grid.children[i].lastChild.textContent = digits(value);
    });
    const done = stream.terminal?.type === "done" && stream.count === stream.columns.step.length;
    published.forEach((figure, i) => {
      const value = stream.value(figure.name);
      const ok = done && value != null && reached(figure, value);
      const verdict = part("small", !done || value == null ? "" : ok ? `✓ ${words.reproduced}` : `✗ ${words.missed}`);
      verdict.className = ok ? "gl-good" : "gl-bad";
      verdict.title = rule(figure, words);
      this.rows[i].children[2].replaceChildren(digits(value), verdict);
    });
    this.drawNotes(stream, words);
  }

  drawNotes(stream, words) {
    const notes = stream.notes.filter((note) => note.text).slice(-2);
    const end = stream.terminal;
    if (end && end.type !== "done") notes.push({ level: "error", text: end.data.message ?? words[end.type] });
    if (stream.state === "missing") notes.push({ level: "error", text: words.missing });
    const text = JSON.stringify(notes);
    if (text === this.notesText) return;
    this.notesText = text;
    this.notes.replaceChildren(...notes.map(({ level, text: words_ }) => {
      const note = document.createElement("div");
      note.className = `gl-note gl-${level}`;
      note.textContent = words_;
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

function cell(title, help) {
  const box = document.createElement("div");
  box.innerHTML = `<span></span><b>–</b>`;
  box.firstChild.textContent = title;
  if (help) box.title = help;
  return box;
}

function row(tag, texts) {
  const line = document.createElement("tr");
  line.append(...texts.map((text) => part(tag, text)));
  return line;
}

function part(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
