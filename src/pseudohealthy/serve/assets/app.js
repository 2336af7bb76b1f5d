"use strict";
const find = (id) => document.getElementById(id);
const STEPS = ["reading", "preparing", "reconstructing", "segmenting", "measuring", "writing"];
const FILES = { page: "Look at it", mask: "Mask (NIfTI)", score: "Score (NIfTI)", report: "Numbers (JSON)" };
const KEPT = "pseudohealthy-scans";
let about = null;

function say(problem, name = "") {
  find("trouble").hidden = !problem;
  find("trouble").textContent = problem ? `${name && `${name}: `}Found ${problem.found}; needed ${problem.needed}. ${problem.fix}` : "";
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A reader who comes back from a result finds the list again; it ends with the tab.
const kept = () => JSON.parse(sessionStorage.getItem(KEPT) || "[]");
const keep = (ids) => sessionStorage.setItem(KEPT, JSON.stringify(ids));

function words(scan) {
  if (scan.state === "waiting") return scan.before ? `Waiting; ${scan.before} before it.` : "Waiting.";
  if (scan.state === "running") return `${scan.step || "starting"}, ${Math.round(scan.seconds)} s`;
  if (scan.state === "done") return `Done in ${scan.seconds.toFixed(0)} s.`;
  const problem = scan.problem;
  return problem ? `Failed: found ${problem.found}; needed ${problem.needed}. ${problem.fix}` : "Deleted.";
}

function show(item, scan) {
  const said = words(scan);
  const line = item.querySelector("p");
  if (line.textContent !== said) line.textContent = said;
  item.dataset.state = scan.state;
  const bar = item.querySelector("progress");
  bar.hidden = !["waiting", "running"].includes(scan.state);
  if (scan.state === "running") bar.value = Math.max(0, STEPS.indexOf(scan.step));
  const actions = item.querySelector(".actions");
  if (scan.state !== "done" || actions.querySelector("a")) return;
  const links = scan.files.map((file) => element("a", FILES[file], { href: `/api/scans/${scan.id}/${file}` }));
  actions.prepend(...links);
}

function add(name) {
  const item = document.createElement("li"), actions = element("div", "", { class: "actions" });
  const remove = element("button", "Delete", { type: "button", "aria-label": `Delete ${name}` });
  actions.append(remove);
  const bar = element("progress", "", { max: STEPS.length, "aria-label": `Progress of ${name}` });
  bar.hidden = true;
  item.append(element("h3", name), element("p", "Uploading."), bar, actions);
  find("list").prepend(item);
  find("none").hidden = true;
  return { item, remove };
}

function follow(scan, item, remove) {
  let deleted = false;
  remove.addEventListener("click", async () => {
    deleted = true;
    await fetch(`/api/scans/${scan.id}`, { method: "DELETE" });
    keep(kept().filter((id) => id !== scan.id));
    item.remove();
    find("none").hidden = find("list").children.length > 0;
  });
  const ask = async () => {
    if (deleted) return;
    try {
      const answer = await fetch(`/api/scans/${scan.id}`);
      if (answer.status === 404) return show(item, { state: "failed", files: [] });
      const now = await answer.json();
      show(item, now);
      if (["done", "failed"].includes(now.state)) return;
    } catch {
      item.querySelector("p").textContent = "The server does not answer. Is it still running?";
    }
    setTimeout(ask, 700);
  };
  show(item, scan);
  ask();
}

async function send(file) {
  say(null);
  if (about && file.size > about.upload_bytes) {
    return say({ found: `a file of ${Math.ceil(file.size / 2 ** 20)} MB`, needed: `at most ${about.upload_bytes / 2 ** 20} MB`,
      fix: "Compress it (.nii.gz), or start the server with another --max-upload-mb." });
  }
  const number = find("number").value;
  if (find("threshold").value === "number" && !(number !== "" && Number(number) >= 0 && Number(number) < 1)) {
    return say({ found: `the threshold ${number || "left empty"}`, needed: "a number from 0 to below 1", fix: "Mend it, and choose the scan again." }, file.name);
  }
  const chosen = find("threshold").value === "number" ? number : find("threshold").value;
  const { item, remove } = add(file.name);
  try {
    const answer = await fetch(`/api/scans?${new URLSearchParams({ name: file.name, threshold: chosen })}`, {
      method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" },
    });
    const told = await answer.json();
    if (answer.ok) {
      keep([...kept(), told.id]);
      return follow(told, item, remove);
    }
    say(told, file.name);
  } catch {
    say({ found: "no answer from the server", needed: "one that runs", fix: "Look at the terminal where it was started." });
  }
  item.remove();
  find("none").hidden = find("list").children.length > 0;
}

function chooseNumber() {
  const number = find("threshold").value === "number";
  find("number").hidden = find("number-label").hidden = !number;
}

async function start() {
  about = await (await fetch("/api/about")).json();
  const texts = { healthy: "healthy (stored)", lesion: "lesion (stored)" };
  const options = [...new Set([about.policy, ...about.thresholds])];
  for (const name of options) find("threshold").append(element("option", texts[name] || name, { value: name }));
  find("threshold").append(element("option", "a number", { value: "number" }));
  find("most").textContent = `; at most ${about.upload_bytes / 2 ** 20} MB`;
  find("about").textContent = `Model ${about.model}, pseudohealthy ${about.version}.`;
  find("threshold").addEventListener("change", chooseNumber);
  find("form").addEventListener("submit", (event) => event.preventDefault());
  find("file").addEventListener("change", () => {
    for (const file of find("file").files) send(file);
    find("file").value = "";
  });
  for (const id of kept()) {
    const answer = await fetch(`/api/scans/${id}`);
    if (!answer.ok) continue;
    const scan = await answer.json(), { item, remove } = add(scan.name);
    follow(scan, item, remove);
  }
  document.body.dataset.ready = "yes";
}

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); find("drop").classList.add("over"); });
}
document.addEventListener("dragleave", () => find("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  find("drop").classList.remove("over");
  for (const file of event.dataTransfer.files) send(file);
});
start();
