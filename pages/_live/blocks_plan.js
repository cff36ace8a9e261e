// The block language in the browser: read, written and sized as engine/topics/cnn/blocks.py does it
// (a test compares the two over many texts), so that an edit is judged while it is made.
//
// block: { kind, values }; shape: [channels, height, width] or [values], [] where it is not known

import { fill } from "./format.js";

const EXPANSION = 4; // how many times wider a bottleneck is at its end
const DEFAULTS = { one: () => 1, zero: () => 0, kernel: ([kernel]) => kernel, half: ([, kernel]) => Math.floor(kernel / 2) };
const MILLION = 1e6;

export class Language {
  // kinds: { name: { title, help, counted_as, parameters: [{ title, short, low, high, default, whole }] } }
  // limits: { text, blocks, parameters, flops, values, inspected }; phrases: why not, in words
  // words: { whole, share, most } for numbers out of their range
  constructor({ kinds, limits, phrases, words }) {
    Object.assign(this, { kinds, limits, phrases, words });
  }

  read(text) {
    if (!text.trim()) return [];
    return text.toLowerCase().split(",").map((part) => {
      const [kind, ...numbers] = part.split(":").map((one) => one.trim());
      return { kind, values: this.filled(kind, numbers.map(Number)) };
    });
  }

  // The numbers of a block with those that were left out.
  filled(kind, given) {
    const values = [...given];
    for (const parameter of this.kinds[kind].parameters.slice(given.length)) if (parameter.default) values.push(DEFAULTS[parameter.default](values));
    return values;
  }

  // The numbers of a block once one is changed; those that are as if left out stay so.
  changed({ kind, values }, place, value) {
    const made = [];
    this.kinds[kind].parameters.forEach((parameter, i) => {
      const follows = i > place && parameter.default && Object.is(values[i], DEFAULTS[parameter.default](values)); // also while nothing is typed
      made.push(i === place ? value : follows ? DEFAULTS[parameter.default](made) : values[i]);
    });
    return made;
  }

  written(blocks) {
    return blocks.map((block) => this.text(block)).join(",");
  }

  // The shortest text of a block that reads as the same.
  text({ kind, values }) {
    const least = this.kinds[kind].parameters.filter((parameter) => !parameter.default).length;
    let shown = values;
    while (shown.length > least && same(this.filled(kind, shown.slice(0, -1)), values)) shown = shown.slice(0, -1);
    return [kind, ...shown.map((value) => String(Number(value.toFixed(6))))].join(":");
  }

  // Every block in its place, and the dense layer to the classes at the end.
  //
  // Returns { stages: [{ block, name, input, output, parameters, flops, problem }], parameters, flops,
  // refusal: { expected, received, stage } or null (too much in all; `stage` has most of it), possible }.
  plan(blocks, { shape, classes, trained = true }) {
    const counts = {};
    let given = shape;
    let inner = 0;
    const stages = [...blocks, { kind: "dense", values: [classes] }].map((block, i) => {
      const last = i === blocks.length;
      const name = this.kinds[block.kind].counted_as;
      counts[name] = (counts[name] ?? 0) + 1;
      const stage = { block, name: last ? "out" : `${name}${counts[name]}`, input: given, output: [], parameters: 0, flops: 0, problem: "" };
      const size = given.length ? this.sized(block, given, last) : null;
      if (size?.problem) stage.problem = size.problem;
      else if (size) Object.assign(stage, { output: size.output, parameters: size.parameters, flops: size.flops });
      inner += size?.inner ?? 0;
      given = stage.output;
      return stage;
    });
    const [parameters, flops] = [total(stages, "parameters"), total(stages, "flops")];
    const found = stages.every(({ problem }) => !problem);
    const refusal = this.tooLong(blocks) ?? (found ? this.tooLarge(stages, { parameters, flops, inner, trained }) : null);
    return { stages, parameters, flops, refusal, possible: found && !refusal };
  }

