"use strict";
// Sorts, filters and saves the table of scans. Without scripts the table stays as it is: all scans, worst first.
(() => {
const find = (id) => document.getElementById(id);
const about = JSON.parse(find("case-about").textContent);
const table = find("case-table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
const NAMES = ["case", "subject", "test_set", "failure"], KEYS = [...NAMES, ...about.columns.map((column) => column.key)];
const UNDEFINED = "n/a";
let cases = [], shown = [], text = "", order = { key: null, up: true };

const byName = new Intl.Collator("en", { numeric: true });
const isControl = (one) => about.controls.includes(one.test_set);

function isFailure(one) {
  if (isControl(one)) return one.fp_ml !== null && one.fp_ml > about.failure.fp_ml;
  return one.dice !== null && one.dice < about.failure.dice;
}

function quality(one) {
  if (!isControl(one) && one.dice_oracle !== null) return one.dice_oracle;
  return one.fp_ml === null ? -Infinity : -one.fp_ml;
}

function parse(tsv) {
  const plain = (cell) => cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
  const [head, ...lines] = tsv.trimEnd().split("\n").map((line) => line.split("\t").map(plain));
  const place = Object.fromEntries(head.map((name, at) => [name, at]));
  return lines.filter((line) => line[place.grid] === "native").map((line) => {
    const one = { row: line[place.row] };
    for (const name of ["case", "subject", "test_set"]) one[name] = line[place[name]];
    for (const { key } of about.columns) {
      const cell = key in place ? line[place[key]] : UNDEFINED;
      one[key] = cell === UNDEFINED ? null : Number(cell);
      one[`${key} as written`] = cell;
    }
    one.failure = isFailure(one);
    return one;
  });
}

function compare(a, b) {
  if (order.key === null) {
    const kind = isControl(a) - isControl(b), x = quality(a), y = quality(b);
    return kind || (x < y ? -1 : x > y ? 1 : 0);
  }
  const x = a[order.key], y = b[order.key], sign = order.up ? 1 : -1;
  if (x === null || y === null) return (x === null) - (y === null); // undefined last, whatever the direction
  return sign * (typeof x === "string" ? byName.compare(x, y) : x - y);
}

function cell(tag, content, kind) {
  const made = document.createElement(tag);
  made.append(content);
  if (kind) made.className = kind;
  return made;
}

function line(one) {
  const made = document.createElement("tr"), page = about.pages[one.case];
  let name = one.case;
  if (page) {
    name = cell("a", one.case);
    name.href = page;
  }
  const head = cell("th", name);
  head.scope = "row";
  made.append(head, cell("td", one.subject), cell("td", one.test_set), cell("td", one.failure ? cell("span", "failure", "failed") : ""));
  for (const { key, digits } of about.columns) {
    if (one[key] === null) { made.append(cell("td", "\u2013", "num none")); continue; }
    const data = cell("data", one[key].toFixed(digits).replace("-", "\u2212"));
    data.value = one[key];
    made.append(cell("td", data, "num"));
  }
  return made;
}

function show() {
  const row = find("case-row").value, set = find("case-set").value, wanted = find("case-text").value.trim().toLowerCase();
  const ofRow = cases.filter((one) => one.row === row);
  shown = ofRow.filter((one) => (!set || one.test_set === set) && (!find("case-failures").checked || one.failure)
    && (!wanted || one.case.toLowerCase().includes(wanted) || one.subject.toLowerCase().includes(wanted)));
  shown.sort(compare);
  body.replaceChildren(...shown.map(line));
  heads.forEach((head, at) => {
    if (KEYS[at] === order.key) head.setAttribute("aria-sort", order.up ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
  const failures = shown.filter((one) => one.failure).length;
  find("case-status").textContent = `${row}: ${shown.length} of ${ofRow.length} scans, ${failures} of them failures`;
}

function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/tab-separated-values" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function saveShown() {
  const names = ["row", ...KEYS];
  const lines = shown.map((one) => names.map((name) => `${name} as written` in one ? one[`${name} as written`] : one[name]));
  save("cases-shown.tsv", [names, ...lines].map((cells) => cells.join("\t") + "\n").join(""));
}

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function sortBy(key) {
  order = { key, up: order.key === key ? !order.up : true };
  show();
}

async function start() {
  text = await inflate(find("case-tsv").textContent);
  cases = parse(text);
  heads.forEach((head, at) => {
    const button = cell("button", head.textContent);
    button.type = "button";
    button.addEventListener("click", () => sortBy(KEYS[at]));
    head.replaceChildren(button);
  });
  for (const id of ["case-row", "case-set", "case-failures"]) find(id).addEventListener("change", show);
  find("case-text").addEventListener("input", show);
  find("case-controls").addEventListener("submit", (event) => event.preventDefault());
  find("case-worst").addEventListener("click", () => { order = { key: null, up: true }; show(); });
  find("case-save-shown").addEventListener("click", saveShown);
  find("case-save-all").addEventListener("click", () => save("cases.tsv", text));
  find("case-controls").hidden = false;
  show();
  table.dataset.ready = "";
}
if (typeof DecompressionStream === "function") start();
})();
