// Pictures of each class from the visitor's camera: while the button of a class is held, it takes them.
//
// data: { classes: [{ name, count }], side (of the pictures, in pixels), most (pictures in one go), longest (characters of a
//   name), taken (another number whenever Python has taken what was sent), words }
// words: those of camera.js, and hint, hold ("Hold to record {name}"), first (where there is no class yet), name, add,
//   done ("{count} … {name}"), full (the same: no more in one go), notice (where the pictures will be kept)
// trigger: recorded → { label, frames: [base64 of a JPEG] }, once the button is let go

import { Camera } from "./camera.js";
import { element, fill, whole } from "./format.js";

const APART = 125; // ms between pictures
const SHOWN = 5; // pictures of those taken last
const LOST = 10_000; // ms until one that was sent counts as lost
const KEYS = [" ", "Enter"];

export class Webcam {
  part = "webcam";

  constructor(root) {
    root.innerHTML = `<div class="gl-webcam">
        <div></div><p class="gl-webcam-told" role="status"></p><ul></ul>
        <form><input type="text" autocomplete="off"><button class="gl-button" type="submit"></button></form>
        <p class="gl-webcam-notice"></p>
      </div>`;
    const find = (name) => root.querySelector(name);
    Object.assign(this, { told: find(".gl-webcam-told"), list: find("ul"), form: find("form"), field: find("input"), notice: find(".gl-webcam-notice") });
    this.camera = new Camera(find(".gl-webcam > div"), () => this.turned());
    this.film = element("div", "gl-film");
    this.film.append(element("b"), element("div"));
    this.camera.box.append(this.film);
    this.form.onsubmit = (event) => { event.preventDefault(); this.add(); };
    this.field.oninput = () => this.render();
    this.added = []; // classes that have no picture yet
    this.rows = [];
    this.queue = []; // recordings that wait for the one before them: Streamlit keeps the newest only
  }

  update(data) {
    const { words } = data;
    const taken = this.data && data.taken !== this.data.taken;
    this.data = data;
    this.added = this.added.filter((name) => !data.classes.some((kind) => kind.name === name));
    this.camera.update(words);
    this.list.setAttribute("aria-label", words.hint);
    this.field.placeholder = this.field.ariaLabel = words.name;
    this.field.maxLength = data.longest;
    this.form.querySelector("button").textContent = words.add;
    this.notice.textContent = words.notice;
    this.notice.hidden = data.classes.length > 0; // the page says so below them
    if (taken) this.next();
    this.render();
  }

  // It follows no run.
  draw() {}

  release() {
    clearInterval(this.timer);
    clearTimeout(this.lost);
    this.roll = null; // nobody is there to take it
    this.camera.release();
  }

  turned() {
    this.say();
    this.end();
    this.render();
    if (this.camera.on && !this.rows.length) this.field.focus({ preventScroll: true });
  }

  // Classes -------------------------------------------------------------------------------------

  add() {
    const name = this.field.value.split(/\s+/).filter(Boolean).join(" ");
    if (!name) return;
    this.field.value = "";
    if (!this.names().includes(name)) this.added.push(name);
    this.say();
    this.render();
    this.rows.find((row) => row.name === name)?.button.focus({ preventScroll: true });
  }

  // Each stays where it is, under the hand.
  names() {
    const all = new Set([...this.data.classes.map(({ name }) => name), ...this.added]);
    return [...new Set([...this.rows.map(({ name }) => name).filter((name) => all.has(name)), ...all])];
  }

  // With those that Python does not know yet.
  count(name) {
    const here = [this.roll, this.sent, ...this.queue].filter((roll) => roll?.label === name);
    const kept = this.data.classes.find((kind) => kind.name === name)?.count ?? 0;
    return here.reduce((sum, { frames }) => sum + frames.length, kept);
  }

  row(name) {
    const button = element("button", "gl-hold");
    button.type = "button";
    button.append(element("i"), element("span", "", name), element("b"));
    button.title = fill(this.data.words.hold, { name });
    button.onpointerdown = (event) => {
      if (!event.isPrimary || event.button || button.disabled) return;
      button.setPointerCapture(event.pointerId); // it may be let go anywhere
      this.begin(name, button);
    };
    button.onkeydown = (event) => {
      if (!KEYS.includes(event.key)) return;
      event.preventDefault();
      if (!event.repeat) this.begin(name, button);
    };
    button.onkeyup = (event) => { if (KEYS.includes(event.key)) this.end(button); };
    button.onlostpointercapture = button.onblur = () => this.end(button);
    button.oncontextmenu = (event) => event.preventDefault();
    return { name, button };
  }

  // Recording -----------------------------------------------------------------------------------

  begin(label, button) {
    if (this.roll || !this.camera.on) return;
    this.roll = { label, frames: [] };
    this.held = button;
    this.film.lastChild.replaceChildren();
    this.snap();
    this.timer = setInterval(() => this.snap(), APART);
  }

  snap() {
    const { roll: { label, frames }, data: { side, most, words } } = this;
    const picture = this.camera.picture(side);
    if (picture && picture !== frames.at(-1)) { // else the camera is slower
      frames.push(picture);
      const shown = element("img");
      shown.alt = "";
      shown.src = `data:image/jpeg;base64,${picture}`;
      this.film.lastChild.prepend(shown);
      this.film.lastChild.children[SHOWN]?.remove();
    }
    this.render();
    if (frames.length < most) return;
    this.end();
    this.say(fill(words.full, { count: whole(frames.length), name: label }));
  }

  // Of the button that is held, if one is named.
  end(button = this.held) {
    if (!this.roll || button !== this.held) return;
    clearInterval(this.timer);
    const { label, frames } = this.roll;
    this.roll = this.held = null;
    if (frames.length) {
      this.queue.push({ label, frames });
      this.say(fill(this.data.words.done, { count: whole(frames.length), name: label }));
    }
    this.send();
    this.render();
  }

  send() {
    if (this.sent || !this.queue.length) return;
    this.sent = this.queue.shift();
    this.lost = setTimeout(() => { this.next(); this.render(); }, LOST);
    this.component.setTriggerValue("recorded", this.sent);
  }

  // The one that was sent has been taken.
  next() {
    clearTimeout(this.lost);
    this.sent = null;
    this.send();
  }

  // Telling -------------------------------------------------------------------------------------

  say(text = "") {
    const { words } = this.data;
    this.told.textContent = text || (this.names().length ? words.hint : words.first);
  }

  render() {
    const { camera, roll, film } = this;
    const names = this.names();
    if (!roll && JSON.stringify(names) !== JSON.stringify(this.rows.map(({ name }) => name))) { // a button that is held stays
      this.rows = names.map((name) => this.rows.find((row) => row.name === name) ?? this.row(name));
      this.list.replaceChildren(...this.rows.map(({ button }) => { const item = element("li"); item.append(button); return item; }));
    }
    for (const { name, button } of this.rows) {
      button.disabled = !camera.on;
      button.dataset.held = String(roll?.label === name);
      button.lastChild.textContent = whole(this.count(name));
    }
    if (!this.told.textContent) this.say();
    this.form.querySelector("button").disabled = !this.field.value.trim();
    film.hidden = !roll;
    film.firstChild.textContent = roll ? whole(roll.frames.length) : "";
  }
}
