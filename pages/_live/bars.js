// The probabilities of classes as bars with names. The rows are made once and then only changed.

import { element } from "./format.js";

export class Bars {
  constructor(list) {
    this.list = list;
    list.classList.add("gl-bars");
  }

  // truth: the tag of the true class, in words; without it none is marked.
  make(names, label, truth = "") {
    this.list.dataset.tagged = String(Boolean(truth));
    const key = JSON.stringify([names, label, truth]);
    if (key === this.key) return;
    this.key = key;
    this.list.setAttribute("aria-label", label);
    this.list.style.setProperty("--name", widthOf(names));
    this.rows = names.map((name) => {
      const row = element("li");
      const [title, tag, line, value] = [element("span", "gl-bar-name", name), element("small", "", truth), element("i"), element("span", "gl-bar-value")];
      title.title = name;
      line.append(element("b"));
      row.append(title, line, value, tag);
      return { row, line: line.firstChild, value, tag };
    });
    this.list.replaceChildren(...this.rows.map(({ row }) => row));
  }

  // shares: one a class, or null for none; truth: the index of the true class, if it is known.
  show(shares, { truth = -1, quiet = false } = {}) {
    const winner = shares && !quiet ? best(shares) : -1;
    this.rows.forEach(({ row, line, value, tag }, k) => {
      row.dataset.winner = String(k === winner);
      row.dataset.right = String(truth < 0 || k === truth);
      tag.hidden = k !== truth;
      line.style.width = `${(100 * (shares?.[k] ?? 0)).toFixed(2)}%`;
      value.textContent = shares ? percent(shares[k]) : "";
    });
  }
}

// Room for the names: as wide as the longest, up to twelve characters.
export function widthOf(names) {
  return `${Math.min(12, Math.max(1, ...names.map((name) => name.length)))}ch`;
}

export function best(shares) {
  return shares.reduce((at, share, k) => (share > shares[at] ? k : at), 0);
}

// Whole percents; finer where they would claim to be certain.
export function percent(share) {
  if (!Number.isFinite(share)) return "–";
  return `${(100 * share).toFixed(share > 0.99 && share < 0.9995 ? 1 : 0)} %`;
}
