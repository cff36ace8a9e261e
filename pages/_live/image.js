// Pictures and grids of pictures on a canvas: WebP, or arrays coloured here.

import { bitmap } from "./mosaic.js";

const BLUE = [59, 130, 196], ORANGE = [217, 119, 42];

export class Image {
  part = "image";

  constructor(root, { data }) {
    root.innerHTML = `<canvas class="gl-canvas" role="img"></canvas>`;
    this.canvas = root.firstChild;
    this.canvas.style.height = `${data.height}px`;
  }

  update(data) {
    this.kind = data.kind;
    this.array = data.array;
    this.canvas.setAttribute("aria-label", data.label);
  }

  async draw(stream) {
    const frame = stream.frame(this.kind);
    if (!frame || frame === this.shown) return;
    this.shown = frame;
    const picture = frame.data[this.array];
    if (picture.webp) this.paint(await bitmap(picture.webp));
    else this.paint(pixels(decode(picture), picture.shape));
  }

  paint(source) {
    [this.canvas.width, this.canvas.height] = [source.width, source.height];
    const context = this.canvas.getContext("2d");
    if (source instanceof ImageData) context.putImageData(source, 0, 0);
    else context.drawImage(source, 0, 0);
  }
}

const TYPES = { uint8: Uint8Array, float32: Float32Array, float64: Float64Array, int32: Int32Array };

export function decode({ dtype, b64 }) {
  const bytes = Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
  return new TYPES[dtype](bytes.buffer);
}

// (H, W) in [-1, 1] becomes orange to blue; (H, W, 3) of uint8 is taken as RGB.
export function pixels(values, [height, width, channels]) {
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    const rgb = channels === 3 ? values.subarray(3 * i, 3 * i + 3) : signed(values[i]);
    image.data.set([rgb[0], rgb[1], rgb[2], 255], 4 * i);
  }
  return image;
}

function signed(value) {
  const strength = Math.min(1, Math.abs(value));
  const end = value > 0 ? BLUE : ORANGE;
  return end.map((c) => 250 + (c - 250) * strength);
}
