// The import of a folder: check the list, then open the cases and send the files.
"use strict";

const at = (id) => document.getElementById(id);
const form = at("import");
const STATES = {
  opens: "Opens a case",
  adds: "Adds to a case",
  waiting: "Waiting",
  sending: "Sending",
  accepted: "Accepted",
  duplicate: "There already",
  refused: "Refused",
  broken: "To be retried",
  cancelled: "Cancelled",
};
const FINE = ["opens", "adds", "waiting", "sending", "accepted", "duplicate"];

let manifest = null;
let folder = null; // A map of paths to files, once it was chosen.
let rows = []; // What the server says of each, its part of the page, its transfer.
let beganAt = 0;
let saidTenth = 0;
let isFrameAsked = false; // However many files move, the page is drawn once a frame.

const transfers = new Transfers({
  resting: at("import-title"),
  changed: () => {
    if (!isFrameAsked) requestAnimationFrame(showProgress);
    isFrameAsked = true;
  },
});

// --- Choosing ---

at("manifest").addEventListener("change", () => {
  takeManifest(at("manifest").files[0] || null);
});
at("folder").addEventListener("change", () => takeFolder(filesOfInput(at("folder").files)));
form.elements.laboratory.addEventListener("change", forgetResult);

for (const drop of form.querySelectorAll("[data-drop]")) {
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, () => drop.classList.add("is-over"));
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("is-over"));
  }
  drop.addEventListener("drop", (event) => dropped(drop.dataset.drop, event.dataTransfer));
}
// A file that misses must not replace the page.
for (const name of ["dragenter", "dragover", "drop"]) {
  window.addEventListener(name, (event) => event.preventDefault());
}

async function dropped(where, transfer) {
  if (isBusy()) return;
  if (where === "manifest") {
    takeManifest(transfer.files[0] || null);
    return;
  }
  try {
    takeFolder(await filesOfDrop(transfer));
  } catch {
    complain("The folder could not be read. Check that it may be read, and drop it again.");
  }
}

function takeManifest(file) {
  manifest = file;
  say("manifest-said", file ? `Chosen: ${file.name}` : "");
  forgetResult();
}

function takeFolder(pairs) {
  folder = pairs.length ? new Map(pairs) : null;
  const bytes = pairs.reduce((sum, [, file]) => sum + file.size, 0);
  say("folder-said", folder ? `Chosen: ${plural(folder.size, "file")}, ${megabytes(bytes)}` : "");
  const lists = pairs.filter(([path]) => /^[^/]*\.csv$/i.test(path));
  if (!manifest && lists.length === 1) takeManifest(lists[0][1]);
  forgetResult();
}

function forgetResult() {
  at("import-result").hidden = true;
  complain("");
}

// --- Asking the server ---

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!manifest) {
    complain("Choose the list first: a CSV file that says which file belongs to which case.");
    at("manifest").focus();
    return;
  }
  const plan = await ask(form.dataset.check, at("check"));
  if (!plan) return;
  showPlan(plan);
  at("import-title").focus();
});

at("start").addEventListener("click", async () => {
  const plan = await ask(form.dataset.open, at("start"));
  if (!plan) return;
  showPlan(plan);
  begin();
});

// The plan; null where there is none, and the reason is on the page.
async function ask(address, button) {
  const body = new FormData(form);
  body.append("manifest", manifest, "manifest");
  if (folder) {
    const names = [...folder].map(([path, file]) => [path, file.size]);
    body.append("folder", new Blob([JSON.stringify(names)]), "folder");
  }
  complain("");
  button.disabled = true;
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(address, { method: "POST", headers, body });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    complain(answer.message || fallback(response.status));
  } catch {
    complain(
      "The server cannot be reached, or the list changed on your disk. Nothing was " +
        "stored. Choose the list again, and try again.",
    );
  } finally {
    button.disabled = false;
  }
  button.focus();
  return null;
}

function fallback(status) {
  if (status === 403) return "This page is too old. Reload it, and choose the files again.";
  return `The server answered ${status}. Nothing was stored. Try again.`;
}

// --- The plan ---

function showPlan(plan) {
  transfers.all.length = 0;
  rows = plan.rows.map((said) => ({ said, part: makeRow(said), transfer: null }));
  at("import-list").replaceChildren(...rows.map(({ part }) => part));
  const { opens, adds, refused } = plan.counts;
  const numbers = new Set(
    plan.rows.filter(({ action }) => action !== "refused").map((said) => said.accession_number),
  );
  const sentence = [
    `${plural(opens + adds, "file")} for ${plural(numbers.size, "case")}`,
    `${plural(opens, "case")} to open`,
    `${plural(refused, "row")} refused`,
  ].join(", ");
  at("import-title").textContent = "What would happen";
  at("import-summary").textContent = sentence;
  at("import-said").textContent = sentence;
  showUnnamed(plan.unnamed);
  const mayStart = folder !== null && opens + adds > 0;
  at("start").textContent = `Import ${plural(opens + adds, "file")}`;
  at("start").hidden = !mayStart;
  at("start-hint").hidden = folder !== null;
  for (const id of ["stop", "again", "report", "import-total"]) at(id).hidden = true;
  at("import-result").hidden = false;
  filter();
}

function makeRow(said) {
  const part = at("import-row").content.firstElementChild.cloneNode(true);
  part.querySelector(".import-line").textContent = said.line;
  part.querySelector(".import-file").textContent = said.file || "no file";
  part.querySelector(".import-case").textContent = said.accession_number;
  part.querySelector(".import-patient").textContent = said.patient_code;
  part.querySelector(".upload-words").textContent = said.words;
  showState(part, said.action);
  return part;
}

