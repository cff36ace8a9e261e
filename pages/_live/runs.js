// The visitor's runs as a table: pin, restore, delete, undo.
//
// data: { rows, heads, words, limit, canUndo }
// rows: [{ run, when, settings, metrics: [text, …], seconds, seed, state, pinned, color, shown }]
//   `settings` says what differs, `metrics` go with `heads` (the metrics' titles), `seconds` is a
//   number or a text, `state` a terminal type, `shown` marks the run that the page shows now
// words: runs (the table's name), pin, when, settings, seconds, seed, restore, restore_help, delete,
//   delete_help, undo, empty, full ("Six runs are pinned already"), state words (failed, cancelled, …)
// trigger: action → { kind: "pin" | "unpin" | "restore" | "delete" | "undo", run }

import { element, seconds } from "./format.js";

export class Runs {
  part = "runs";

  constructor(root) {
    root.innerHTML = `<div class="gl-scroll" role="region" tabindex="0"><table class="gl-runs"><thead></thead><tbody></tbody></table></div>
      <p class="gl-empty"></p><button type="button" class="gl-button gl-undo"></button>`;
    [this.region, this.empty, this.undo] = root.children;
    this.table = root.querySelector("table");
    this.undo.onclick = () => this.act("undo", "");
  }

  act(kind, run) {
    this.component.setTriggerValue("action", { kind, run });
  }

  update(data) {
    const text = JSON.stringify(data.rows) + JSON.stringify([data.heads, data.words, data.limit]);
    this.undo.textContent = data.words.undo;
    this.undo.hidden = !data.canUndo;
    if (text === this.text) return;
    this.text = text;
    const { rows, heads, words } = data;
    const focused = this.table.contains(document.activeElement) ? document.activeElement.dataset : null;
    this.region.hidden = !rows.length;
    this.region.setAttribute("aria-label", words.runs);
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = words.empty;
    const titles = ["", words.when, words.settings, ...heads, words.seconds, words.seed, ""];
    this.table.tHead.replaceChildren(line("th", titles.map((title) => [title])));
    this.table.tHead.querySelectorAll("th").forEach((th) => { th.scope = "col"; });
    const full = rows.filter(({ pinned }) => pinned).length >= data.limit;
    this.table.tBodies[0].replaceChildren(...rows.map((row) => this.row(row, words, full)));
    if (focused) [...this.table.querySelectorAll("input, button")].find(({ dataset }) => dataset.run === focused.run && dataset.kind === focused.kind)?.focus();
  }

  row(row, words, full) {
    const name = `${row.when}, ${row.settings}`;
    const pin = element("label", "gl-pin");
    const box = this.control("input", row, "pin", words.pin, name);
    box.type = "checkbox";
    box.checked = row.pinned;
    box.disabled = full && !row.pinned;
    if (box.disabled) pin.title = words.full;
    box.onchange = () => this.act(box.checked ? "pin" : "unpin", row.run);
    const dot = element("i", "gl-dot");
    if (row.pinned) dot.style.background = row.color;
    pin.append(box, dot);
    const buttons = ["restore", "delete"].map((kind) => {
      const button = this.control("button", row, kind, words[kind], name);
      button.type = "button";
      button.className = "gl-button";
      button.textContent = words[kind];
      button.title = words[`${kind}_help`] ?? "";
      button.onclick = () => this.act(kind, row.run);
      return button;
    });
    const state = row.state && row.state !== "done" && words[row.state];
    const settings = state ? [row.settings, element("small", "gl-bad", ` ${state}`)] : [row.settings];
    const time = typeof row.seconds === "number" ? seconds(row.seconds) : row.seconds ?? "–";
    const cells = [[pin], [row.when], settings, ...row.metrics.map((text) => [text]), [time], [row.seed ?? ""], buttons];
    const made = line("td", cells);
    made.children[2].className = "gl-settings";
    made.children[2].title = row.settings;
    made.lastChild.className = "gl-actions";
    if (row.shown) made.setAttribute("aria-current", "true");
    return made;
  }

  // A control that says to screen readers which run it is for, and finds its focus again.
  control(tag, { run }, kind, word, name) {
    const made = document.createElement(tag);
    Object.assign(made.dataset, { run, kind });
    made.setAttribute("aria-label", `${word}: ${name}`);
    return made;
  }

  draw() {}
}

function line(tag, cells) {
  const made = document.createElement("tr");
  made.append(...cells.map((content) => {
    const cell = element(tag);
    cell.append(...content);
    return cell;
  }));
  return made;
}
