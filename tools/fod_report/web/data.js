// What the page was given, unpacked; small helpers for the document.
const data = JSON.parse(document.getElementById("fod-data").textContent);

const kinds = { int8: Int8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array };
function unpack(packed) {
  const text = atob(packed.bytes), raw = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) raw[i] = text.charCodeAt(i);
  return new kinds[packed.type](raw.buffer);
}

const columns = {};
for (const [name, packed] of Object.entries(data.samples.columns)) columns[name] = unpack(packed);
const rowCount = data.samples.rows;
const rowOfId = new Map();
for (let row = 0; row < rowCount; row++) rowOfId.set(columns.id[row], row);

const byId = (id) => document.getElementById(id);
function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null) continue;
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const minus = (text) => text.replace("-", "−");
const whole = (value) => value.toLocaleString("en-US");
const digits = (value, places = 3) =>
  value === null || value === undefined || !Number.isFinite(value) ? "–" : minus(value.toFixed(places));
function figure(value) { // small ones keep their digits
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return minus(value.toExponential(2));
  return minus(value.toFixed(size < 100 ? 4 : 1));
}
const percent = (value) => Number.isFinite(value) ? (100 * value).toFixed(value > 0.9995 || value < 0.9995 && value > 0.9 ? 2 : 1) + " %" : "–";
const className = (index) => index < 0 ? "unknown" : data.classes ? data.classes[index] : String(index);
const shorten = (text, most) => text.length <= most ? text :
  text.slice(0, Math.ceil(most / 2) - 1) + "…" + text.slice(text.length - Math.floor(most / 2));

// Okabe and Ito's colours, as in the pictures.
const hues = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8F7A4A", "#F0E442"];
const symbols = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star"];
const hueOf = (place) => place < 0 ? getStyle("--quiet") : hues[place % hues.length];
const symbolOf = (place) => place < 0 ? "circle" : symbols[Math.floor(place / hues.length) % symbols.length];
const getStyle = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Small pictures of samples: parts of one.
const thumbAt = new Map();
if (data.thumbs) data.thumbs.rows.forEach((row, place) => thumbAt.set(row, place));
let thumbStyle = null;
function thumb(row, side) {
  if (!thumbAt.has(row)) return null;
  const { side: own, columns: across, count, source } = data.thumbs, place = thumbAt.get(row);
  if (!thumbStyle) { // the picture once, for all of them
    thumbStyle = element("style", {}, `.thumb { background-image: url(${source}) }`);
    document.head.append(thumbStyle);
  }
  const scale = side / own, x = place % across, y = Math.floor(place / across);
  return element("span", {
    class: own > 32 ? "thumb smooth" : "thumb", role: "img", "aria-label": `sample ${columns.id[row]}`,
    style: `width:${side}px;height:${side}px;background-size:${across * own * scale}px ` +
      `${Math.ceil(count / across) * own * scale}px;background-position:-${x * side}px -${y * side}px`,
  });
}
