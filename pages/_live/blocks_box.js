// A size as a small solid, as papers draw networks: the face is the map, the depth its channels; a
// vector is a bar. Everything is in proportion to the largest of the same network.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 88, HEIGHT = 84; // of the drawing
const FACE = 60, SLANT = 0.3; // the largest side, and how much of the width is seen of a slanting face
const DEPTH = 44, THIN = 1.5; // the largest depth, and the least
const BAR = 6, LEAST = 3;

// The largest side, depth and vector among some shapes.
export function largest(shapes) {
  const pictures = shapes.filter(({ length }) => length === 3);
  const most = (numbers) => Math.max(1, ...numbers);
  return {
    depth: most(pictures.map(([channels]) => channels)),
    side: most(pictures.flatMap(([, height, width]) => [height, width])),
    vector: most(shapes.filter(({ length }) => length === 1).map(([n]) => n)),
  };
}

export class Box {
  constructor() {
    this.node = document.createElementNS(SVG, "svg");
    this.node.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.node.setAttribute("aria-hidden", "true");
    this.faces = ["front", "top", "end"].map((name) => {
      const face = document.createElementNS(SVG, "path");
      face.setAttribute("class", `gl-face-${name}`);
      return face;
    });
    this.node.append(...this.faces);
  }

  // An unknown size is drawn as nothing.
  draw(shape, most) {
    const paths = shape.length === 3 ? solid(shape, most) : shape.length ? solid([1, 1, 1], { depth: 1, side: 1 }, shape[0] / most.vector) : ["", "", ""];
    this.faces.forEach((face, i) => face.setAttribute("d", paths[i]));
  }
}

// Outlines of the long side, the top and the map at the end; of a vector that is `bar` long.
function solid([channels, height, width], most, bar) {
  const [tall, wide] = bar ? [Math.max(LEAST, bar * FACE), BAR / 2 / SLANT] : [height, width].map((side) => Math.max(LEAST, (FACE * side) / most.side));
  const deep = bar ? BAR : Math.max(THIN, (DEPTH * channels) / most.depth);
  const slant = SLANT * wide;
  const left = (WIDTH - deep - slant) / 2, top = (HEIGHT - tall - slant) / 2;
  const right = left + deep, low = top + slant;
  return [
    path([left, low], [right, low], [right, low + tall], [left, low + tall]),
    path([left, low], [left + slant, top], [right + slant, top], [right, low]),
    path([right, low], [right + slant, top], [right + slant, top + tall], [right, low + tall]),
  ];
}

function path(...corners) {
  return `M${corners.map((corner) => corner.map((place) => place.toFixed(1)).join(",")).join("L")}Z`;
}
