// A secret that is shown once: selected when it is entered, copied by a button.
"use strict";

for (const field of document.querySelectorAll("[data-secret]")) {
  field.addEventListener("focus", () => field.select());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const said = document.getElementById(field.getAttribute("aria-describedby"));
  // The clipboard is there over HTTPS and on this machine; elsewhere it is select, copy.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(field.value);
      said.textContent = "Copied. It is shown this once, and kept nowhere.";
    } catch {
      field.focus();
      said.textContent = "The browser did not let us copy it: it is selected, copy it yourself.";
    }
  });
}
