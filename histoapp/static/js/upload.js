// The drop zone: each file is sent on its own, at most three at once, with its progress.
"use strict";

const AT_ONCE = 3;
const MAX_BYTES = 100 * 1000 * 1000;
const ENDINGS = /\.(png|jpe?g|tiff?)$/i;

const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const list = document.getElementById("upload-list");
const summary = document.getElementById("upload-summary");
const rowTemplate = document.getElementById("upload-row");
const uploads = [];

document.getElementById("send").hidden = true; // Choosing is sending, with this script.
drop.classList.add("is-live");

input.addEventListener("change", () => {
  begin(input.files);
});
form.addEventListener("submit", (event) => event.preventDefault());

for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
}
for (const name of ["dragleave", "drop"]) {
  drop.addEventListener(name, () => drop.classList.remove("is-over"));
}
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  begin(event.dataTransfer.files);
});
// A file that misses the zone must not replace the page.
for (const name of ["dragover", "drop"]) {
  window.addEventListener(name, (event) => event.preventDefault());
}

const stated = document.getElementById("spacing-stated");
form.elements.spacing_um.addEventListener("input", () => {
  stated.checked = true;
});

window.addEventListener("beforeunload", (event) => {
  if (uploads.some((upload) => upload.state === "sending" || upload.state === "waiting")) {
    event.preventDefault();
  }
});

function begin(files) {
  const spacing = form.elements.spacing_um;
  spacing.required = stated.checked;
  input.required = false;
  const chosen = [...files];
  if (!form.reportValidity()) {
    input.value = "";
    return;
  }
  const said = new FormData(form);
  said.delete("file");
  for (const file of chosen) add(file, said);
  input.value = "";
  next();
}

function add(file, said) {
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  row.querySelector(".upload-name").textContent = file.name;
  list.append(row);
  const upload = { file, said, row, state: "waiting", request: null };
  uploads.push(upload);
  row.querySelector("[data-do=cancel]").addEventListener("click", () => cancel(upload));
  row.querySelector("[data-do=retry]").addEventListener("click", () => {
    show(upload, "waiting", "Waiting");
    next();
  });
  const problem = problemOf(file);
  if (problem) show(upload, "refused", problem);
  else show(upload, "waiting", "Waiting");
}

function problemOf(file) {
  if (!ENDINGS.test(file.name)) return "Not sent: only PNG, JPEG and TIFF images can be read.";
  if (file.size > MAX_BYTES) return "Not sent: it is larger than 100 MB. Cut out a smaller field.";
  if (file.size === 0) return "Not sent: the file is empty.";
  return "";
}

function next() {
  const sending = uploads.filter((upload) => upload.state === "sending").length;
  const waiting = uploads.filter((upload) => upload.state === "waiting");
  for (const upload of waiting.slice(0, AT_ONCE - sending)) send(upload);
  summarise();
}

function send(upload) {
  const body = new FormData();
  for (const [name, value] of upload.said) body.append(name, value);
  body.append("file", upload.file);
  const request = new XMLHttpRequest();
  upload.request = request;
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    const percent = Math.round((100 * event.loaded) / event.total);
    upload.row.querySelector("progress").value = percent;
    words(upload, percent < 100 ? `${percent} % sent` : "Being checked");
  });
  request.addEventListener("load", () => answered(upload, request));
  request.addEventListener("error", () => {
    ended(upload, "broken", "The connection broke. Nothing was stored. Retry.");
  });
  request.addEventListener("abort", () => ended(upload, "cancelled", "Cancelled"));
  show(upload, "sending", "Sending");
  request.send(body);
}

function answered(upload, request) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    // A page, not our JSON: the token of this page is too old, or a proxy spoke.
    answer = {
      message:
        request.status === 403
          ? "This page is too old. Reload it, and choose the files again."
          : `The server answered ${request.status}. Nothing was stored. Retry.`,
    };
  }
  const result = answer.results ? answer.results[0] : { state: "refused", ...answer };
  const mayPass = request.status >= 500 || [408, 429].includes(request.status);
  const state = result.state === "refused" && mayPass ? "broken" : result.state;
  if (result.url) {
    const link = upload.row.querySelector("a");
    link.href = result.url;
    link.textContent = state === "duplicate" ? "Open that one" : "Open";
    link.setAttribute("aria-label", `${link.textContent}: ${upload.file.name}`);
    link.hidden = false;
  }
  ended(upload, state, result.message);
  if (state === "accepted") htmx.trigger("#images", "refresh");
}

function cancel(upload) {
  if (upload.state === "sending") upload.request.abort();
  else ended(upload, "cancelled", "Cancelled");
}

function ended(upload, state, message) {
  show(upload, state, message);
  next();
}

function show(upload, state, message) {
  upload.state = state;
  upload.row.className = `upload-row is-${state}`;
  words(upload, message);
  const mayStop = state === "waiting" || state === "sending";
  const hadFocus = upload.row.contains(document.activeElement);
  upload.row.querySelector("progress").hidden = !mayStop;
  const stop = upload.row.querySelector("[data-do=cancel]");
  const retry = upload.row.querySelector("[data-do=retry]");
  stop.hidden = !mayStop;
  retry.hidden = state !== "broken" && state !== "cancelled";
  stop.setAttribute("aria-label", `Cancel ${upload.file.name}`);
  retry.setAttribute("aria-label", `Retry ${upload.file.name}`);
  if (hadFocus) (mayStop ? stop : retry.hidden ? input : retry).focus();
}

function words(upload, message) {
  upload.row.querySelector(".upload-words").textContent = message;
}

function summarise() {
  const count = (...states) => uploads.filter((upload) => states.includes(upload.state)).length;
  const parts = [
    [count("waiting", "sending"), "still to come"],
    [count("accepted"), "accepted"],
    [count("duplicate"), "there already"],
    [count("refused"), "refused"],
    [count("broken"), "to be retried"],
    [count("cancelled"), "cancelled"],
  ];
  summary.textContent = parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(", ");
}
