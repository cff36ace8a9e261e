// A drawing made into the picture a network was trained on, as MNIST was made (LeCun, Bottou, Bengio
// & Haffner 1998): cut to its ink, fitted into a box with its proportions kept and its edges smooth,
// placed by its centre of mass.

const INK = 0.02; // what is fainter is paper
const WHITE = 255;

// Side of a picture → the box its ink fills, and the index of the pixel its centre of mass is put on.
// MNIST: a margin of four pixels on either side, moved by whole pixels. The digits of scikit-learn
// (Alpaydin & Kaynak 1998) fill all their eight rows, and counted finer pixels: no whole steps.
const FORMATS = {
  28: { box: 20, centre: 14, whole: true },
  8: { box: 8, centre: 3.5, whole: false },
};

// ink: width × height of 0 (paper) … 1, row by row from the top.
// Gives side × side of 0 … 255, or null if there is no ink.
export function prepared(ink, width, height, side = 28) {
  const cut = inked(ink, width, height);
  if (!cut) return null;
  const { box, centre, whole } = FORMATS[side] ?? { box: Math.round((side * 20) / 28), centre: side / 2, whole: true };
  const scale = box / Math.max(cut.width, cut.height);
  const fitted = (left, top) => resampled(ink, width, cut, scale, left, top, side);
  const at = centreOfMass(fitted(0, 0), side);
  const [left, top] = [[at.x, cut.width], [at.y, cut.height]].map(([mass, size]) => {
    const shift = whole ? Math.round(centre - mass) : centre - mass;
    return Math.max(0, Math.min(side - Math.ceil(scale * size - 1e-6), shift)); // nothing is cut off
  });
  return fitted(left, top);
}

// The pixel, as an index that may lie between two, on which a picture would balance.
export function centreOfMass(picture, side) {
  let [mass, x, y] = [0, 0, 0];
  picture.forEach((value, i) => {
    mass += value;
    x += value * (i % side);
    y += value * Math.floor(i / side);
  });
  return { x: x / mass, y: y / mass };
}

// The smallest rectangle with all the ink.
function inked(ink, width, height) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y += 1) for (let x = 0; x < width; x += 1, i += 1) {
    if (ink[i] <= INK) continue;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    bottom = y;
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

// The cut at another scale, its corner at (left, top): each pixel is the mean of the area it covers.
function resampled(ink, stride, cut, scale, left, top, side) {
  const columns = coverage(cut.width, scale, left, side);
  const rows = coverage(cut.height, scale, top, side);
  const made = new Float32Array(side * side);
  for (let y = 0; y < cut.height; y += 1) {
    const line = new Float32Array(side);
    const from = (cut.top + y) * stride + cut.left;
    for (let x = 0; x < cut.width; x += 1) {
      const value = ink[from + x];
      if (value > INK) for (const [at, share] of columns[x]) line[at] += share * value;
    }
    for (const [at, share] of rows[y]) for (let x = 0; x < side; x += 1) made[at * side + x] += WHITE * share * line[x];
  }
  return made.map((value) => Math.min(WHITE, value));
}

// Of each old pixel along one axis: the new ones it reaches, and how much of each it covers.
function coverage(length, scale, start, side) {
  return Array.from({ length }, (_, i) => {
    const [from, to] = [start + i * scale, start + (i + 1) * scale];
    const reached = [];
    for (let at = Math.max(0, Math.floor(from)); at < Math.min(side, to); at += 1) {
      const share = Math.min(to, at + 1) - Math.max(from, at);
      if (share > 0) reached.push([at, share]);
    }
    return reached;
  });
}
