// What a network answers to a picture that Python has shown it.
//
// data: { picture (rows), probabilities, classes, height, words }; words: sees, why, answer
// trigger: asked → { picture: rows }

import { Bars, best, percent } from "./bars.js";
import { paintRows } from "./rows.js";

export class Answer {
  part = "answer";

  constructor(root) {
    root.innerHTML = `<div class="gl-pad"><div class="gl-pad-says">
      <div class="gl-pad-top"><figure><canvas role="img"></canvas><figcaption></figcaption></figure>
        <p class="gl-verdict" role="status"><b></b><span></span></p></div>
      <ul></ul>
      <div class="gl-pad-foot"><button class="gl-button" type="button"></button></div></div></div>`;
    const find = (name) => root.querySelector(name);
    Object.assign(this, { box: find(".gl-pad"), canvas: find("canvas"), caption: find("figcaption"), verdict: find(".gl-verdict"), button: find("button") });
    this.bars = new Bars(find("ul"));
    this.button.onclick = () => this.component.setTriggerValue("asked", { picture: this.data.picture });
  }

  update(data) {
    const { words, classes, probabilities, picture } = (this.data = data);
    this.box.style.setProperty("--height", `${data.height}px`);
    this.caption.textContent = words.sees;
    this.canvas.setAttribute("aria-label", words.sees);
    this.button.textContent = words.why;
    paintRows(this.canvas, picture);
    this.bars.make(classes, words.answer);
    this.bars.show(probabilities);
    const winner = best(probabilities);
    this.verdict.children[0].textContent = classes[winner];
    this.verdict.children[1].textContent = percent(probabilities[winner]);
  }

  // It follows no run.
  draw() {}
}
