// Outlines of the marker symbols that classes have (plotly's names), around (0, 0).

const SVG = "http://www.w3.org/2000/svg";
const corners = (count, turn = 0) => Array.from({ length: count }, (_, k) => (2 * Math.PI * k) / count + turn);
const around = (angles, radius) => angles.map((angle, k) => [radius(k) * Math.sin(angle), -radius(k) * Math.cos(angle)]);
const arm = 0.4;
const plus = [[-arm, -1], [arm, -1], [arm, -arm], [1, -arm], [1, arm], [arm, arm], [arm, 1], [-arm, 1], [-arm, arm], [-1, arm], [-1, -arm], [-arm, -arm]];

const POLYGONS = {
  square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
  diamond: around(corners(4), () => 1.25),
  "triangle-up": around(corners(3), () => 1.25),
  cross: plus.map(([x, y]) => [1.1 * x, 1.1 * y]),
  star: around(corners(10), (k) => (k % 2 ? 0.6 : 1.4)),
  x: plus.map(([x, y]) => [0.8 * (x - y), 0.8 * (x + y)]),
  hexagon: around(corners(6), () => 1.1),
  pentagon: around(corners(5), () => 1.1),
  bowtie: [[-1.1, -1], [0, 0], [1.1, -1], [1.1, 1], [0, 0], [-1.1, 1]],
};

// The outline as the `d` of a path; a circle for every other name.
export function outline(symbol, radius) {
  const polygon = POLYGONS[symbol];
  if (!polygon) return `M${radius},0A${radius},${radius} 0 1 1 ${-radius},0A${radius},${radius} 0 1 1 ${radius},0Z`;
  return `M${polygon.map(([x, y]) => `${(x * radius).toFixed(2)},${(y * radius).toFixed(2)}`).join("L")}Z`;
}

// A small picture of a symbol, for keys and swatches.
export function sample(symbol, color, open = false) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [name, value] of Object.entries({ width: 13, height: 13, viewBox: "-6.5 -6.5 13 13", class: "gl-symbol", "aria-hidden": true })) svg.setAttribute(name, value);
  path.setAttribute("d", outline(symbol, 4.5));
  Object.assign(path.style, open ? { fill: "none", stroke: color, strokeWidth: 1.5 } : { fill: color });
  svg.append(path);
  return svg;
}
