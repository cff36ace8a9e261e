// Rules that make one answer of what several models say about a picture: nothing but numbers in and out. Plain
// loops where they run for each of thousands of pictures, at every frame.
//
// rows: of each model its probabilities, one a class; an answer is the index of a class

const NEAR = 1e-9; // 0.1 + 0.2 shall tie with 0.3

// The class that gets most; of equals the first.
export function top(shares) {
  let at = 0;
  for (let k = 1; k < shares.length; k += 1) if (shares[k] > shares[at] + NEAR) at = k;
  return at;
}

// Weights that add up to 1; equal ones where all are 0.
export function normalised(weights) {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (sum > 0 ? weight / sum : 1 / weights.length));
}

export function averaged(rows) {
  return weighed(rows, rows.map(() => 1));
}

export function weighed(rows, weights) {
  const parts = normalised(weights);
  const sums = new Array(rows[0].length).fill(0);
  for (let m = 0; m < rows.length; m += 1) for (let k = 0; k < sums.length; k += 1) sums[k] += parts[m] * rows[m][k];
  return sums;
}

// How many models answer each class.
export function votes(rows) {
  const counts = rows[0].map(() => 0);
  for (const row of rows) counts[top(row)] += 1;
  return counts;
}

// The classes that most models name: several where they tie.
export function ahead(rows) {
  const counts = votes(rows);
  const most = Math.max(...counts);
  return counts.flatMap((count, k) => (count === most ? [k] : []));
}

// The class that most models name; of those that tie, the one whose probabilities have the highest sum.
export function voted(rows) {
  const first = ahead(rows);
  const sums = averaged(rows);
  return first[top(first.map((k) => sums[k]))];
}

export function disagree(rows) {
  const [first, ...others] = rows.map(top);
  return others.some((answer) => answer !== first);
}

// The share of pictures that are answered right.
export function accuracy(answers, labels) {
  return answers.reduce((right, answer, i) => right + (answer === labels[i]), 0) / answers.length;
}

// The classes that anybody favours most, in their own order; what everybody rules out is left away.
export function favoured(rows, most) {
  const tops = new Set(rows.map(top));
  const highest = rows[0].map((_, k) => Math.max(...rows.map((row) => row[k])));
  const ranked = highest.map((_, k) => k).filter((k) => tops.has(k) || highest[k] >= 0.005);
  ranked.sort((a, b) => tops.has(b) - tops.has(a) || highest[b] - highest[a]);
  return ranked.slice(0, most).sort((a, b) => a - b);
}

// A probability that somebody has typed, with a point or a comma; null where it is none.
export function typed(text) {
  const plain = text.trim().replace(",", ".");
  const value = Number(plain);
  return plain !== "" && value >= 0 && value <= 1 ? value : null;
}

// A row that adds up to 1; null where there is nothing to scale.
export function scaled(row) {
  const sum = row.reduce((total, share) => total + share, 0);
  return sum > 0 ? row.map((share) => share / sum) : null;
}

// Of a block of bytes (models, pictures, classes), 255 for 1: the rows of each picture.
export function picturesOf(bytes, [models, pictures, classes]) {
  const made = Array.from({ length: pictures }, () => []);
  for (let m = 0, at = 0; m < models; m += 1) {
    for (let n = 0; n < pictures; n += 1) {
      const row = new Array(classes);
      for (let k = 0; k < classes; k += 1, at += 1) row[k] = bytes[at] / 255;
      made[n].push(row);
    }
  }
  return made;
}
