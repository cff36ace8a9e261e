// Numbers for people: sensible digits, units, durations.

export function digits(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(2);
  return value.toLocaleString(undefined, { maximumSignificantDigits: size >= 1000 ? 5 : 4 });
}

export function whole(value) {
  return Math.round(value).toLocaleString();
}

export function seconds(value) {
  if (value < 10) return `${value.toFixed(1)} s`;
  return value < 90 ? `${Math.round(value)} s` : `${Math.round(value / 60)} min`;
}

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// What is sent to Python: four decimals are finer than a screen.
export function rounded(value) {
  return Math.round(value * 1e4) / 1e4;
}

// An element with a class and a text; a text never becomes markup.
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
