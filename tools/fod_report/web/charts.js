// Charts by plotly, drawn again when the colours change.
const drawn = new Map(), drawing = new WeakMap();

// Of its place, not of the window: a card that comes later takes room from those before.
const sizes = new ResizeObserver((entries) => {
  for (const { target: place } of entries) {
    drawing.get(place).then(() => {
      const size = place._fullLayout;
      if (drawn.has(place) && size && (size.width !== place.clientWidth || size.height !== place.clientHeight)) Plotly.Plots.resize(place);
    });
  }
});

function colors() {
  const dark = document.documentElement.dataset.theme === "dark";
  return {
    ink: getStyle("--ink"), soft: getStyle("--soft"), line: getStyle("--line"),
    card: getStyle("--card"), quiet: getStyle("--quiet"),
    blue: dark ? "#56B4E9" : "#0072B2", orange: dark ? "#F08A3C" : "#D55E00", green: "#009E73",
    diverging: dark
      ? [[0, "#9CCBFF"], [0.167, "#4A90D9"], [0.333, "#1D3E63"], [0.5, "#161a21"], [0.667, "#6B3A12"], [0.833, "#E08A35"], [1, "#FFD3A1"]]
      : [[0, "#08306B"], [0.167, "#2171B5"], [0.333, "#9CC4E4"], [0.5, "#FAFAF8"], [0.667, "#FBC58B"], [0.833, "#E0701A"], [1, "#7F2704"]],
  };
}

function layoutOf(more, c) {
  const axis = {
    gridcolor: c.line, linecolor: c.line, zerolinecolor: c.line, automargin: true,
    tickfont: { size: 11.5 }, title: { font: { size: 12.5 }, standoff: 8 },
  };
  const base = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false,
    font: { family: "Inter, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif", size: 12, color: c.soft },
    margin: { l: 52, r: 14, t: 12, b: 44 }, hoverlabel: { font: { size: 12.5 } },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 } }, barcornerradius: 2,
  };
  const made = { ...base, ...more };
  for (const key of ["xaxis", "yaxis", "yaxis2"]) {
    if (!more[key]) continue;
    const title = more[key].title ? { title: { ...axis.title, text: more[key].title } } : {};
    made[key] = { ...axis, ...more[key], ...title };
  }
  return made;
}

// A card with a chart. `describe(colors)` gives plotly's traces and layout.
function card(parent, { id, title, told, size, describe, controls }) {
  const place = element("div", { class: "plot " + (size || ""), id, role: "img", "aria-label": title });
  parent.append(element("figure", { class: "card", style: "margin:0" },
    controls || null, element("h3", {}, title), told ? element("p", { class: "muted" }, told) : null, place));
  drawn.set(place, describe);
  // Once all cards of this turn are there, and with them its width.
  drawing.set(place, Promise.resolve().then(() => drawn.has(place) && draw(place)));
  sizes.observe(place);
  return place;
}

function draw(place) {
  const c = colors(), { traces, layout, click } = drawn.get(place)(c);
  drawing.set(place, Plotly.react(place, traces, layoutOf(layout, c),
    { responsive: false, displaylogo: false, displayModeBar: false, showTips: false }));
  if (click && !place.dataset.clicks) {
    place.dataset.clicks = "yes";
    place.on("plotly_click", (event) => click(event.points[0]));
  }
}

function drawAll() { for (const place of drawn.keys()) draw(place); }

function emptied(parent) {
  for (const place of parent.querySelectorAll(".plot")) {
    drawn.delete(place);
    sizes.unobserve(place);
    drawing.get(place).then(() => Plotly.purge(place)); // not while it is at it
  }
  parent.replaceChildren();
}
