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

export const CONFIG = { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

// Text in the colour and font of the page's theme; figures come with a grey that reads on both.
export function themed(layout, node) {
  const style = getComputedStyle(node);
  const color = style.color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.66)");
  return { ...layout, font: { ...layout.font, color, family: style.fontFamily }, autosize: true };
}
