// Tables that are sorted by their headers. Every row has an anchor of its own.
const pageRows = 25;

// heads: [{ key, name, text, hint }]; `sort` is { key, down }.
function headOf(heads, sort, choose) {
  return element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", {
    scope: "col", class: head.text ? "text" : "", "data-key": head.key,
    "aria-sort": sort.key === head.key ? (sort.down ? "descending" : "ascending") : "none",
  }, element("button", { type: "button", title: head.hint, onclick: () => choose(head.key) }, head.name)))));
}

// Sorts places by a value; what is not known comes last, ties keep the order of `then`.
function sorted(places, value, down, then) {
  const known = (v) => v !== null && v !== undefined && v === v && v !== "";
  return places.map((place) => [value(place), place]).sort(([a, p], [b, q]) => {
    const left = known(a), right = known(b);
    if (!left || !right) return left === right ? then(p) - then(q) : left ? -1 : 1;
    const order = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
    return order ? (down ? -order : order) : then(p) - then(q);
  }).map(([, place]) => place);
}

function turned(sort, key, first) { // again on the same head: the other way
  return sort.key === key ? { key, down: !sort.down } : { key, down: first };
}

const sampleSort = { key: "entropy" in columns ? "entropy" : "id", down: "entropy" in columns };
let shownRows = [], pageNow = 0;

const wrong = (row) => columns.label && columns.prediction && columns.label[row] >= 0 &&
  columns.label[row] !== columns.prediction[row];
const driversShown = () => view.drivers && view.group >= 0 ? data.groups[view.group].drivers : null;

function sampleHeads() {
  const all = [["id", "Sample"], ["prediction", "Predicted"], ["label", "Label"], ["confidence", "Confidence", "largest probability"],
    ["entropy", "Entropy", "in nats"], ["epistemic", "Epistemic", "in nats: what the members disagree on"],
    ["disagreement", "Disagree", "share of members that predict another class"]];
  const heads = all.filter(([key]) => key in columns).map(([key, name, hint]) => ({ key, name, hint }));
  const drivers = driversShown();
  if (drivers) heads.push({ key: "driver", name: drivers.by === "activity" ? "Activity" : "Strength",
    hint: drivers.by === "activity" ? "of the group in this sample; sorted by size" : "of the group's learning event" });
  return heads;
}

function filteredRows() {
  const drivers = driversShown();
  let rows = drivers ? drivers.rows : Array.from({ length: rowCount }, (_, row) => row);
  const id = byId("id-filter").value.trim(), kind = byId("class-filter").value;
  if (id) rows = rows.filter((row) => String(columns.id[row]).startsWith(id));
  if (kind !== "") rows = rows.filter((row) => columns.prediction[row] === Number(kind));
  if (byId("wrong-filter").checked) rows = rows.filter(wrong);
  const at = drivers ? new Map(drivers.rows.map((row, i) => [row, Math.abs(drivers.values[i])])) : null;
  const value = sampleSort.key === "driver" ? (row) => at.get(row) : (row) => columns[sampleSort.key][row];
  return sorted(rows, value, sampleSort.down, (row) => columns.id[row]);
}

function cellOf(key, row) {
  if (key === "id") {
    const id = columns.id[row];
    return element("td", {}, thumb(row, 26), element("a", { href: `#sample-${id}` }, String(id)));
  }
  if (key === "driver") {
    const drivers = driversShown();
    return element("td", {}, digits(drivers.values[drivers.rows.indexOf(row)]));
  }
  const value = columns[key][row];
  if (key === "prediction" || key === "label")
    return element("td", { class: wrong(row) ? "wrong" : "" }, shorten(className(value), 18));
  return element("td", {}, figure(value));
}

