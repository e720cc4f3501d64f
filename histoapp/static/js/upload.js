// The drop zone of a case: choosing is sending.
"use strict";

const form = document.getElementById("upload");
const drop = document.getElementById("drop");
const input = document.getElementById("files");
const list = document.getElementById("upload-list");
const summary = document.getElementById("upload-summary");
const rowTemplate = document.getElementById("upload-row");

const transfers = new Transfers({
  resting: input,
  changed: () => {
    const words = transfers.summary();
    if (words !== summary.textContent) summary.textContent = words;
  },
  ended: (transfer) => {
    if (transfer.state === "accepted") htmx.trigger("#images", "refresh");
  },
});

document.getElementById("send").hidden = true;
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
  transfers.next();
}

function add(file, said) {
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  row.querySelector(".upload-name").textContent = file.name;
  list.append(row);
  transfers.add({ file, row, address: form.action, said });
}
