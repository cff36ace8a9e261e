// Arrays that no frame holds but that follow from those it holds, for hover texts and colours:
//   surface_class, surface_probability: name and probability of the class that is likeliest at each
//     point of a surface of several classes
//   confusion_share: the counts of a confusion matrix, as shares of their row
//   confusion_count: the counts in one list, row after row
//   auc_text_<k>: the area under the curve of class k; a dash where it has no rows, or all of them

import { derive } from "./forward.js";

const known = new WeakMap(); // frame data → { name: array }

const AREA = "auc_text_";

export function derived(name, data, told) {
  if (name.startsWith(AREA)) return data?.[`auc_${name.slice(AREA.length)}`]?.toFixed(3) ?? "–";
  if (!MADE[name]) return derive(name, data, told);
  if (!data) return undefined;
  if (!known.has(data)) known.set(data, {});
  return (known.get(data)[name] ??= MADE[name](data, told));
}

const MADE = {
  confusion_share({ confusion }) {
    return confusion?.map((row) => {
      const sum = row.reduce((total, count) => total + count, 0);
      return row.map((count) => (sum ? count / sum : 0));
    });
  },

  confusion_count({ confusion }) {
    return confusion?.flat();
  },

  surface_class(data, told) {
    const classes = told?.arrays?.architecture?.classes;
    return derive("surface", data, told)?.map((row) => row.map((value) => classes[Math.floor(value)]));
  },

  surface_probability(data, told) {
    const chance = 1 / told?.arrays?.architecture?.classes.length;
    return derive("surface", data, told)?.map((row) => row.map((value) => chance + (value % 1) * (1 - chance)));
  },
};