function showState(part, state) {
  if (part.dataset.state === state) return;
  part.dataset.state = state;
  part.querySelector(".import-state").textContent = STATES[state];
  part.classList.toggle("is-problem", !FINE.includes(state));
}

function showUnnamed(names) {
  const part = at("import-unnamed");
  part.hidden = names.length === 0;
  part.querySelector("summary").textContent =
    `${plural(names.length, "image")} in the folder, named by no row, would stay where ` +
    `${names.length === 1 ? "it is" : "they are"}`;
  const items = names.slice(0, 200).map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  });
  part.querySelector("ul").replaceChildren(...items);
}

at("problems-only").addEventListener("change", filter);

function filter() {
  const isOn = at("problems-only").checked;
  at("import-list").classList.toggle("problems-only", isOn);
  at("no-problems").hidden = !isOn || rows.some(({ part }) => part.classList.contains("is-problem"));
}

// --- The import ---

function begin() {
  at("import-title").textContent = "The import";
  at("start").hidden = true;
  at("import-total").hidden = false;
  at("stop").hidden = false;
  beganAt = performance.now();
  saidTenth = 0;
  lock(true);
  const token = form.elements.csrfmiddlewaretoken.value;
  for (const row of rows) {
    const file = folder.get(row.said.found);
    if (!row.said.upload || !file) continue;
    const said = [["csrfmiddlewaretoken", token], ...Object.entries(row.said.said)];
    row.transfer = transfers.add({ file, row: row.part, address: row.said.upload, said });
  }
  transfers.next();
  at("stop").focus();
}

function isBusy() {
  return transfers.count("waiting", "sending") > 0;
}

// While files are on their way, nothing else is chosen.
function lock(isLocked) {
  for (const control of form.querySelectorAll("input, select, button")) {
    control.disabled = isLocked;
  }
}

function showProgress() {
  isFrameAsked = false;
  for (const { part, transfer } of rows) if (transfer) showState(part, transfer.state);
  const isDone = !isBusy();
  const words = transfers.summary();
  const refused = rows.filter(({ transfer }) => !transfer).length;
  at("import-summary").textContent = refused
    ? `${words}; ${plural(refused, "row")} refused by the check`
    : words;
  showTotal(isDone);
  at("again").hidden = !isDone || !transfers.count("broken", "cancelled");
  if (isDone !== at("stop").hidden) ended(isDone);
  filter();
}

// Once when the last file ended, and once when some begin again.
function ended(isDone) {
  const hadFocus = document.activeElement === at("stop");
  at("stop").hidden = isDone;
  lock(!isDone);
  at("report").hidden = !isDone;
  if (!isDone) return;
  at("import-said").textContent = `The import ended: ${at("import-summary").textContent}`;
  if (hadFocus) at("import-title").focus();
  if (at("report").href) URL.revokeObjectURL(at("report").href);
  at("report").href = URL.createObjectURL(report());
}

function showTotal(isDone) {
  const meant = transfers.all.filter(({ state }) => state !== "cancelled");
  const total = meant.reduce((sum, { file }) => sum + file.size, 0);
  const sent = meant.reduce(
    (sum, { state, file, sentBytes }) =>
      sum + (["waiting", "sending"].includes(state) ? sentBytes : file.size),
    0,
  );
  const finished = meant.filter(({ state }) => !["waiting", "sending"].includes(state)).length;
  at("import-progress").value = total ? (100 * sent) / total : 100;
  const parts = [
    `${finished} of ${plural(meant.length, "file")}`,
    `${megabytes(sent)} of ${megabytes(total)}`,
  ];
  if (!isDone) parts.push(timeLeft(sent, total));
  at("import-left").textContent = parts.filter(Boolean).join(", ");
  const tenth = Math.floor((10 * sent) / (total || 1));
  if (!isDone && tenth > saidTenth) {
    saidTenth = tenth;
    at("import-said").textContent = `${10 * tenth} %, ${at("import-left").textContent}`;
  }
}

function timeLeft(sent, total) {
  const elapsedS = (performance.now() - beganAt) / 1000;
  if (elapsedS < 3 || !sent) return "";
  const leftS = (elapsedS / sent) * (total - sent);
  if (leftS < 60) return "less than a minute left";
  if (leftS < 3600) return `about ${Math.round(leftS / 60)} min left`;
  return `about ${(leftS / 3600).toFixed(1)} h left`;
}

at("stop").addEventListener("click", () => transfers.cancelAll());
at("again").addEventListener("click", () => {
  beganAt = performance.now();
  transfers.retryAll();
  ended(false);
  at("stop").focus();
});

// --- The result as a file ---

function report() {
  const header = ["line", "file", "accession_number", "patient_code", "state", "reason", "address"];
  const lines = rows.map(({ said, transfer }) => [
    said.line,
    said.file,
    said.accession_number,
    said.patient_code,
    STATES[transfer ? transfer.state : "refused"].toLowerCase(),
    transfer ? transfer.words : said.words,
    transfer && transfer.url ? new URL(transfer.url, window.location.href).href : "",
  ]);
  const text = [header, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
  // The mark at the beginning tells Excel that this is UTF-8.
  return new Blob([`\ufeff${text}\r\n`], { type: "text/csv" });
}

// A spreadsheet runs what begins like a formula: an apostrophe makes it words. The rule
// is that of the server's own exports.
function cell(value) {
  const text = String(value);
  const isNumber = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(text);
  const isFormula = /^(\s*[=+\-@＝＋－＠]|[\t\r\n])/.test(text);
  const safe = isFormula && !isNumber ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

// --- Words ---

function plural(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;
}

function say(id, words) {
  at(id).textContent = words;
  at(id).hidden = !words;
}

function complain(words) {
  say("import-problem", words);
}