  // What a block makes of its input, or the problem and what it needs, in words.
  sized(block, given, last) {
    const outside = last ? "" : this.outside(block);
    if (outside) return { problem: outside };
    try {
      return SIZES[block.kind](block.values, given, this.phrases);
    } catch (impossible) {
      if (!(impossible instanceof Impossible)) throw impossible;
      return { problem: fill(this.phrases.problem, { block: this.text(block), ...impossible }), needs: impossible.needs };
    }
  }

  // Which number of a block is out of its range, in words; nothing where all are inside.
  outside({ kind, values }) {
    const { parameters } = this.kinds[kind];
    const wrong = parameters.find(({ low, high, whole }, i) => !(values[i] >= low && values[i] <= high && (!whole || Number.isInteger(values[i]))));
    if (wrong) return fill(wrong.whole ? this.words.whole : this.words.share, { name: wrong.title, low: wrong.low, high: wrong.high });
    const most = Math.floor(values[0] / 2);
    return kind === "maxpool" && values[2] > most ? fill(this.words.most, { most }) : "";
  }

  tooLong(blocks) {
    const { limits, phrases } = this;
    const stage = blocks.length - 1;
    if (blocks.length > limits.blocks) return { expected: fill(phrases.blocks, { n: limits.blocks }), received: String(blocks.length), stage };
    const { length } = this.written(blocks);
    if (length <= limits.text) return null;
    return { expected: fill(phrases.text, { n: commas(limits.text) }), received: fill(phrases.characters, { n: commas(length) }), stage };
  }

  tooLarge(stages, { parameters, flops, inner, trained }) {
    const { limits, phrases } = this;
    const most = trained ? limits.parameters : limits.inspected;
    if (parameters > most) return this.over(stages, "parameters", parameters, String(Math.floor(most / MILLION)));
    if (!trained) return null;
    if (flops > limits.flops) return this.over(stages, "flops", flops, commas(Math.floor(limits.flops / MILLION)));
    const values = inner + stages.reduce((sum, { output }) => sum + product(output), 0);
    if (values <= limits.values) return null;
    const sizes = stages.map(({ output }) => product(output));
    const expected = fill(phrases.values, { most: Math.floor(limits.values / MILLION) });
    return { expected, received: fill(phrases.millions, { n: millions(values) }), stage: sizes.indexOf(Math.max(...sizes)) };
  }

  over(stages, what, sum, most) {
    const { phrases } = this;
    const stage = stages.reduce((best, one, i) => (one[what] > stages[best][what] ? i : best), 0);
    const received = { n: millions(sum), part: millions(stages[stage][what]), stage: stages[stage].name };
    return { expected: fill(phrases[what], { most }), received: fill(phrases.share, received), stage };
  }
}

