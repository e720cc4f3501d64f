// Fetching by URL: the address is emptied once it was taken; a refusal is shown; an
// image that came is among the case's images at once.
"use strict";

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr } = event.detail;
  if (requestConfig.elt.id !== "fetch" || xhr.status < 400) return;
  if (!xhr.responseText.includes('id="fetches"')) return; // A page about an error.
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = document.getElementById("fetch");
  if (event.detail.elt === form && event.detail.xhr.status === 200) form.reset();
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "fetches") return;
  const before = event.detail.target.dataset.finished;
  const list = document.getElementById("fetches");
  if (before === undefined || before === list.dataset.finished) return;
  htmx.trigger("#images", "refresh");
  htmx.trigger("#timeline", "refresh");
});
