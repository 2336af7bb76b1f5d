"use strict";
// The viewer of a case page. Without WebGL2 or scripts the page keeps its pictures and this section stays hidden.
(() => {
const find = (id) => document.getElementById(id);
const data = JSON.parse(find("viewer-data").textContent);
const minus = (number, digits) => number.toFixed(digits).replace("-", "\u2212");

// niivue looks for one uniform a line. Overlay over scan, and on top of both the outlines: bit 1 of a voxel is the mask, bit 2 the truth.
const SLICE_SHADER = `#version 300 es
precision highp int;
precision highp float;
uniform highp sampler3D volume;
uniform highp sampler3D overlay;
uniform highp sampler3D drawing;
uniform float overlays;
uniform float opacity;
in vec3 texPos;
out vec4 color;
int bits(vec3 at) { return int(texture(drawing, at).r * 255.0 + 0.5); }
bool edge(int bit, vec3 dx, vec3 dy) {
  int here = bits(texPos) & bit;
  if (here == 0) return false;
  return (bits(texPos - dx) & bit) == 0 || (bits(texPos + dx) & bit) == 0 ||
         (bits(texPos - dy) & bit) == 0 || (bits(texPos + dy) & bit) == 0;
}
void main() {
  color = vec4(texture(volume, texPos).rgb, opacity);
  if (overlays > 0.0) {
    vec4 over = texture(overlay, texPos);
    color.rgb = mix(color.rgb, over.rgb, over.a);
  }
  vec3 dx = dFdx(texPos), dy = dFdy(texPos);
  if (edge(2, 2.0 * dx, 2.0 * dy)) color.rgb = TRUTH;
  if (edge(1, 1.5 * dx, 1.5 * dy)) color.rgb = MASK;
}`;

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const glsl = (hex) => `vec3(${rgb(hex).map((part) => (part / 255).toFixed(4)).join(", ")})`;
const ORDER = ["scan", "reconstruction", "residual", "score"];
const VIEWS = { all: 3, axial: 0, coronal: 1, sagittal: 2, render: 4 };
const SCORE_STEPS = data.thresholds.length;
const volumes = {};
let nv, score, truth, slow, ready = false;

// However fast a slider is moved, there is one new picture a frame.
const due = new Set();
function later(draw) {
  if (!due.size) requestAnimationFrame(() => { const all = [...due]; due.clear(); all.forEach((one) => one()); });
  due.add(draw);
}
const drawScene = () => nv.drawScene();
const upload = () => nv.updateGLVolume();

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

function colourMap(name, layer) {
  const hex = data.colours[name];
  const map = { R: [], G: [], B: [], A: [], I: [] };
  for (let i = 0; i < 256; i++) {
    "RGB".split("").forEach((part, at) => map[part].push(parseInt(hex.slice(6 * i + 2 * at, 6 * i + 2 * at + 2), 16)));
    // What is unremarkable lets the scan be seen: full colour from a third of the range on.
    const share = layer === "residual" ? Math.abs(i - 128) / 127 : i / 255;
    map.A.push(i === 0 ? 0 : Math.round(255 * Math.min(1, 3 * share)));
    map.I.push(i);
  }
  return map;
}

function drawBar(name) {
  const bar = find("colour-bar"), context = bar.getContext("2d"), hex = data.colours[name];
  for (let i = 0; i < 256; i++) {
    context.fillStyle = "#" + hex.slice(6 * i, 6 * i + 6);
    context.fillRect(i, 0, 1, bar.height);
  }
}

function showOverlay() {
  const chosen = document.querySelector("input[name=overlay]:checked").value;
  const opacity = Number(find("opacity").value) / 100;
  find("opacity-text").textContent = `${find("opacity").value} %`;
  for (const layer of ["residual", "score"]) {
    find(`colours-${layer}-row`).hidden = layer !== chosen;
    // In 3-D a map would hide the mask inside it.
    volumes[layer].opacity = layer === chosen && !document.querySelector("input[value=render]").checked ? opacity : 0;
  }
  if (ready) later(upload);
  find("legend").hidden = chosen === "none";
  if (chosen === "none") return;
  const ends = chosen === "score" ? ["0", "1"] : ["darker", "brighter"];
  ["low", "high"].forEach((end, at) => { find(`legend-${end}`).textContent = ends[at]; });
  drawBar(find(`colours-${chosen}`).value);
}

function showBase() {
  volumes.reconstruction.opacity = document.querySelector("input[name=base]:checked").value === "reconstruction" ? 1 : 0;
  if (ready) later(upload);
}

function showColours(layer) {
  const name = find(`colours-${layer}`).value;
  nv.addColormap(`${layer}-${name}`, colourMap(name, layer));
  nv.setColormap(volumes[layer].id, `${layer}-${name}`);
  showOverlay();
}

function drawMask() {
  const step = Number(find("threshold").value), bits = nv.drawBitmap;
  const outline = find("outline").checked, reference = truth && find("truth").checked;
  for (let i = 0; i < bits.length; i++) {
    bits[i] = (outline && score[i] > step ? 1 : 0) | (reference && truth[i] ? 2 : 0);
  }
  nv.refreshDrawing(true);
}

function showThreshold() {
  const step = Number(find("threshold").value), value = data.thresholds[step], ml = data.volumes_ml[step];
  const stored = step === data.stored ? ", as stored" : "";
  find("threshold-text").textContent = `${value.toFixed(3)}${stored}: ${ml.toFixed(ml < 10 ? 2 : 1)} ml above it`;
  find("threshold").setAttribute("aria-valuetext", find("threshold-text").textContent);
  later(drawMask);
}

const place = () => Array.from(nv.frac2mm(nv.scene.crosshairPos, 0, true)).slice(0, 3);

function moved() {
  if (!ready) return;
  const mm = place(), voxel = volumes.scan.mm2vox(mm);
  const at = (name) => volumes[name].getValue(voxel[0], voxel[1], voxel[2], 0);
  const grey = (name) => {
    const value = at(name), { low, high } = data.layers[name], text = minus(value, high < 10 ? 3 : 0);
    return (value >= high ? "\u2265 " : value <= low ? "\u2264 " : "") + text;
  };
  const inside = at("residual") > data.layers.residual.low;
  find("place").textContent = ["x", "y", "z"].map((axis, i) => `${axis} ${minus(mm[i], 1)}`).join(", ") + " mm";
  find("values").textContent = `scan ${grey("scan")}` + (inside
    ? `, reconstruction ${grey("reconstruction")}, score ${Math.max(0, at("score")).toFixed(2)}` : ", outside the brain");
  ["x", "y", "z"].forEach((axis, i) => {
    find(`slice-${axis}`).value = voxel[i];
    find(`slice-${axis}`).setAttribute("aria-valuetext", `${minus(mm[i], 0)} mm`);
  });
}

function goTo(mm) {
  nv.scene.crosshairPos = nv.mm2frac(mm, 0, true);
  nv.createOnLocationChange();
  later(drawScene);
}

function step(axis, by) {
  const slider = find(`slice-${axis}`);
  slider.value = Number(slider.value) + by;
  slider.dispatchEvent(new Event("input"));
}

// Across the screen, up it, and through the slices: axes of the plane that is shown, of the axial one where all are.
const AXES = { coronal: "xzy", sagittal: "yzx" };
const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1], PageDown: [2, -1], PageUp: [2, 1] };

