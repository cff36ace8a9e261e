// The feature maps of a picture, stage by stage, as the panel of a run shows them.

import { element } from "./format.js";
import { Maps } from "./maps.js";
import { imageOf, shapeOf } from "./rows.js";

const CONVOLUTION = /^conv/; // its maps can be made step by step

export class Through {
  constructor(why) {
    this.why = why;
    this.box = element("div", "gl-through");
    this.maps = new Maps(this.box);
    this.maps.component = { setTriggerValue: (_name, at) => this.chosen(at) };
    this.maps.schedule = () => requestAnimationFrame(() => this.draw());
    this.stream = { frame: () => this.frame, source: { kind: "nothing" }, told: {} };
    this.maps.stream = this.stream;
  }

  options() {
    return {};
  }

  release() {
    this.maps.release();
  }

  size() {
    this.maps.size();
    this.draw();
  }

  draw() {
    if (this.frame && this.box.isConnected) this.maps.draw(this.stream);
  }

  show(answer) {
    if (answer === this.answer) { this.draw(); return; }
    this.answer = answer;
    const { picture, classes, label, about, height, maps: words } = this.why.data;
    const stages = answer.stages.filter(({ webp }) => webp);
    this.stream.told = { arrays: { classes, image: shapeOf(picture) } };
    this.frame = { kind: "why", step: 0, data: { maps: stages, input: { webp: encoded(picture) }, probabilities: answer.probabilities, label: label ?? -1 } };
    this.maps.update({ kind: "why", height, label: about, classes, words: { ...words, none: "" } });
    this.draw();
  }

  // A map of a convolution is made before the visitor's eyes.
  chosen({ stage, channel }) {
    if (CONVOLUTION.test(stage)) this.why.open("convolution", { stage, channel });
  }
}

// As the base64 of an image file.
function encoded(rows) {
  const canvas = document.createElement("canvas");
  const image = imageOf(rows);
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}
