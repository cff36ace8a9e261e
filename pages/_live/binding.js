// Figures name arrays of a run, and get them here: `meta.live = { property: name }` of a trace is
// filled from the frame that is shown, or from what is told once a run (`stream.told`).
// What neither holds may follow from them (derived.js), or from a network's weights (forward.js).
// `meta.until = name` cuts all of them to the steps in `name` that have been reached.

import { derived } from "./derived.js";
import { decode } from "./image.js";

const decoded = new WeakMap();

// The trace with its arrays; the trace itself stays as it is.
export function bound(trace, frame, told, step) {
  const { live, until } = trace.meta ?? {};
  if (!live) return trace;
  const values = (name) => found(name, frame, told) ?? [];
  const length = until ? values(until).filter((at) => at <= step).length : Infinity;
  const copy = { ...trace };
  for (const [path, name] of Object.entries(live)) {
    const array = values(name);
    put(copy, path.split("."), until && Array.isArray(array) ? array.slice(0, length) : array);
  }
  return copy;
}

// The layout likewise (titles, ranges, ticks); what the run has not told yet is left as it is.
export function boundLayout(layout, frame, told) {
  const copy = { ...layout };
  for (const [path, name] of Object.entries(layout.meta?.live ?? {})) {
    const value = found(name, frame, told);
    if (value != null) put(copy, path.split("."), value);
  }
  return copy;
}

function found(name, frame, told) {
  return plain(frame?.data[name] ?? told?.arrays?.[name]) ?? derived(name, frame?.data, told);
}

// Whether a bound trace has nothing to show in this frame, such as the band of a single seed.
export function isEmpty(trace) {
  return Object.keys(trace.meta?.live ?? {}).some((path) => path.split(".").reduce((at, key) => at?.[key], trace)?.length === 0);
}

function put(object, [key, ...rest], value) {
  if (!rest.length) object[key] = value;
  else put((object[key] = { ...object[key] }), rest, value);
}

// Encoded arrays as lists, of lists if they have two dimensions.
function plain(value) {
  if (!value?.b64) return value;
  if (!decoded.has(value)) {
    const flat = Array.from(decode(value));
    const [rows, columns] = value.shape;
    decoded.set(value, columns == null ? flat : Array.from({ length: rows }, (_, i) => flat.slice(i * columns, (i + 1) * columns)));
  }
  return decoded.get(value);
}
