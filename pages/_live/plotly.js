// Loads the installed plotly once, and draws figures into nodes that are never replaced.

let loading = null;

export function loadPlotly(url) {
  if (globalThis.Plotly) return Promise.resolve(globalThis.Plotly);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => { loading = null; reject(new Error("plotly could not be loaded")); };
    document.head.append(script);
  });
  return loading;
}

export const CONFIG = { displaylogo: false, showSendToCloud: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

// Text in the colour and font of the page's theme; figures come with a grey that reads on both.
// The layout given stays as it is: plotly writes into what it gets.
export function themed(layout, node) {
  const style = getComputedStyle(node);
  const color = faded(style.color, 0.66);
  const made = { ...structuredClone(layout), autosize: true };
  made.font = { ...made.font, color, family: style.fontFamily };
  made.hoverlabel = { font: { family: style.fontFamily, size: 12 }, ...made.hoverlabel };
  made.modebar = { bgcolor: "rgba(0,0,0,0)", color: faded(style.color, 0.4), activecolor: color, ...made.modebar };
  for (const name of Object.keys(made).filter((key) => /^scene\d*$/.test(key))) made[name] = themedScene(made[name], style.color, background(node));
  return made;
}

// Lines of 3-D axes are mixed colours, for WebGL draws no pale transparent ones.
function themedScene(scene, color, ground) {
  const axis = { color: mixed(color, ground, 0.66), gridcolor: mixed(color, ground, 0.2), zeroline: false, showbackground: false };
  const axes = ["xaxis", "yaxis", "zaxis"].map((name) => [name, { ...axis, ...scene[name] }]);
  return { bgcolor: "rgba(0,0,0,0)", ...scene, ...Object.fromEntries(axes) };
}

// A colour over a ground, `share` of it.
function mixed(color, ground, share) {
  const [over, under] = [color, ground].map((text) => (text.match(/[\d.]+/g) ?? []).map(Number));
  return `rgb(${[0, 1, 2].map((i) => Math.round(share * over[i] + (1 - share) * under[i]))})`;
}

// A colour of a style sheet or of a figure (#rrggbb), more transparent.
export function faded(color, alpha) {
  if (color.startsWith("#")) return color.slice(0, 7) + Math.round(alpha * 255).toString(16).padStart(2, "0");
  return color.replace(/^rgba?\(([^,]+,[^,]+,[^,)]+).*\)$/, `rgba($1, ${alpha})`);
}

// The colour behind an element: that of the nearest one that has any.
export function background(node) {
  for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color !== "transparent" && !/, 0\)$/.test(color)) return color;
  }
  return "rgb(255, 255, 255)";
}
