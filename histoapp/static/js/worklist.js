// The worklist with keys, a count of what is chosen, and addresses without empty parts.
//
// Single keys can be turned off (WCAG 2.1.4): the choice, nothing else, is kept in this
// browser. The list itself may be replaced at any time: it is looked up at each use.
"use strict";

const KEYS = "histoapp.keys";
const filters = document.getElementById("filters");
const search = document.getElementById("id_q");
const help = document.getElementById("keys-help");
const helpButton = document.getElementById("keys");
const switched = document.getElementById("keys-on");

const links = () => [...document.querySelectorAll(".worklist .row-link")];
const boxes = () => [...document.querySelectorAll(".worklist input[name=case]")];

// --- Keys ---

function move(step) {
  const all = links();
  const row = document.activeElement.closest(".worklist tbody tr");
  const at = row ? all.indexOf(row.querySelector(".row-link")) : -1;
  const next = at < 0 && step < 0 ? all.length - 1 : at + step;
  all[Math.min(Math.max(next, 0), all.length - 1)]?.focus();
}

function choose() {
  const box = document.activeElement.closest("tr")?.querySelector("input[name=case]");
  if (box) box.click();
}

const singles = {
  "/": () => search.select(),
  j: () => move(1),
  k: () => move(-1),
  x: choose,
  "?": () => help.showModal(),
};
const arrows = { ArrowDown: 1, ArrowUp: -1 };

const isWriting = (element) =>
  element.matches("select, textarea, input:not([type=checkbox], [type=radio])");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || help?.open) return;
  if (isWriting(event.target)) return;
  if (event.key in arrows) {
    if (!event.target.closest(".worklist tbody")) return;
    event.preventDefault();
    move(arrows[event.key]);
  } else if (switched?.checked && Object.hasOwn(singles, event.key)) {
    event.preventDefault();
    singles[event.key]();
  }
});

if (help) {
  switched.checked = localStorage.getItem(KEYS) !== "off";
  switched.addEventListener("change", () => {
    localStorage.setItem(KEYS, switched.checked ? "on" : "off");
  });
  helpButton.hidden = false;
  helpButton.addEventListener("click", () => help.showModal());
}

// --- Choosing ---

function count() {
  const bar = document.getElementById("bulk-bar");
  if (!bar) return "";
  const all = document.getElementById("choose-all");
  const chosen = boxes().filter((box) => box.checked).length;
  all.hidden = false;
  all.checked = chosen > 0 && chosen === boxes().length;
  all.indeterminate = chosen > 0 && !all.checked;
  bar.hidden = chosen === 0;
  const words = `${chosen} case${chosen === 1 ? "" : "s"} chosen`;
  document.getElementById("bulk-count").textContent = words;
  return words;
}

document.addEventListener("change", (event) => {
  if (event.target.id === "choose-all") {
    for (const box of boxes()) box.checked = event.target.checked;
  }
  if (event.target.closest(".worklist")) {
    document.getElementById("live").textContent = count();
  }
});
document.addEventListener("htmx:afterSettle", count);
count();

// --- Addresses ---

// Only what narrows stands in the address. The fields stay as they are for the next search.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = event.detail;
  if (elt !== filters) return;
  for (const [name, value] of [...formData.entries()]) {
    if (value === "" || (name === "order" && value === "pressing")) formData.delete(name);
  }
});
