// Several models, one answer: how good each model is and each rule that fuses them, on the same test pictures,
// while the models train; and one picture at a time, what each of them says about it. The rules are worked out
// here, so that a moved weight shows at once. Numbers can be typed, too: a small example instead of the models.
//
// data: { kind, height, label, theme, words, weights (what they start with), colors (of the models) }
// words: accuracy, of ("{count} of {total} test pictures"), single (the line), weight, equal (all weights are 0),
//   best, vote, average, weighted, stacked, later (when stacking answers), none (before the first frame),
//   picture, number ("{number} of {count}"), before, next, truth, disagree (the switch), agree (none does not),
//   answer, right, wrong, own, back, again, own_title, own_about, model ("Model {name}"), class ("Class {number}"),
//   tie, bad, scaled
// stream.told.arrays: classes, models
// frame.fusion: { probabilities (models, pictures, classes), labels, stacked?, total, sheet, places }: all of
//   bytes; of the pictures the sheet shows those at `places`
// trigger: weights → { weights }, when a slider is let go

import { fill, whole } from "./format.js";
import { accuracy, ahead, averaged, disagree, favoured, picturesOf, scaled, top, typed, voted, votes, weighed } from "./fusion_rules.js";
import { calculation, Scores, Shares } from "./fusion_table.js";
import { decode } from "./image.js";
import { bitmap, tile } from "./mosaic.js";

const NARROW = 540; // px: below it, top to bottom
const COLUMNS = 4; // classes that the table shows
const SIDE = 144; // pixels of the thumbnail
const ROW = { least: 28, most: 38, narrow: 34 }; // px of a line
const AROUND = 146; // px above and below the lines
const REST = 250; // ms: a few arrow keys in a row are one change of a weight
const NAMES = ["A", "B", "C"];
const EXAMPLE = [["0.9", "0.1", "0"], ["0.4", "0.6", "0"], ["0.4", "0.6", "0"]]; // vote and average differ
const RULES = ["vote", "average", "weighted"];
const NEAR = 1e-6; // a row that adds up to 1 but for rounding is not said to be scaled
const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

export class Fusion {
  part = "fusion";

  constructor(root) {
    root.innerHTML = `<div class="gl-fusion" role="group">
      <div class="gl-fusion-head"><b></b><p><span></span><small></small></p>
        <div><button class="gl-button" type="button"></button><button class="gl-button" type="button"></button></div></div>
      <div class="gl-fusion-picture">
        <canvas width="${SIDE}" height="${SIDE}" role="slider" tabindex="0"></canvas>
        <div><small></small><b></b><span><button class="gl-button" type="button">◀</button><span></span><button class="gl-button" type="button">▶</button></span></div>
        <p></p>
        <label class="gl-switch"><input type="checkbox" checked><span></span></label>
      </div>
      <table class="gl-fusion-scores"></table>
      <table class="gl-fusion-shares"></table>
      <p class="gl-told" role="status"></p>
      <p class="gl-empty" hidden></p>
    </div>`;
    const find = (name) => root.querySelector(name);
    this.root = root;
    Object.assign(this, { box: find(".gl-fusion"), head: find(".gl-fusion-head"), picture: find(".gl-fusion-picture"), canvas: find("canvas"), only: find("input"), told: find(".gl-told"), empty: find(".gl-empty") });
    [this.pencil, this.againButton] = this.head.querySelectorAll("button");
    [this.before, this.next] = this.picture.querySelectorAll("button");
    this.scores = new Scores(find(".gl-fusion-scores"), (m, weight) => this.weigh(m, weight), () => this.rest());
    this.shares = new Shares(find(".gl-fusion-shares"));
    this.weights = [];
    this.listen();
    this.observer = new ResizeObserver(() => this.size());
    this.observer.observe(this.box);
  }

