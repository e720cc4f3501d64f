// Every page with moving parts: says when the server is away, and what changed.
"use strict";

const offline = document.getElementById("offline");
const live = document.getElementById("live");

document.addEventListener("htmx:sendError", () => {
  offline.hidden = false;
});
document.addEventListener("htmx:responseError", (event) => {
  offline.hidden = event.detail.xhr.status < 500;
});
document.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status < 500) offline.hidden = true;
});

// The swapped part itself is no live region: a screen reader hears one sentence.
document.addEventListener("htmx:afterSwap", (event) => {
  // Going back in the history swaps too, and names no target.
  const swapped = document.getElementById(event.detail.target?.id);
  if (swapped && swapped.dataset.said) live.textContent = swapped.dataset.said;
});

// A page that asks by itself keeps nobody signed in: histoapp/sessions.py.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent) event.detail.headers["X-Asked-By"] = "person";
});