function showSamples(keepPage) {
  if (sampleSort.key === "driver" && !driversShown()) Object.assign(sampleSort, { key: "entropy" in columns ? "entropy" : "id", down: "entropy" in columns });
  shownRows = filteredRows();
  if (!keepPage) pageNow = 0;
  const pages = Math.max(1, Math.ceil(shownRows.length / pageRows));
  pageNow = Math.min(pageNow, pages - 1);
  const heads = sampleHeads();
  const choose = (key) => {
    Object.assign(sampleSort, turned(sampleSort, key, !["id", "prediction", "label", "confidence"].includes(key)));
    showSamples();
    byId("samples-table").querySelector(`th[data-key="${key}"] button`).focus();
  };
  const rows = shownRows.slice(pageNow * pageRows, (pageNow + 1) * pageRows).map((row) => {
    const id = columns.id[row];
    return element("tr", { id: `sample-${id}`, "data-id": id, "aria-selected": String(row === view.sample),
      onclick: () => go(`#sample-${id}`) }, ...heads.map((head) => cellOf(head.key, row)));
  });
  byId("samples-table").replaceChildren(headOf(heads, sampleSort, choose), element("tbody", {}, ...rows));
  const drivers = driversShown(), chip = byId("driver-chip");
  chip.hidden = !drivers;
  if (drivers) chip.replaceChildren(`drive group ${data.groups[view.group].id}`, element("button", { type: "button",
    "aria-label": "Show all samples again", onclick: () => { view.drivers = false; showSamples(); } }, "×"));
  byId("sample-count").textContent = shownRows.length === rowCount && !drivers ? `${whole(rowCount)} samples` :
    `${whole(shownRows.length)} of ${whole(drivers ? drivers.rows.length : rowCount)} samples`;
  byId("page-told").textContent = `page ${whole(pageNow + 1)} of ${whole(pages)}`;
  byId("page-back").disabled = pageNow === 0;
  byId("page-next").disabled = pageNow >= pages - 1;
}

function showSample() {
  const parent = byId("sample-detail"), row = view.sample;
  if (row < 0) {
    parent.replaceChildren(element("p", { class: "muted" }, "Choose a sample to see its distribution and the groups that it moves."));
    return;
  }
  const parts = [element("h3", {}, `Sample ${columns.id[row]}`)], image = thumb(row, 128);
  if (image) parts.push(element("p", { style: "margin:8px 0 4px" }, image));
  if (columns.prediction) {
    const label = columns.label ? columns.label[row] : -1;
    parts.push(element("p", { class: "muted" }, `Predicted ${className(columns.prediction[row])}` +
      (label < 0 ? "" : wrong(row) ? `, but it is ${className(label)}` : ", which is right")));
  }
  if (data.samples.top) {
    const across = data.samples.top.classes.shape[1], bars = [];
    for (let i = 0; i < across; i++) {
      const kind = top_.classes[row * across + i], p = top_.p[row * across + i];
      bars.push(element("span", {}, shorten(className(kind), 16)), element("i", { style: `width:${100 * p}%`,
        class: columns.label && columns.label[row] === kind ? "label" : "" }), element("span", {}, percent(p)));
    }
    parts.push(element("div", { class: "probability" }, ...bars));
  }
  const facts = ["entropy", "epistemic", "aleatoric", "disagreement"].filter((key) => key in columns);
  if (facts.length) parts.push(element("dl", { class: "pairs" }, ...facts.map((key) =>
    element("div", {}, element("dt", {}, key), element("dd", {}, figure(columns[key][row]))))));
  const link = (number, told) => element("a", { href: `#group-${data.groups[number].id}` }, `group ${data.groups[number].id}${told}`);
  if (data.samples.active) {
    const across = data.samples.active.groups.shape[1], found = [];
    for (let i = 0; i < across; i++) {
      const value = active_.values[row * across + i];
      if (value === value) found.push(link(active_.groups[row * across + i], ` (${digits(value, 2)})`));
    }
    parts.push(element("p", { class: "small muted" }, "Groups of largest activity in it"), element("div", { class: "strip" }, ...found));
  }
  const driven = groupsOfRow().get(row) || [];
  if (driven.length) parts.push(element("p", { class: "small muted" }, "Among the samples that drive"),
    element("div", { class: "strip", id: "driven" }, ...driven.slice(0, 30).map((number) => link(number, ""))));
  parent.replaceChildren(...parts);
}

const top_ = data.samples.top ? { classes: unpack(data.samples.top.classes), p: unpack(data.samples.top.p) } : null;
const active_ = data.samples.active ? { groups: unpack(data.samples.active.groups), values: unpack(data.samples.active.values) } : null;
let groupsOf = null;
function groupsOfRow() {
  if (!groupsOf) {
    groupsOf = new Map();
    data.groups.forEach((group, number) => (group.drivers ? group.drivers.rows : []).forEach((row) => {
      if (!groupsOf.has(row)) groupsOf.set(row, []);
      groupsOf.get(row).push(number);
    }));
  }
  return groupsOf;
}