// The viewer is not printed: the pictures, closed while it is there, stand in its place.
function printable() {
  const box = find("pictures-box");
  let open = true;
  window.addEventListener("beforeprint", () => { open = box.open; box.open = true; });
  window.addEventListener("afterprint", () => { box.open = open; });
}

function connect() {
  for (const layer of ["residual", "score"]) find(`colours-${layer}`).addEventListener("change", () => showColours(layer));
  document.querySelectorAll("input[name=overlay]").forEach((one) => one.addEventListener("change", showOverlay));
  document.querySelectorAll("input[name=base]").forEach((one) => one.addEventListener("change", showBase));
  document.querySelectorAll("input[name=view]").forEach((one) =>
    one.addEventListener("change", () => { nv.setSliceType(VIEWS[one.value]); showOverlay(); }));
  find("opacity").addEventListener("input", showOverlay);
  for (const id of ["threshold", "outline", "truth"]) if (find(id)) find(id).addEventListener("input", showThreshold);
  find("stored").addEventListener("click", () => { find("threshold").value = data.stored; showThreshold(); });
  find("swap").addEventListener("change", () => {
    nv.setRadiologicalConvention(!find("swap").checked);
    find("convention").textContent = find("swap").checked
      ? "Neurological convention: the patient\u2019s left (L) is on the left of axial and coronal slices."
      : "Radiological convention: the patient\u2019s left (L) is on the right of axial and coronal slices.";
  });
  ["x", "y", "z"].forEach((axis, i) => find(`slice-${axis}`).addEventListener("input", () => {
    const slider = find(`slice-${axis}`);
    nv.scene.crosshairPos[i] = (Number(slider.value) + 0.5) / (Number(slider.max) + 1);
    goTo(place());
  }));
  // niivue has keys of its own, one of which opens an alert: ours replace them.
  for (const kind of ["keydown", "keyup"]) find("viewer-frame").addEventListener(kind, (event) => {
    event.stopImmediatePropagation();
    const move = KEYS[event.key];
    if (kind !== "keydown" || !move || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    // A key moves the crosshair to where it points on the screen.
    const axes = AXES[document.querySelector("input[name=view]:checked").value] || "xyz", axis = axes[move[0]];
    step(axis, axis === "x" && move[0] === 0 && !find("swap").checked ? -move[1] : move[1]);
  }, true);
  document.querySelectorAll("tr[data-mm]").forEach((row) => {
    const head = row.querySelector("th"), button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.setAttribute("aria-label", `Finding ${button.textContent.trim()}: move the crosshair to its centroid`);
    head.append(button);
    row.addEventListener("click", () => goTo(row.dataset.mm.split(" ").map(Number)));
  });
}

async function start() {
  const script = document.createElement("script");
  script.textContent = await (await inflate(find("niivue").textContent)).text();
  document.head.append(script);
  find("viewer").hidden = false;
  const { Niivue, NVImage } = window.niivue;
  nv = new Niivue({
    logLevel: "error", isRadiologicalConvention: true, isOrientCube: true, showAllOrientationMarkers: true, dragAndDropEnabled: false,
    backColor: [0, 0, 0, 1], fontColor: [0.93, 0.93, 0.93, 1], crosshairColor: [0.55, 0.9, 0.4, 0.9], crosshairWidth: 0.6,
    crosshairGap: 8, crosshairWidthUnit: "mm", show3Dcrosshair: true, multiplanarShowRender: slow ? 0 : 1, multiplanarLayout: 2,
    multiplanarPadPixels: 6, dragMode: 0, isNearestInterpolation: false, scrollRequiresFocus: true, loadingText: "",
    viewModeHotKey: "", clipPlaneHotKey: "", cycleClipPlaneHotKey: "", tileMargin: 4,
  });
  nv.onLocationChange = moved;
  await nv.attachToCanvas(find("viewer-canvas"), !slow);
  for (const name of ["residual", "score"]) {
    for (const option of find(`colours-${name}`).options) {
      nv.addColormap(`${name}-${option.value}`, colourMap(option.value, name));
    }
  }
  nv.setCustomSliceShader(SLICE_SHADER.replace("TRUTH", glsl(data.truth)).replace("MASK", glsl(data.mask)));
  const [mask, reference] = [rgb(data.mask), rgb(data.truth)];
  nv.setDrawColormap({
    R: [0, mask[0], reference[0], 255], G: [0, mask[1], reference[1], 240], B: [0, mask[2], reference[2], 210], A: [0, 255, 255, 255],
  });
  nv.addColormap("opaque", { R: [0, 255], G: [0, 255], B: [0, 255], A: [255, 255], I: [0, 255] });
  const maps = { scan: "gray", reconstruction: "opaque", truth: "gray" };
  for (const layer of ["residual", "score"]) maps[layer] = `${layer}-${find(`colours-${layer}`).value}`;
  for (const name of [...ORDER, "truth"]) {
    if (!data.layers[name]) continue;
    const { nifti, low, high } = data.layers[name];
    volumes[name] = await NVImage.loadFromBase64({
      base64: nifti, name: `${name}.nii.gz`, colormap: maps[name], cal_min: low,
      cal_max: name === "score" ? low + ((high - low) * SCORE_STEPS) / 255 : high,
    });
    data.layers[name].nifti = null;
  }
  showBase();
  showOverlay();
  nv.volumes = ORDER.map((name) => volumes[name]);
  nv.setVolume(volumes.scan, 0); // everything is uploaded here, once
  score = volumes.score.img;
  truth = volumes.truth && volumes.truth.img;
  nv.setDrawOpacity(1);
  nv.createEmptyDrawing();
  connect();
  printable();
  showThreshold();
  ready = true;
  const first = document.querySelector("tr[data-mm]");
  goTo(first ? first.dataset.mm.split(" ").map(Number) : place());
  find("pictures-box").open = false;
  find("viewer").dataset.ready = "yes";
}

const probe = document.createElement("canvas").getContext("webgl2");
// Without a graphics processor each picture in 3-D takes seconds: it is then drawn only where it is chosen.
function isSlow() {
  const info = probe.getExtension("WEBGL_debug_renderer_info");
  const name = probe.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : probe.RENDERER);
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}

if (!probe || !window.DecompressionStream) {
  find("viewer-missing").hidden = false;
} else {
  slow = isSlow();
  const lose = probe.getExtension("WEBGL_lose_context");
  if (lose) lose.loseContext();
  start().catch((error) => {
    find("viewer").hidden = true;
    find("viewer-missing").hidden = false;
    find("pictures-box").open = true;
    console.error(error);
  });
}
})();