  listen() {
    this.pencil.onclick = () => { this.trying = !this.trying; this.size(); this.paint(); };
    this.againButton.onclick = () => { this.example = null; this.paint(); };
    this.before.onclick = (event) => this.go(-1, event);
    this.next.onclick = (event) => this.go(1, event);
    this.only.onchange = () => { this.held = null; this.paint(); };
    this.picture.onkeydown = (event) => {
      const by = STEPS[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.go(by, event);
    };
  }

  update(data) {
    const { words } = data;
    this.data = data;
    this.box.setAttribute("aria-label", data.label);
    this.empty.textContent = words.none;
    this.againButton.textContent = words.again;
    this.only.nextElementSibling.textContent = words.disagree;
    this.canvas.setAttribute("aria-label", words.picture);
    for (const [button, name] of [[this.before, words.before], [this.next, words.next]]) {
      button.title = name;
      button.setAttribute("aria-label", name);
    }
    this.adopt(data.weights);
    this.size();
    this.paint();
  }

  // The weights of the page, unless they are those that were sent to it, or older.
  adopt(weights) {
    const key = JSON.stringify(weights);
    if (key === this.given) return;
    this.given = key;
    if (this.sent?.includes(key)) {
      if (key === this.sent.at(-1)) this.sent = [];
    } else [this.weights, this.sent] = [[...weights], []];
  }

  size() {
    if (!this.data || !this.box.clientWidth) return;
    const narrow = this.box.clientWidth < NARROW;
    const lines = this.trying ? NAMES.length + RULES.length : (this.seen?.models.length ?? 0) + RULES.length + 1;
    const room = Math.floor((this.data.height - AROUND) / lines);
    this.box.dataset.narrow = String(narrow);
    this.box.style.setProperty("--height", `${this.data.height}px`);
    this.box.style.setProperty("--line", `${narrow ? ROW.narrow : Math.max(ROW.least, Math.min(ROW.most, room))}px`);
  }

  // Another run: what is drawn stays until its first frame is there.
  reset() {
    this.fresh = true;
  }

  release() {
    this.observer.disconnect();
    clearTimeout(this.resting);
  }

  // Frames --------------------------------------------------------------------------------------

  draw(stream) {
    const frame = stream.frame(this.data.kind);
    const { classes, models } = stream.told.arrays ?? {};
    this.waits = stream.source.kind !== "nothing" && !stream.terminal;
    const there = frame?.data.fusion && classes && models;
    if (there && frame !== this.seen?.frame) this.read(frame, classes, models);
    this.paint();
    return Boolean(this.seen);
  }

  read(frame, classes, models) {
    const { probabilities, labels: told, stacked, ...rest } = frame.data.fusion;
    const pictures = picturesOf(decode(probabilities), probabilities.shape);
    const labels = decode(told);
    const right = (answer) => accuracy(pictures.map(answer), labels);
    const singles = models.map((_, m) => right((rows) => top(rows[m])));
    const answers = stacked ? [...decode(stacked)] : null;
    const known = { vote: right(voted), average: right((rows) => top(averaged(rows))), stacked: answers && accuracy(answers, labels) };
    this.seen = { frame, classes, models, pictures, labels, right, singles, known, answers, ...rest };
    if (this.fresh) [this.fresh, this.held] = [false, null];
    this.size();
  }

  paint() {
    const { trying = false, seen, data: { words } } = this;
    const shown = trying || Boolean(seen);
    this.box.dataset.own = String(trying);
    this.box.dataset.shown = String(shown);
    this.empty.hidden = shown || Boolean(this.waits);
    this.pencil.textContent = trying ? words.back : `✎ ${words.own}`;
    this.againButton.hidden = !trying;
    const [title, [about, line]] = [this.head.firstChild, this.head.querySelector("p").children];
    title.textContent = trying ? words.own_title : words.accuracy;
    about.textContent = trying ? words.own_about : seen ? fill(words.of, { count: whole(seen.labels.length), total: whole(seen.total) }) : "";
    line.textContent = trying || !seen ? "" : words.single;
    if (trying) this.paintExample();
    else if (seen) { this.paintScores(); this.paintPicture(); }
  }

  lines(models) {
    const { words, colors } = this.data;
    const rules = [...RULES, ...(this.trying ? [] : ["stacked"])];
    return [...models.map((name, m) => ({ name, color: colors[m] })), ...rules.map((rule) => ({ name: words[rule] }))];
  }

  paintScores() {
    const { seen: { models, singles, known, right }, counted: weights, data: { words } } = this;
    this.scores.make(this.lines(models), words);
    this.scores.weigh(weights);
    const weighted = right((rows) => top(weighed(rows, weights)));
    this.scores.show([...singles, known.vote, known.average, weighted, known.stacked], Math.max(...singles), words.later);
  }

  // Weights -------------------------------------------------------------------------------------

  // A weight of each model there is: the page may know of another number of them, before their run begins.
  get counted() {
    return this.seen.models.map((_, m) => this.weights[m] ?? 1);
  }

  weigh(m, weight) {
    if (this.trying) this.example.weights[m] = weight;
    else this.weights = this.counted.with(m, weight);
    this.paint();
  }

  // The weights of the example are nobody else's.
  rest() {
    if (this.trying) return;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const key = JSON.stringify(this.weights);
      if (key === (this.sent.at(-1) ?? this.given)) return;
      this.sent.push(key);
      this.component.setTriggerValue("weights", { weights: [...this.weights] });
    }, REST);
  }

  allZero(weights) {
    return weights.every((weight) => weight === 0);
  }

  tell(text, bad = false) {
    if (this.told.textContent !== text) this.told.textContent = text;
    this.told.classList.toggle("gl-bad", bad);
  }

  // One picture ---------------------------------------------------------------------------------

  // The pictures to go through; the one that the visitor went to stays while the models change their minds.
  get offered() {
    const { places, pictures } = this.seen;
    return this.only.checked ? places.filter((place) => place === this.held || disagree(pictures[place])) : places;
  }

  go(by, event) {
    const { offered } = this;
    if (!offered.length) return;
    const at = offered.indexOf(this.place);
    this.held = offered[(at + by + offered.length) % offered.length];
    if (event.detail) this.canvas.focus({ preventScroll: true }); // the arrow keys shall go on from here
    this.paint();
  }

  paintPicture() {
    const { seen: { models, classes, pictures, labels, answers }, offered, data: { words }, counted: weights } = this;
    this.place = offered.includes(this.held) ? this.held : offered[0];
    const none = this.place == null;
    const [text, agree] = this.picture.querySelectorAll("div, p");
    this.canvas.hidden = text.hidden = none;
    agree.hidden = !none;
    agree.textContent = words.agree;
    const rows = none ? null : pictures[this.place];
    const columns = rows ? favoured(rows, COLUMNS) : [];
    this.shares.make(this.lines(models), columns.map((k) => classes[k]), words);
    const said = rows ? [...judged(rows, weights), answers && { answer: answers[this.place] }] : [];
    const truth = rows ? labels[this.place] : null;
    this.shares.show(said, columns, classes, truth);
    if (rows) this.caption(offered, classes[truth]);
    const tie = rows && ahead(rows).length > 1;
    this.tell(this.allZero(weights) ? words.equal : tie ? `${words.vote}: ${words.tie}` : "");
  }

  caption(offered, name) {
    const { words } = this.data;
    const at = offered.indexOf(this.place);
    const number = fill(words.number, { number: at + 1, count: offered.length });
    const [truth, title, { children: [, place] }] = this.picture.querySelector("div").children;
    truth.textContent = words.truth;
    Object.assign(title, { textContent: name, title: name });
    place.textContent = number;
    for (const [key, value] of Object.entries({ valuemin: 1, valuemax: offered.length, valuenow: at + 1, valuetext: `${number}: ${name}` })) this.canvas.setAttribute(`aria-${key}`, value);
    this.thumbnail();
  }

  async thumbnail() {
    const { seen: { sheet, places }, place } = this;
    const context = this.canvas.getContext("2d");
    if (this.webp !== sheet.webp) Object.assign(this, { webp: sheet.webp, sheet: bitmap(sheet.webp).catch(() => null) });
    const image = await this.sheet;
    if (this.seen.sheet !== sheet || this.place !== place) return; // another one has come meanwhile
    context.clearRect(0, 0, SIDE, SIDE);
    context.imageSmoothingEnabled = false;
    if (image) context.drawImage(image, ...tile(sheet, places.indexOf(place)), 0, 0, SIDE, SIDE);
  }

  // Numbers of one's own ------------------------------------------------------------------------

  paintExample() {
    const { words } = this.data;
    const names = NAMES.map((name) => fill(words.model, { name }));
    const classes = EXAMPLE[0].map((_, k) => fill(words.class, { number: k + 1 }));
    const lines = this.lines(names);
    this.example ??= { texts: EXAMPLE, weights: NAMES.map(() => 1) };
    this.scores.make(lines, words, true);
    this.shares.make(lines, classes, words, () => { this.example.texts = this.shares.texts; this.paint(); });
    const bad = this.check();
    const { rows, weights, changed } = this.example;
    const said = judged(rows, weights);
    this.shares.type(this.example.texts, bad);
    this.shares.show(said, classes.map((_, k) => k), classes, null);
    this.scores.weigh(weights);
    this.sums(said.slice(rows.length));
    const wrong = bad.flat().includes(true);
    this.tell(wrong ? words.bad : changed ? words.scaled : this.allZero(weights) ? words.equal : "", wrong);
  }

  // Which of the texts are no probabilities, or all 0 in a row; as long as there are any, the last good rows stay.
  check() {
    const told = this.example.texts.map((texts) => texts.map(typed));
    const bad = told.map((row) => (row.every((share) => share === 0) ? row.map(() => true) : row.map((share) => share == null)));
    if (bad.flat().includes(true)) return bad;
    const rows = told.map(scaled);
    const changed = rows.some((row, m) => row.some((share, k) => Math.abs(share - told[m][k]) > NEAR));
    Object.assign(this.example, { rows, changed });
    return bad;
  }

  // How each rule comes to its answer.
  sums([vote, average, weighted]) {
    const { words } = this.data;
    const { rows, weights } = this.example;
    const tie = ahead(rows).length > 1;
    const texts = [
      NAMES.filter((_, m) => top(rows[m]) === vote.answer).join(", ") + (tie ? ` (${words.tie})` : ""),
      calculation(rows, rows.map(() => 1), average.answer),
      calculation(rows, weights, weighted.answer),
    ];
    texts.forEach((text, i) => { this.scores.lines[rows.length + i].sum.textContent = text; });
  }
}

// What stands in the table: of each model, then of each rule.
function judged(rows, weights) {
  const counts = votes(rows);
  const means = [averaged(rows), weighed(rows, weights)];
  return [
    ...rows.map((shares) => ({ shares, answer: top(shares) })),
    { shares: counts.map((count) => count / rows.length), counts, answer: voted(rows) },
    ...means.map((shares) => ({ shares, answer: top(shares) })),
  ];
}
