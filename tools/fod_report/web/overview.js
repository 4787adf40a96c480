// The head of the page, and what the predictions look like.
function showHead() {
  byId("model").textContent = data.model;
  byId("bar-model").textContent = data.model;
  byId("about").textContent = `${data.file}, drawn ${data.made.replace("T", " ").replace("Z", " UTC")}`;
  for (const [name, value, told] of data.facts)
    byId("facts").append(element("div", {}, element("dt", {}, name), element("dd", {}, value),
      told ? element("dd", {}, told) : null));
  if (data.notes.length) {
    const notes = byId("notes");
    notes.hidden = false;
    notes.querySelector("summary").textContent = data.notes.length === 1 ?
      "One thing is not in this file" : `${data.notes.length} things are not in this file`;
    for (const { what, how } of data.notes)
      notes.querySelector("ul").append(element("li", {}, what + " ", element("span", {}, how)));
  }
  const sections = [["overview", "Predictions"], ["layers", "Layers and groups"], ["samples", "Samples"]];
  for (const [id, name] of sections)
    if (!byId(id).hidden) byId("links").append(element("a", { href: "#" + id }, name));
  byId("footer").textContent = "Made by tools/report.py of fod. This page is complete in itself: it asks no server for anything.";
}

function showOverview() {
  const parent = byId("overview-cards"), bins = data.reliability, entropy = data.entropy;
  if (!bins && !entropy) { byId("overview").hidden = true; return; }
  if (bins) card(parent, {
    id: "chart-reliability", title: "Reliability",
    told: `Expected calibration error ${bins.ece.toFixed(4)}; a bar on the dashed line is calibrated.`,
    describe: (c) => {
      const middle = bins.count.map((_, i) => (bins.edges[i] + bins.edges[i + 1]) / 2);
      const width = (bins.edges[1] - bins.edges[0]) * 0.92;
      return {
        traces: [
          { type: "bar", x: middle, y: bins.accuracy, width, name: "accuracy", marker: { color: c.blue },
            customdata: bins.count.map((n, i) => [n, bins.confidence[i]]),
            hovertemplate: "accuracy %{y:.3f}<br>mean confidence %{customdata[1]:.3f}<br>%{customdata[0]:,} samples<extra></extra>" },
          { type: "scatter", mode: "markers", x: bins.confidence, y: bins.confidence, cliponaxis: false,
            name: "mean confidence", marker: { color: c.orange, symbol: "diamond", size: 8 }, hoverinfo: "skip" },
          { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], line: { dash: "dash", color: c.soft, width: 1.3 },
            name: "perfect", hoverinfo: "skip" }],
        layout: { xaxis: { title: "confidence", range: [0, 1] }, yaxis: { title: "accuracy", range: [0, 1.03] } },
      };
    },
  });
  if (entropy) card(parent, {
    id: "chart-entropy", title: "Entropy of the predictions", told: "Samples per bin, on a logarithmic scale.",
    describe: (c) => {
      const paint = { all: c.blue, right: c.blue, wrong: c.orange };
      const middle = entropy.edges.slice(1).map((edge, i) => (edge + entropy.edges[i]) / 2);
      return {
        traces: Object.entries(entropy.counts).map(([name, counts]) => ({
          type: "bar", x: middle, y: counts, name, marker: { color: paint[name] },
          hovertemplate: `%{y:,} ${name === "all" ? "samples" : name}, %{x:.3f} nats<extra></extra>` })),
        layout: { barmode: "overlay", bargap: 0.08, showlegend: "right" in entropy.counts,
          xaxis: { title: "entropy (nats)" },
          yaxis: { title: "samples", type: "log", dtick: 1, range: [-0.3, undefined], rangemode: "tozero", autorange: "max" } },
      };
    },
  });
}
