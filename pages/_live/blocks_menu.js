// The menu of blocks that can be added at one place; what is impossible there says why.

import { element } from "./format.js";

// Kinds that belong together; the name is that of their colour and of their word.
export const FAMILIES = {
  windows: ["conv", "residual", "bottleneck", "inception"],
  shrinking: ["maxpool", "avgpool", "gap"],
  steadying: ["norm", "dropout"],
  activations: ["relu", "leaky-relu", "tanh", "sigmoid", "gelu", "silu"],
  vectors: ["dense", "lstm", "bilstm"],
};

export const familyOf = (kind) => Object.keys(FAMILIES).find((name) => FAMILIES[name].includes(kind));

export class Menu {
  // choose(kind) is told what was chosen.
  constructor(box, choose) {
    Object.assign(this, { box, choose });
    this.node = element("div", "gl-kinds");
    this.node.role = "menu";
    this.node.hidden = true;
    box.append(this.node);
    this.node.addEventListener("keydown", (event) => this.press(event));
    this.node.addEventListener("focusout", ({ relatedTarget }) => { if (relatedTarget && !this.node.contains(relatedTarget)) this.close(false); });
    this.outside = ({ target }) => { if (!this.node.contains(target) && !this.anchor?.contains(target)) this.close(false); };
  }

  // kinds: { name: { title, help } }; whyNot(kind): why it cannot stand there, or ""
  open(anchor, { kinds, words, whyNot }) {
    this.anchor = anchor;
    anchor.ariaExpanded = "true";
    this.node.ariaLabel = words.add;
    this.node.replaceChildren(...Object.entries(FAMILIES).map(([name, members]) => this.group(name, members, { kinds, words, whyNot })));
    this.node.hidden = false;
    this.place();
    this.items.find(({ ariaDisabled }) => !ariaDisabled)?.focus({ preventScroll: true });
    document.addEventListener("pointerdown", this.outside);
  }

  get items() {
    return [...this.node.querySelectorAll("button")];
  }

  group(name, members, { kinds, words, whyNot }) {
    const group = element("div");
    group.role = "group";
    group.dataset.family = name;
    group.ariaLabel = words[name];
    group.append(element("b", "", words[name]), ...members.map((kind) => {
      const item = element("button");
      const reason = whyNot(kind);
      Object.assign(item, { type: "button", role: "menuitem", tabIndex: -1 });
      item.append(element("span", "", kinds[kind].title), element("small", "", reason || kinds[kind].help));
      if (reason) item.ariaDisabled = "true";
      item.onclick = () => {
        if (reason) return;
        this.close(false);
        this.choose(kind);
      };
      return item;
    }));
    return group;
  }

  // Below the button where it was asked for, within the panel.
  place() {
    const { node, box, anchor } = this;
    const around = box.getBoundingClientRect(), at = anchor.getBoundingClientRect();
    const left = at.left + at.width / 2 - around.left - node.offsetWidth / 2;
    node.style.left = `${Math.max(0, Math.min(left, around.width - node.offsetWidth))}px`;
    node.style.top = `${at.bottom - around.top + 6}px`;
    node.scrollIntoView?.({ block: "nearest" });
  }

  press(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") this.close();
    else if (event.key === "Tab") this.close();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else if (steps[event.key]) items[(at + steps[event.key] + items.length) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  close(back = true) {
    if (this.node.hidden) return;
    this.node.hidden = true;
    this.anchor.ariaExpanded = "false";
    document.removeEventListener("pointerdown", this.outside);
    if (back) this.anchor.focus();
  }
}