// Positions of a window along one side: ⌊(W + 2P − D(F − 1) − 1)/S⌋ + 1; below 1, none.
export function slide(size, kernel, stride = 1, padding = 0, dilation = 1) {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

// A block that cannot stand where it stands: needs, gets, remedy, in words.
class Impossible {
  constructor(needs, gets, remedy) {
    Object.assign(this, { needs, gets, remedy });
  }
}

function picture(given, phrases) {
  if (given.length === 3) return given;
  throw new Impossible(phrases.picture, fill(phrases.vector, { n: commas(given[0]) }), phrases.earlier);
}

// Height and width that a sliding window leaves of a picture.
function windowed(given, kernel, stride, padding, phrases) {
  const [, height, width] = picture(given, phrases);
  const out = [height, width].map((size) => slide(size, kernel, stride, padding));
  if (Math.min(...out) >= 1) return out;
  const gets = `${height + 2 * padding} × ${width + 2 * padding}${padding ? phrases.padded : ""}`;
  throw new Impossible(fill(phrases.window, { k: kernel }), gets, phrases.smaller);
}

function made(output, parameters = 0, flops = 0, inner = 0) {
  return { output, parameters, flops, inner };
}

// What one convolution to [channels, ...out] costs.
function convolution([depth], channels, kernel, out, bias = true) {
  const weights = channels * depth * kernel ** 2;
  return made([channels, ...out], weights + bias * channels, 2 * weights * product(out), channels * product(out));
}

// A convolution without bias, and its norm.
function normed(given, channels, kernel, out) {
  const size = convolution(given, channels, kernel, out, false);
  return { ...size, parameters: size.parameters + 2 * channels, inner: 2 * size.inner };
}

function together(output, parts, inner = 0) {
  return made(output, total(parts, "parameters"), total(parts, "flops"), inner + total(parts, "inner"));
}

function conv([channels, kernel, stride, padding], given, phrases) {
  const out = windowed(given, kernel, stride, padding, phrases);
  return { ...convolution(given, channels, kernel, out), inner: 0 };
}

function pool([kernel, stride, padding = 0], given, phrases) {
  const [channels] = picture(given, phrases);
  return made([channels, ...windowed(given, kernel, stride, padding, phrases)]);
}

function dense([neurons], given) {
  const weights = neurons * product(given);
  return made([neurons], weights + neurons, 2 * weights);
}

function residual([channels, stride], given, phrases) {
  const out = windowed(given, 3, stride, 1, phrases);
  const after = [channels, ...out];
  const parts = [normed(given, channels, 3, out), normed(after, channels, 3, out)];
  if (!same(given, after)) parts.push(normed(given, channels, 1, out));
  return together(after, parts);
}

function bottleneck([channels, stride], given, phrases) {
  const [, height, width] = picture(given, phrases);
  const out = windowed(given, 3, stride, 1, phrases);
  const after = [EXPANSION * channels, ...out];
  const parts = [
    normed(given, channels, 1, [height, width]),
    normed([channels, height, width], channels, 3, out),
    normed([channels, ...out], EXPANSION * channels, 1, out),
  ];
  if (!same(given, after)) parts.push(normed(given, EXPANSION * channels, 1, out));
  return together(after, parts);
}

function inception([narrow, medium, wide, pooled], given, phrases) {
  const [channels, ...out] = picture(given, phrases);
  const [beforeMedium, beforeWide] = [medium, wide].map((width) => Math.floor((width + 1) / 2));
  const parts = [
    convolution(given, narrow, 1, out),
    convolution(given, beforeMedium, 1, out),
    convolution([beforeMedium, ...out], medium, 3, out),
    convolution(given, beforeWide, 1, out),
    convolution([beforeWide, ...out], wide, 5, out),
    convolution(given, pooled, 1, out),
  ];
  return together([narrow + medium + wide + pooled, ...out], parts, channels * product(out));
}

// Four gates, each a dense layer of the row and of what is remembered, at every row.
function lstm(directions, [hidden, layers], given, phrases) {
  const [channels, rows, width] = picture(given, phrases);
  let [inputs, weights] = [channels * width, 0];
  for (let layer = 0; layer < layers; layer += 1) {
    weights += directions * 4 * hidden * (inputs + hidden);
    inputs = directions * hidden;
  }
  const biases = directions * layers * 8 * hidden;
  return made([inputs], weights + biases, 2 * weights * rows, directions * layers * rows * 6 * hidden);
}

const unchanged = (values, given) => made(given);

const SIZES = {
  conv, dense, residual, bottleneck, inception,
  maxpool: pool,
  avgpool: pool,
  gap: (values, given, phrases) => made(picture(given, phrases).slice(0, 1)),
  norm: (values, given) => made(given, 2 * given[0]),
  relu: unchanged, "leaky-relu": unchanged, tanh: unchanged, sigmoid: unchanged, gelu: unchanged, silu: unchanged, dropout: unchanged,
  lstm: (...given) => lstm(1, ...given),
  bilstm: (...given) => lstm(2, ...given),
};

function same(some, others) {
  return some.length === others.length && some.every((value, i) => value === others[i]);
}

function product(numbers) {
  return numbers.length ? numbers.reduce((a, b) => a * b, 1) : 0;
}

function total(parts, what) {
  return parts.reduce((sum, part) => sum + part[what], 0);
}

function commas(number) {
  return number.toLocaleString("en-US");
}

function millions(number) {
  const form = { minimumFractionDigits: 1, maximumFractionDigits: 1, roundingMode: "halfEven" };
  return (number / MILLION).toLocaleString("en-US", form);
}
