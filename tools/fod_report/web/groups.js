// The table of groups, and one group in detail.
const groupSort = { key: "id", down: false };
const groupHeads = [
  { key: "id", name: "Group" }, { key: "layer", name: "Layer", text: true }, { key: "size", name: "Size", hint: "neurons" },
  { key: "cohesion", name: "Cohesion", hint: "mean |r| over its pairs of neurons" },
  { key: "stability", name: "Stability", hint: "overlap with a group of each half of the samples" },
  { key: "corr_entropy", name: "r(entropy)", hint: "correlation of its activity with entropy" },
  { key: "corr_error", name: "r(error)", hint: "correlation of its activity with being wrong" },
  { key: "skill", name: "Skill", text: true, hint: "most frequent category of its learning events" },
].filter((head) => head.key !== "skill" || data.groups.some((group) => group.skill))
 .filter((head) => head.key !== "corr_error" || data.groups.some((group) => group.corr_error !== null));

function groupsShown() {
  return data.groups.map((_, number) => number).filter((number) => view.layer < 0 || data.groups[number].layer === view.layer);
}

function showGroups() {
  const numbers = groupsShown();
  const value = (number) => groupSort.key === "layer" ? data.layers[data.groups[number].layer].name : data.groups[number][groupSort.key];
  const order = sorted(numbers, value, groupSort.down, (number) => number);
  const choose = (key) => {
    Object.assign(groupSort, turned(groupSort, key, !["id", "layer", "skill"].includes(key)));
    showGroups();
    byId("groups-table").querySelector(`th[data-key="${key}"] button`).focus();
  };
  const rows = order.map((number) => {
    const group = data.groups[number], layer = data.layers[group.layer];
    const cells = groupHeads.map(({ key, text }) => {
      if (key === "id") return element("td", {}, element("span", { class: "dot", style: `background:${hueOf(group.place)}` }),
        element("a", { href: `#group-${group.id}` }, String(group.id)));
      if (key === "layer") return element("td", { class: "text", title: layer.name }, layer.short);
      if (text) return element("td", { class: "text", title: group[key] }, shorten(group[key], 22));
      return element("td", {}, key === "size" ? whole(group.size) : digits(group[key]));
    });
    return element("tr", { id: `group-${group.id}`, "data-group": group.id, "aria-selected": String(number === view.group),
      onclick: () => go(`#group-${group.id}`) }, ...cells);
  });
  byId("groups-table").replaceChildren(headOf(groupHeads, groupSort, choose), element("tbody", {}, ...rows));
  byId("group-count").textContent = `${whole(numbers.length)} ${numbers.length === 1 ? "group" : "groups"}` +
    (view.layer >= 0 ? ` in ${data.layers[view.layer].short}` : ` in ${whole(data.layers.length)} ${data.layers.length === 1 ? "layer" : "layers"}`);
}

function showGroup() {
  const parent = byId("group-detail");
  emptied(byId("group-cards"));
  if (view.group < 0) {
    const layer = data.layers[layerShown()];
    const pairs = [["neurons", whole(layer.neurons)], ["groups", whole(layer.found)], ["in none", whole(layer.ungrouped)], ["dead", whole(layer.dead)],
      ["stability", digits(layer.stability)], ["type", layer.type], ["found by", layer.method]];
    parent.replaceChildren(element("h3", {}, layer.name), element("dl", { class: "pairs" }, ...pairs.filter(([, told]) => told && told !== "–")
      .map(([name, told]) => element("div", {}, element("dt", {}, name), element("dd", {}, told)))),
      element("p", { class: "muted" }, layer.found ? "Choose a group to see its neurons and the samples that drive it." : "No group was found in it."));
    againstEntropy(byId("group-cards"));
    return;
  }
  const group = data.groups[view.group], layer = data.layers[group.layer];
  const pairs = [["neurons", whole(group.size)], ["cohesion", digits(group.cohesion)], ["signed", digits(group.cohesion_signed)],
    ["stability", digits(group.stability)], ["first component", Number.isFinite(group.variance_explained) ? percent(group.variance_explained) : "–"],
    ["mean activation", digits(group.mean_activation)], ["r(entropy)", digits(group.corr_entropy)],
    ["r(confidence)", digits(group.corr_confidence)], ["r(error)", digits(group.corr_error)]];
  if (group.skill) pairs.push(["skill", group.skill]);
  if (group.events) pairs.push(["events", whole(group.events.events)], ["loss if active", digits(group.events.active, 4)],
    ["loss otherwise", digits(group.events.inactive, 4)]);
  const more = group.size - group.neurons.length;
  const parts = [element("h3", {}, element("span", { class: "dot", style: `background:${hueOf(group.place)}` }), `Group ${group.id} `),
    element("p", { class: "muted" }, layer.name),
    element("dl", { class: "pairs" }, ...pairs.filter(([, told]) => told !== "–").map(([name, told]) => element("div", {}, element("dt", {}, name), element("dd", {}, told)))),
    element("p", { class: "neurons" }, element("b", {}, "Neurons "), group.neurons.join(" ") + (more > 0 ? ` and ${whole(more)} more` : ""))];
  if (group.drivers && group.drivers.rows.length) {
    const images = group.drivers.rows.some((row) => thumbAt.has(row));
    parts.push(element("p", { class: "small", style: "margin-top:14px" }, element("b", {}, "Driven most by "),
      element("span", { class: "muted" }, group.drivers.by === "activity" ? "(largest activity, of either sign)" : "(strongest events)")),
      element("div", { class: "strip", id: "drivers" }, ...group.drivers.rows.slice(0, images ? 18 : 12).map((row, i) =>
        element("a", { href: `#sample-${columns.id[row]}`, class: thumbAt.has(row) ? "image" : "",
          title: `sample ${columns.id[row]}: ${digits(group.drivers.values[i])}` }, thumb(row, 40) || String(columns.id[row])))),
      element("a", { href: "#samples", class: "action", id: "to-samples" }, `See these ${group.drivers.rows.length} samples ↓`));
  }
  parent.replaceChildren(...parts);
  groupCharts(group, byId("group-cards"));
}

