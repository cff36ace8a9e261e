// Where the units, links and the large map of a network stand in their box, and what is under the
// pointer. Columns: inputs, each hidden layer, and outputs where they have nodes of their own.

import { planOf } from "./forward.js";

const FULL = 12; // units a column has at most; of more it shows the first SOME
const SOME = 10;
const STACKED = 520; // px of width below which the large map stands under the network
const [HEAD, FOOT] = [22, 34]; // px above and below the maps, for their captions
const BENDS = 20; // points of a link at which the pointer is looked for

export function arrange(architecture, width, height, measure) {
  const plan = planOf(architecture);
  const plane = Boolean(architecture.extent);
  const stacked = plane && width < STACKED;
  const ports = plane && !stacked && architecture.outputs === 1; // links end at the large map
  const counts = [architecture.inputs.length, ...plan.map(({ outputs }) => outputs)];
  const shown = ports ? counts.slice(0, -1) : counts;
  const label = Math.ceil(Math.min(0.24 * width, Math.max(...architecture.inputs.slice(0, FULL).map(measure)))) + 8;
  const names = plane ? 0 : Math.ceil(Math.min(0.22 * width, Math.max(24, ...architecture.classes.slice(0, FULL).map(measure)) + 8));
  const output = plane ? placeOutput(width, height, shown.length, stacked) : null;
  const room = {
    left: label,
    right: plane ? (stacked ? width - 4 : output.x - (ports ? 44 : 20)) : width - names,
    top: HEAD,
    bottom: stacked ? output.y - HEAD - 12 : height - (plane ? FOOT - 18 : 8),
  };
  const rows = Math.max(...shown.map(rowsOf));
  const size = Math.floor(Math.min(height / 10.5, 0.76 * (room.bottom - room.top) / rows, (plane ? 0.62 : 0.42) * (room.right - room.left) / Math.max(2, shown.length)));
  const middle = output && !stacked ? output.y + output.side / 2 : (room.top + room.bottom) / 2;
  const columns = shown.map((count, at) => placeColumn(count, at, shown.length, room, size, middle, ports));
  return { plan, columns, output, stacked, ports, size, plane, links: placeLinks(plan, columns, size, ports && output) };
}

function rowsOf(count) {
  return count > FULL ? SOME + 1 : count;
}

// The large map: as large as leaves the network its room.
function placeOutput(width, height, columns, stacked) {
  if (stacked) {
    const side = Math.floor(Math.min(width, height * 0.5 - FOOT));
    return { x: Math.floor((width - side) / 2), y: height - FOOT - side, side };
  }
  const share = width - 60 - columns * 62;
  const side = Math.floor(Math.min(height - HEAD - FOOT, Math.max(0.34 * width, Math.min(share, 0.46 * width))));
  return { x: width - side, y: HEAD + Math.floor((height - HEAD - FOOT - side) / 2), side };
}

function placeColumn(count, at, columns, room, size, middle, ports) {
  const rows = rowsOf(count);
  const pitch = Math.min((room.bottom - room.top) / rows, size * 1.5 + (rows < 4 ? 16 : 0));
  const span = room.right - room.left - size;
  const last = columns - 1 + (ports ? 0.35 : 0);
  const x = room.left + (last ? (span * at) / last : 0);
  const half = ((rows - 1) * pitch) / 2;
  const centre = Math.min(Math.max(middle, room.top + half + size / 2), room.bottom - half - size / 2);
  const units = Array.from({ length: count > FULL ? SOME : count }, (_, unit) => ({ layer: at - 1, unit, x, y: centre - half + unit * pitch - size / 2 }));
  return { layer: at - 1, x, count, pitch, units, more: count - units.length, end: centre - half + SOME * pitch };
}

function placeLinks(plan, columns, size, output) {
  return plan.flatMap((layer, at) => {
    const ends = columns[at + 1]?.units ?? [{ unit: 0, x: output.x, y: output.y + output.side / 2 - size / 2 }];
    return ends.flatMap((end) => columns[at].units.map((start) => {
      const from = [start.x + size, start.y + size / 2], to = [end.x, end.y + size / 2];
      return { layer: at, unit: end.unit, input: start.unit, index: layer.weight + end.unit * layer.inputs + start.unit, from, to, bends: bends(from, to) };
    }));
  });
}

// Points along a link's curve.
function bends([x1, y1], [x2, y2]) {
  const made = new Float64Array(2 * BENDS);
  for (let i = 0; i < BENDS; i += 1) {
    const t = i / (BENDS - 1);
    made[2 * i] = x1 + (x2 - x1) * (1.5 * t * (1 - t) ** 2 + 1.5 * t * t * (1 - t) + t ** 3);
    made[2 * i + 1] = y1 + (y2 - y1) * (3 * t * t * (1 - t) + t ** 3);
  }
  return made;
}

export function curve(context, { from: [x1, y1], to: [x2, y2] }) {
  const half = (x1 + x2) / 2;
  context.moveTo(x1, y1);
  context.bezierCurveTo(half, y1, half, y2, x2, y2);
}

// What is at a place: a unit, a link within reach, or nothing.
export function under({ columns, links, size, output, ports, plan }, x, y, reach) {
  const room = Math.min(4, reach / 2);
  for (const { units } of columns) for (const unit of units) {
    if (x >= unit.x - room && x <= unit.x + size + room && y >= unit.y - room && y <= unit.y + size + room) return { kind: "unit", ...unit };
  }
  if (ports && Math.hypot(x - output.x, y - output.y - output.side / 2) <= 8 + room) return { kind: "unit", layer: plan.length - 1, unit: 0, x: output.x, y: output.y + output.side / 2 - size / 2 };
  let best = null, least = reach;
  for (const link of links) {
    if (x < link.from[0] || x > link.to[0]) continue;
    const distance = away(link.bends, x, y);
    if (distance < least) [best, least] = [link, distance];
  }
  return best && { kind: "link", ...best };
}

// How far a place is from a curve, which is taken as straight pieces.
function away(bends, x, y) {
  let least = Infinity;
  for (let i = 0; i + 3 < bends.length; i += 2) {
    const [dx, dy] = [bends[i + 2] - bends[i], bends[i + 3] - bends[i + 1]];
    const along = Math.max(0, Math.min(1, ((x - bends[i]) * dx + (y - bends[i + 1]) * dy) / (dx * dx + dy * dy || 1)));
    least = Math.min(least, Math.hypot(x - bends[i] - along * dx, y - bends[i + 1] - along * dy));
  }
  return least;
}
