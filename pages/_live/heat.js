// Colours of heat maps, in light and dark.

import { background } from "./plotly.js";

export const BLUE = [59, 130, 196], ORANGE = [217, 119, 42];
const LIGHT = [249, 249, 248], DARK = [25, 30, 38];
const SHADES = 256; // from one end to the other, and of each class

// Colours of an element's surroundings: its text, quieter text, its ground, and zero on a heat map.
export function surroundings(node) {
  const ground = background(node);
  const [r, g, b] = numbers(ground);
  const dark = 0.3 * r + 0.59 * g + 0.11 * b < 110;
  const { color, fontFamily } = getComputedStyle(node);
  return { text: color, mute: `rgba(${numbers(color).slice(0, 3)}, 0.62)`, line: `rgba(${numbers(color).slice(0, 3)}, 0.16)`, ground, dark, font: fontFamily, middle: dark ? DARK : LIGHT };
}

function numbers(color) {
  if (color.startsWith("#")) return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return (color.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
}

// Orange over the middle to blue, as SHADES packed pixels for -1 … 1. `strength` is how much of the
// colours there is at the ends; a `bend` below 1 shows small values more.
export function signedShades(middle, strength = 1, bend = 1) {
  return Uint32Array.from({ length: SHADES }, (_, i) => {
    const value = (2 * i) / (SHADES - 1) - 1;
    return packed(mixed(middle, value < 0 ? ORANGE : BLUE, strength * Math.abs(value) ** bend));
  });
}

// The colour of each class from hardly to quite certain; the index is that of `flattened` values.
export function classShades(colors, middle, strength = 1) {
  const made = new Uint32Array(SHADES * colors.length);
  colors.forEach((color, k) => {
    for (let i = 0; i < SHADES; i += 1) made[k * SHADES + i] = packed(mixed(middle, numbers(color), strength * (0.12 + (0.88 * i) / SHADES)));
  });
  return made;
}

// From the middle to one colour, for 0 … 1.
export function singleShades(color, middle) {
  return Uint32Array.from({ length: SHADES }, (_, i) => packed(mixed(middle, numbers(color), i / (SHADES - 1))));
}

function mixed(from, to, share) {
  return from.map((c, i) => Math.round(c + (to[i] - c) * share));
}

function packed([r, g, b]) {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

// Writes a side × side column of values (row 0 lowest) into pixels, from row `top` on.
// shade: value → index of `shades`
export function paint(pixels, shades, column, side, top, low, high) {
  const last = shades.length - 1;
  const scale = last / (high - low);
  for (let row = 0; row < side; row += 1) {
    let at = (top + side - 1 - row) * side;
    for (let p = row * side, end = p + side; p < end; p += 1, at += 1) {
      const index = (column[p] - low) * scale;
      pixels[at] = shades[index > 0 ? (index < last ? index + 0.5 | 0 : last) : 0];
    }
  }
}

// As `paint`, for `flattened` values of several classes.
export function paintClasses(pixels, shades, column, side) {
  for (let row = 0; row < side; row += 1) {
    let at = (side - 1 - row) * side;
    for (let p = row * side, end = p + side; p < end; p += 1, at += 1) pixels[at] = shades[(column[p] * SHADES) | 0];
  }
}

// A canvas off the page with packed pixels to write into.
export class Sheet {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
  }

  size(width, height) {
    if (this.image?.width === width && this.image.height === height) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  show() {
    this.context.putImageData(this.image, 0, 0);
  }
}
