// The forward pass of a network, in the browser: frames carry its weights (`theta`) instead of
// pictures, and surfaces and heat maps are computed here, at any resolution.
//
// architecture: { inputs, shift, spread, layers, outputs, classes, parameters, extent }
// theta: { dtype, shape: [M, D], b64 }; a row holds the parameters of one network layer by layer
//   (weight, row by row, then bias; gamma, then beta), then running mean and variance of each batch
//   normalisation
// Values are kept by unit, each a column over all points: a unit's column is its heat map.

import { decode } from "./image.js";

const EPS = 1e-5; // of the normalisations, as in PyTorch
const SLOPE = 0.01; // of leaky ReLU
const BLOCK = 1024; // points that pass a layer together, so that they stay in the cache
const SURFACE = 120; // points along each side of the derived surface
const DEAR = 6e7; // multiplications of a surface beyond which it is computed more coarsely
const SIGMOID_COST = 12; // of an activation, in multiplications

export const INPUTS = {
  x: (x) => x,
  y: (x, y) => y,
  "x²": (x) => x * x,
  "y²": (x, y) => y * y,
  xy: (x, y) => x * y,
  "sin 3x": (x) => Math.sin(3 * x),
  "sin 3y": (x, y) => Math.sin(3 * y),
};

const ACTIVATIONS = {
  relu: (v) => (v > 0 ? v : 0),
  "leaky-relu": (v) => (v > 0 ? v : SLOPE * v),
  tanh: Math.tanh,
  sigmoid: (v) => 1 / (1 + Math.exp(-v)),
  gelu: (v) => 0.5 * v * (1 + erf(v * Math.SQRT1_2)),
  sine: Math.sin,
};

// The error function to 1.2e-7, by the Chebyshev fit of Press et al. (Numerical Recipes, §6.2).
export function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const fit = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
    + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
  const tail = t * Math.exp(-x * x + fit);
  return x >= 0 ? 1 - tail : tail - 1;
}

const plans = new WeakMap();

// The linear layers with what follows each of them, and where their parameters are in a row.
export function planOf(architecture) {
  if (plans.has(architecture)) return plans.get(architecture);
  const plan = [];
  let at = 0, statistics = architecture.parameters;
  for (const layer of architecture.layers) {
    if (layer.kind === "linear") {
      const { inputs, outputs } = layer;
      plan.push({ inputs, outputs, weight: at, bias: at + inputs * outputs, then: [] });
      at += (inputs + 1) * outputs;
      continue;
    }
    const step = { ...layer, gamma: at };
    if (layer.kind !== "activation") at += 2 * layer.units;
    if (layer.kind === "batch") {
      step.mean = statistics;
      statistics += 2 * layer.units;
    }
    plan.at(-1).then.push(step);
  }
  if (at !== architecture.parameters) throw new Error(`expected ${architecture.parameters} parameters, found ${at}`);
  plans.set(architecture, plan);
  return plan;
}

const rows = new WeakMap();

// The networks of a frame, each a Float32Array.
export function networks(theta) {
  if (!rows.has(theta)) {
    const flat = decode(theta);
    const [count, size] = theta.shape;
    rows.set(theta, Array.from({ length: count }, (_, m) => flat.subarray(m * size, (m + 1) * size)));
  }
  return rows.get(theta);
}

// Runs one network on many points.
//
// inputs: a Float64Array for each input (already shifted and spread)
// Returns { layers, logits }: the columns of each hidden layer after its activation, and of the
// output before sigmoid or softmax. `until` stops after that layer.
export function forward(architecture, theta, inputs, until = Infinity) {
  const plan = planOf(architecture);
  const count = inputs[0]?.length ?? 0;
  const layers = [];
  let below = inputs;
  for (const [at, layer] of plan.entries()) {
    const columns = Array.from({ length: layer.outputs }, () => new Float64Array(count));
    for (let from = 0; from < count; from += BLOCK) {
      const to = Math.min(count, from + BLOCK);
      linear(layer, theta, below, columns, from, to);
      for (const step of layer.then) APPLY[step.kind](step, theta, columns, from, to);
    }
    if (at === plan.length - 1) return { layers, logits: columns };
    layers.push(columns);
    if (at >= until) break;
    below = columns;
  }
  return { layers, logits: null };
}

// Four inputs at a time: the sum is read and written a quarter as often.
function linear({ inputs, outputs, weight, bias }, theta, below, columns, from, to) {
  for (let o = 0; o < outputs; o += 1) {
    const sum = columns[o];
    const row = weight + o * inputs;
    sum.fill(theta[bias + o], from, to);
    let i = 0;
    for (; i + 3 < inputs; i += 4) {
      const a = below[i], b = below[i + 1], c = below[i + 2], d = below[i + 3];
      const u = theta[row + i], v = theta[row + i + 1], w = theta[row + i + 2], z = theta[row + i + 3];
      for (let p = from; p < to; p += 1) sum[p] += u * a[p] + v * b[p] + w * c[p] + z * d[p];
    }
    for (; i < inputs; i += 1) {
      const a = below[i], u = theta[row + i];
      for (let p = from; p < to; p += 1) sum[p] += u * a[p];
    }
  }
}

