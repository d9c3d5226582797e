// Draws the timeline. Colours in the figure are names of the style's variables, looked up whenever the scheme changes.
(() => {
  const figure = JSON.parse(document.getElementById("figure").textContent);
  const place = document.getElementById("timeline");

  const coloured = (value, style) => {
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, style)]));
    const named = typeof value === "string" && /^--[a-z-]+$/.test(value);
    return named ? style.getPropertyValue(value).trim() : value;
  };

  const draw = () => {
    const { data, layout } = coloured(figure, getComputedStyle(document.documentElement));
    // A finger on the figure scrolls the page; a mouse may zoom into a stretch of time.
    layout.dragmode = matchMedia("(pointer: fine)").matches ? "zoom" : false;
    Plotly.react(place, data, layout, { displayModeBar: false, responsive: true, doubleClick: "reset" });
  };

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  matchMedia("print").addEventListener("change", draw);
})();
