// What is shown, and how addresses (#layer-…, #group-…, #sample-…) lead to it.
const view = { layer: -1, group: -1, sample: -1, drivers: false };

const layerOfSlug = new Map(data.layers.map((layer, number) => [layer.slug, number]));
const groupOfId = new Map(data.groups.map((group, number) => [String(group.id), number]));

function fillFilters() {
  const layers = byId("layer-filter"), kinds = byId("class-filter");
  layers.append(element("option", { value: "" }, "all layers"));
  data.layers.forEach((layer) => layers.append(element("option", { value: layer.slug },
    `${layer.short} (${layer.found})`)));
  data.layers.forEach((layer) => byId("layer-strip").append(element("a", { id: `layer-${layer.slug}`, href: `#layer-${layer.slug}`,
    title: layer.name }, layer.short, element("span", {}, `${layer.found} of ${whole(layer.neurons)}`))));
  byId("layer-strip").title = "groups of neurons";
  layers.onchange = () => go(layers.value ? `#layer-${layers.value}` : "#layers");
  byId("group-filter").onchange = (event) => {
    if (event.target.value) go(`#group-${event.target.value}`);
    else go(view.layer >= 0 ? `#layer-${data.layers[view.layer].slug}` : "#layers");
  };
  kinds.append(element("option", { value: "" }, "any class"));
  if (columns.prediction) [...new Set(columns.prediction)].sort((a, b) => a - b)
    .forEach((kind) => kinds.append(element("option", { value: kind }, shorten(className(kind), 30))));
  else kinds.parentElement.hidden = true;
  if (!columns.label || !columns.prediction) byId("wrong-label").hidden = true;
  kinds.onchange = byId("wrong-filter").onchange = byId("id-filter").oninput = () => showSamples();
  byId("page-back").onclick = () => { pageNow--; showSamples(true); };
  byId("page-next").onclick = () => { pageNow++; showSamples(true); };
  byId("samples-note").textContent = data.samples.note ||
    (data.samples.total ? `All ${whole(data.samples.total)} of the file. Sort by any column.` : "There are none.");
}

function showFilters() {
  const shown = layerShown();
  data.layers.forEach((layer, number) => byId(`layer-${layer.slug}`).setAttribute("aria-current", String(number === shown)));
  byId("layer-filter").value = view.layer >= 0 ? data.layers[view.layer].slug : "";
  byId("group-filter").replaceChildren(element("option", { value: "" }, "all groups"),
    ...groupsShown().map((number) => element("option", { value: data.groups[number].id }, `group ${data.groups[number].id} (${data.groups[number].size})`)));
  byId("group-filter").value = view.group >= 0 ? data.groups[view.group].id : "";
}

function showAllOfGroups() {
  if (!data.layers.length) return;
  showFilters();
  showGroups();
  showGroup();
  showLayer();
}

function reveal(place, where) {
  if (!place) return;
  const { top, bottom } = place.getBoundingClientRect();
  const below = where === "start" ? top > 0.6 * innerHeight : bottom > innerHeight;
  if (top < 48 || below) place.scrollIntoView({ block: where });
}

function chooseGroup(number) {
  view.group = number;
  if (view.layer >= 0) view.layer = data.groups[number].layer;
  view.drivers = Boolean(data.groups[number].drivers && data.groups[number].drivers.rows.length);
  if (view.drivers) Object.assign(sampleSort, { key: "driver", down: true });
  showAllOfGroups();
  showSamples();
  const row = byId(`group-${data.groups[number].id}`), box = byId("groups-scroll");
  if (row) box.scrollTop = Math.max(0, row.offsetTop - box.clientHeight / 2);
  reveal(byId("group-detail"), "start");
}

function chooseSample(row) {
  view.sample = row;
  let at = shownRows.indexOf(row);
  if (at < 0) { // not among the filtered ones: show all
    view.drivers = false;
    byId("id-filter").value = byId("class-filter").value = "";
    byId("wrong-filter").checked = false;
    showSamples();
    at = shownRows.indexOf(row);
  }
  pageNow = Math.floor(at / pageRows);
  showSamples(true);
  showSample();
  reveal(byId(`sample-${columns.id[row]}`), "center");
}

// Follows the address. Anything unknown leaves what is shown.
function route() {
  const [, kind, name] = location.hash.match(/^#(layer|group|sample)-(.+)$/) || [];
  if (kind === "layer" && layerOfSlug.has(name)) {
    Object.assign(view, { layer: layerOfSlug.get(name), group: -1, drivers: false });
    showAllOfGroups();
    showSamples();
    reveal(byId("layers-title"), "start");
  } else if (kind === "group" && groupOfId.has(name)) {
    chooseGroup(groupOfId.get(name));
  } else if (kind === "sample" && rowOfId.has(Number(name))) {
    chooseSample(rowOfId.get(Number(name)));
  } else if (location.hash === "#layers") {
    Object.assign(view, { layer: -1, group: -1, drivers: false });
    showAllOfGroups();
    showSamples();
    reveal(byId("layers-title"), "start");
  } else if (location.hash.length > 1 && byId(location.hash.slice(1))) {
    byId(location.hash.slice(1)).scrollIntoView();
  }
}

function go(hash) {
  if (location.hash !== hash) history.pushState(null, "", hash);
  route();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  go(link.getAttribute("href"));
}, true);
addEventListener("popstate", () => route());

const preferred = matchMedia("(prefers-color-scheme: dark)");
function paint(theme) {
  document.documentElement.dataset.theme = theme;
  byId("theme").title = theme === "dark" ? "to light colours" : "to dark colours";
}
paint(preferred.matches ? "dark" : "light");
preferred.addEventListener("change", () => { paint(preferred.matches ? "dark" : "light"); drawAll(); });
byId("theme").onclick = () => {
  paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  drawAll();
  if (data.layers.length) showGroups();
};

showOverview();
if (!data.layers.length) byId("layers").hidden = true;
showHead();
fillFilters();
showSamples();
view.sample = shownRows.length ? shownRows[0] : -1;
showSamples(true);
showSample();
route();
if (data.layers.length && !byId("layer-cards").hasChildNodes()) showAllOfGroups();
document.documentElement.dataset.ready = "yes";