function groupCharts(group, parent) {
  if (group.activity) card(parent, {
    id: "chart-activity", title: `Group ${group.id}: entropy by activity`, size: "low",
    told: `Mean entropy of tenths of ${whole(group.activity.samples)} samples, from least to most active.`,
    describe: (c) => ({
      traces: [{ type: "scatter", mode: "lines+markers", x: group.activity.entropy.map((_, i) => i + 1), y: group.activity.entropy,
        line: { color: c.blue, width: 2.2 }, marker: { size: 7 }, hovertemplate: "%{y:.4f} nats<extra></extra>" }],
      layout: { xaxis: { title: "tenth of the samples", dtick: 1 }, yaxis: { title: "entropy (nats)", rangemode: "tozero" } },
    }),
  });
  if (group.classes && group.classes.length) card(parent, {
    id: "chart-classes", title: `Group ${group.id}: mean activation by class`, size: "low",
    told: data.by === "label" ? "Classes by label." : "Classes as predicted.",
    describe: (c) => ({
      traces: [{ type: "bar", x: group.classes.map((_, i) => shorten(className(i), 14)), y: group.classes, marker: { color: c.blue },
        hovertemplate: "class %{x}: %{y:.3f}<extra></extra>" }],
      layout: { xaxis: { title: "class", type: "category" }, yaxis: { title: "mean activation" } },
    }),
  });
}

function againstEntropy(parent) {
  const size = (number) => Math.abs(data.groups[number].corr_entropy ?? 0);
  const numbers = groupsShown().filter((number) => data.groups[number].corr_entropy !== null)
    .sort((a, b) => size(b) - size(a) || a - b).slice(0, 24).reverse();
  if (!numbers.length) return;
  const name = (number) => `${data.layers[data.groups[number].layer].short}  ${data.groups[number].id}`;
  const place = card(parent, {
    id: "chart-against", title: "Groups against uncertainty",
    told: `Correlation of groups' activity with the sample's entropy, confidence and error${numbers.length === 24 ? "; the 24 that go most with entropy" : ""}.`,
    describe: (c) => ({
      traces: [["corr_entropy", "entropy", c.blue, "circle"], ["corr_confidence", "confidence", c.green, "square"], ["corr_error", "error", c.orange, "diamond"]]
        .filter(([key]) => numbers.some((number) => data.groups[number][key] !== null))
        .map(([key, told, color, symbol]) => ({ type: "scatter", mode: "markers", name: told, y: numbers.map(name),
          x: numbers.map((number) => data.groups[number][key]), customdata: numbers, marker: { color, symbol, size: 9 },
          hovertemplate: `${told}: %{x:.3f}<extra></extra>` })),
      layout: { xaxis: { title: "correlation", zeroline: true, zerolinecolor: c.soft }, yaxis: { type: "category" } },
      click: (point) => go(`#group-${data.groups[point.customdata].id}`),
    }),
  });
  place.style.height = `${Math.max(220, 110 + 26 * numbers.length)}px`;
}
