// A case's messages: the box is emptied once its message is there, and a refusal is shown.
"use strict";

const message = document.getElementById("message");

document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr } = event.detail;
  if (requestConfig.elt === message && xhr.status === 422) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
message.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== message || event.detail.xhr.status !== 200) return;
  message.reset();
  htmx.trigger("#timeline", "refresh");
});
