// A layer: its correlations, its neurons as points, and what its events are about.
let embeddingKind = "tsne";

// The layer whose charts are shown: the chosen one, that of the chosen group, or the first.
const layerShown = () => view.layer >= 0 ? view.layer : view.group >= 0 ? data.groups[view.group].layer : 0;

function heatmapOf(layer, parent) {
  const heat = layer.heat, cells = unpack(heat.values), side = heat.values.shape[0];
  const rows = [];
  for (let y = 0; y < side; y++)
    rows.push(Array.from(cells.subarray(y * side, (y + 1) * side), (v) => v === -128 ? null : v / 127));
  const told = side < heat.neurons ?
    `Neurons by group; a cell is the mean of ${Math.round(heat.neurons / side)} by as many.` : "Neurons in the order of their groups.";
  card(parent, {
    id: "chart-heatmap", title: `${layer.short}: correlations`, size: "tall",
    told: heat.note ? `${told} ${heat.note[0].toUpperCase()}${heat.note.slice(1)}.` : told,
    describe: (c) => ({
      traces: [{ type: "heatmap", z: rows, zmin: -1, zmax: 1, colorscale: c.diverging, hoverongaps: false,
        customdata: heat.names ? heat.names.map((a) => heat.names.map((b) => `${a} and ${b}`)) : undefined,
        hovertemplate: heat.names ? "neurons %{customdata}<br>r = %{z:.2f}<extra></extra>" : "mean r = %{z:.2f}<extra></extra>",
        colorbar: { thickness: 10, len: 0.6, outlinewidth: 0, tickvals: [-1, -0.5, 0, 0.5, 1], ticktext: ["−1", "−0.5", "0", "0.5", "1"] } }],
      layout: {
        xaxis: { visible: false, constrain: "domain" }, margin: { l: 8, r: 8, t: 8, b: 8 },
        yaxis: { visible: false, autorange: "reversed", scaleanchor: "x", constrain: "domain" },
        shapes: heat.blocks.filter(([place, a, b]) => place >= 0 && b - a > 0.01).map(([, a, b]) => ({
          type: "rect", x0: a * side - 0.5, x1: b * side - 0.5, y0: a * side - 0.5, y1: b * side - 0.5,
          line: { color: c.ink, width: 1.3 } })),
      },
      click: (point) => {
        const at = (point.y + 0.5) / side, block = heat.blocks.find(([, a, b]) => a <= at && at < b);
        if (block && block[0] >= 0) go(`#group-${data.groups[layer.groups[block[0]]].id}`);
      },
    }),
  });
}

function pointsOf(layer, parent) {
  const points = layer.points, group = unpack(points.group), neurons = unpack(points.neurons);
  const where = { pca: unpack(points.pca), tsne: points.tsne ? unpack(points.tsne) : null };
  const told = "Near each other: neurons that fire together, whatever the sign." + (neurons.length < points.alive ?
    ` A sample of ${whole(neurons.length)} of ${whole(points.alive)} neurons.` : "");
  const buttons = ["pca", "tsne"].map((kind) => element("button", { type: "button", "data-kind": kind,
    onclick: () => { embeddingKind = kind; mark(); draw(place); } }, kind === "pca" ? "PCA" : "t-SNE"));
  const kindShown = () => where[embeddingKind] ? embeddingKind : "pca";
  const mark = () => buttons.forEach((b) => {
    b.setAttribute("aria-pressed", String(b.dataset.kind === kindShown()));
    b.disabled = !where[b.dataset.kind];
  });
  mark();
  const places = [...new Set(group)].sort((a, b) => a - b);
  const place = card(parent, {
    id: "chart-points", title: `${layer.short}: neurons`, told, size: "tall",
    controls: element("div", { class: "controls", role: "group", "aria-label": "Kind of map" }, ...buttons),
    describe: (c) => {
      const kind = kindShown(), xy = where[kind], share = points.explained.map((e) => Math.round(100 * e));
      const traces = places.map((of) => {
        const own = [];
        group.forEach((g, i) => { if (g === of) own.push(i); });
        const known = of >= 0 && of < layer.groups.length, number = known ? layer.groups[of] : -1;
        const dim = view.group >= 0 && number !== view.group;
        return { type: "scatter", mode: "markers", x: own.map((i) => xy[2 * i]), y: own.map((i) => xy[2 * i + 1]),
          name: known ? `group ${data.groups[number].id}` : of >= 0 ? "other groups" : "in none", text: own.map((i) => `neuron ${neurons[i]}`),
          customdata: own.map(() => number), opacity: dim ? 0.22 : of < 0 ? 0.75 : 1, showlegend: places.length <= 14,
          marker: { color: hueOf(of), symbol: symbolOf(of), size: of < 0 ? 6 : neurons.length > 400 ? 7 : 10, line: { width: 0.7, color: c.card } },
          hovertemplate: `%{text}<br>${known ? "group " + data.groups[number].id : "in no listed group"}<extra></extra>` };
      });
      const plain = kind === "tsne";
      return { traces, layout: {
        xaxis: { title: plain ? "" : `first component (${share[0]} %)`, showticklabels: !plain, zeroline: false },
        yaxis: { title: plain ? "" : `second component (${share[1]} %)`, showticklabels: !plain, zeroline: false } },
        click: (point) => { if (point.customdata >= 0) go(`#group-${data.groups[point.customdata].id}`); } };
    },
  });
}

function layerEvents(layer, parent) {
  const events = layer.events, names = data.categories;
  const whole_ = (list) => list.reduce((a, b) => a + b, 0) || 1;
  const used = names.map((_, i) => i).filter((i) => events.samples[i] || events.categories[i]);
  if (names.length > 1) card(parent, {
    id: "chart-skills", title: `${layer.short}: what its events are about`, size: "low",
    told: `${whole(events.events)} events; the share of each category among them, and among all samples.`,
    describe: (c) => ({
      traces: [["events", events.categories, c.blue], ["samples", events.samples, c.quiet]].map(([name, counts, color]) => ({
        type: "bar", name, x: used.map((i) => shorten(names[i], 20)), y: used.map((i) => counts[i] / whole_(counts)),
        marker: { color }, customdata: used.map((i) => counts[i]), hovertemplate: `%{y:.1%} of ${name} (%{customdata:,})<extra></extra>` })),
      layout: { barmode: "group", xaxis: { type: "category" }, yaxis: { tickformat: ".0%", title: "share" } },
    }),
  });
  card(parent, {
    id: "chart-spans", title: `${layer.short}: events over the samples`, size: "low",
    told: `By tenth of samples ${whole(data.spans[0])} to ${whole(data.spans[1] - 1)}.`,
    describe: (c) => ({
      traces: [{ type: "bar", x: events.spans.map((_, i) => i + 1), y: events.spans, marker: { color: c.blue },
        hovertemplate: "%{y:,} events<extra></extra>" }],
      layout: { xaxis: { title: "tenth of the samples", dtick: 1 }, yaxis: { title: "events" } },
    }),
  });
}

function showLayer() {
  const parent = byId("layer-cards");
  emptied(parent);
  const layer = data.layers[layerShown()];
  if (layer.heat) heatmapOf(layer, parent);
  if (layer.points) pointsOf(layer, parent);
  if (layer.events && layer.events.events) layerEvents(layer, parent);
}