const APPLY = {
  activation({ name }, theta, columns, from, to) {
    const bend = ACTIVATIONS[name];
    for (const column of columns) for (let p = from; p < to; p += 1) column[p] = bend(column[p]);
  },

  batch({ units, gamma, mean }, theta, columns, from, to) {
    for (let u = 0; u < units; u += 1) {
      const column = columns[u];
      const scale = theta[gamma + u] / Math.sqrt(theta[mean + units + u] + EPS);
      const shift = theta[gamma + units + u] - theta[mean + u] * scale;
      for (let p = from; p < to; p += 1) column[p] = column[p] * scale + shift;
    }
  },

  layer({ units, gamma }, theta, columns, from, to) {
    for (let p = from; p < to; p += 1) {
      let mean = 0, variance = 0;
      for (let u = 0; u < units; u += 1) mean += columns[u][p];
      mean /= units;
      for (let u = 0; u < units; u += 1) variance += (columns[u][p] - mean) ** 2;
      const scale = 1 / Math.sqrt(variance / units + EPS);
      for (let u = 0; u < units; u += 1) columns[u][p] = (columns[u][p] - mean) * scale * theta[gamma + u] + theta[gamma + units + u];
    }
  },
};

// Probabilities by class: one column (of class 1) for a single output, otherwise one for each class.
export function probabilities(logits) {
  if (logits.length === 1) return [logits[0].map(ACTIVATIONS.sigmoid)];
  const made = logits.map((column) => new Float64Array(column.length));
  for (let p = 0; p < logits[0].length; p += 1) {
    let most = -Infinity, sum = 0;
    for (const column of logits) if (column[p] > most) most = column[p];
    for (let k = 0; k < made.length; k += 1) sum += made[k][p] = Math.exp(logits[k][p] - most);
    for (const column of made) column[p] /= sum;
  }
  return made;
}

const grids = new WeakMap();

// The inputs of a network on side × side points over its extent, by row (y) and column (x).
export function gridInputs(architecture, side) {
  if (!grids.has(architecture)) grids.set(architecture, new Map());
  const known = grids.get(architecture);
  if (!known.has(side)) {
    const { extent, inputs, shift, spread } = architecture;
    const [xs, ys] = [spaced(extent[0], extent[1], side), spaced(extent[2], extent[3], side)];
    known.set(side, inputs.map((name, i) => {
      const column = new Float64Array(side * side);
      for (let p = 0; p < column.length; p += 1) column[p] = (INPUTS[name](xs[p % side], ys[Math.floor(p / side)]) - shift[i]) / spread[i];
      return column;
    }));
  }
  return known.get(side);
}

export function spaced(low, high, count) {
  return Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

// About how many multiplications one point takes.
export function cost(architecture) {
  return planOf(architecture).reduce((sum, { inputs, outputs }) => sum + outputs * (inputs + SIGMOID_COST), 0);
}

// Mean probabilities over the networks on side × side points.
export function probabilityMaps(architecture, members, side) {
  const inputs = gridInputs(architecture, side);
  const [first, ...others] = members.map((theta) => probabilities(forward(architecture, theta, inputs).logits));
  for (const other of others) first.forEach((column, k) => { for (let p = 0; p < column.length; p += 1) column[p] += other[k][p]; });
  if (others.length) for (const column of first) for (let p = 0; p < column.length; p += 1) column[p] /= members.length;
  return first;
}

// One number for each point: the probability of class 1, or k + share, where k is the most probable
// class and share how far its probability is above chance, below 1.
export function flattened(maps) {
  if (maps.length === 1) return maps[0];
  const made = new Float64Array(maps[0].length);
  for (let p = 0; p < made.length; p += 1) {
    let k = 0;
    for (let other = 1; other < maps.length; other += 1) if (maps[other][p] > maps[k][p]) k = other;
    const chance = 1 / maps.length;
    made[p] = k + Math.min(0.999, Math.max(0, (maps[k][p] - chance) / (1 - chance)));
  }
  return made;
}

const derived = new WeakMap(); // frame data → { architecture, surface }

// Arrays that no frame holds but that follow from its theta; undefined for all others.
export function derive(name, data, told) {
  const architecture = told?.arrays?.architecture;
  if (!NAMES.has(name) || !architecture?.extent) return undefined;
  const { extent } = architecture;
  if (name === "surface_x") return spaced(extent[0], extent[1], SURFACE);
  if (name === "surface_y") return spaced(extent[2], extent[3], SURFACE);
  if (!data?.theta) return undefined;
  const known = derived.get(data);
  if (known?.architecture === architecture) return known.surface;
  const surface = surfaceOf(architecture, networks(data.theta));
  derived.set(data, { architecture, surface });
  return surface;
}

const NAMES = new Set(["surface", "surface_x", "surface_y"]);

// SURFACE rows of as many values; what would take too long is computed at fewer points and
// interpolated.
function surfaceOf(architecture, members) {
  const effort = cost(architecture) * members.length;
  const side = effort * SURFACE ** 2 <= DEAR ? SURFACE : Math.max(40, Math.floor(Math.sqrt(DEAR / effort)));
  const maps = probabilityMaps(architecture, members, Math.min(side, SURFACE));
  const flat = flattened(maps.map((map) => (side < SURFACE ? resized(map, side, SURFACE) : map)));
  return Array.from({ length: SURFACE }, (_, row) => Array.from(flat.subarray(row * SURFACE, (row + 1) * SURFACE)));
}

// A map at other points of the same square, bilinearly.
function resized(map, from, to) {
  const made = new Float64Array(to * to);
  const scale = (from - 1) / (to - 1);
  for (let p = 0; p < made.length; p += 1) {
    const [x, y] = [(p % to) * scale, Math.floor(p / to) * scale];
    const [i, j] = [Math.min(from - 2, Math.floor(x)), Math.min(from - 2, Math.floor(y))];
    const [u, v] = [x - i, y - j];
    const at = j * from + i;
    made[p] = (1 - v) * ((1 - u) * map[at] + u * map[at + 1]) + v * ((1 - u) * map[at + from] + u * map[at + from + 1]);
  }
  return made;
}
