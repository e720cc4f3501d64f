// Files on their way to the server: each on its own, at most three at once, each with a
// row of the page that says how far it is, and lets it be cancelled and retried.
//
// A row holds .upload-words, a progress, a link and two buttons, data-do cancel and retry.
// States: waiting, sending, then accepted, duplicate, refused, broken or cancelled.
"use strict";

class Transfers {
  static AT_ONCE = 3;
  static MAX_BYTES = 100 * 1000 * 1000;
  static ENDINGS = /\.(png|jpe?g|tiff?)$/i;

  // changed(): after any change. ended(transfer): after the answer to one.
  // resting: what takes the focus where a row has no button left.
  constructor({ changed, ended = () => {}, resting }) {
    this.changed = changed;
    this.ended = ended;
    this.resting = resting;
    this.all = [];
    window.addEventListener("beforeunload", (event) => {
      if (this.count("waiting", "sending")) event.preventDefault();
    });
  }

  // said: what goes with the file, as pairs of names and values.
  add({ file, row, address, said }) {
    const transfer = { file, row, address, said, state: "", words: "", url: "", sentBytes: 0 };
    this.all.push(transfer);
    this.button(transfer, "cancel").addEventListener("click", () => this.cancel(transfer));
    this.button(transfer, "retry").addEventListener("click", () => {
      this.wait(transfer);
      this.next();
    });
    const problem = Transfers.problemOf(file);
    if (problem) this.show(transfer, "refused", problem);
    else this.wait(transfer);
    return transfer;
  }

  static problemOf(file) {
    if (!Transfers.ENDINGS.test(file.name)) {
      return "Not sent: only PNG, JPEG and TIFF images can be read.";
    }
    if (file.size > Transfers.MAX_BYTES) {
      return "Not sent: it is larger than 100 MB. Cut out a smaller field.";
    }
    if (file.size === 0) return "Not sent: the file is empty.";
    return "";
  }

  count(...states) {
    return this.all.filter((transfer) => states.includes(transfer.state)).length;
  }

  // Send what may be sent now.
  next() {
    const waiting = this.all.filter((transfer) => transfer.state === "waiting");
    for (const transfer of waiting.slice(0, Transfers.AT_ONCE - this.count("sending"))) {
      this.send(transfer);
    }
    this.changed();
  }

  retryAll() {
    for (const transfer of this.all) {
      if (["broken", "cancelled"].includes(transfer.state)) this.wait(transfer);
    }
    this.next();
  }

  cancelAll() {
    const unfinished = this.all.filter(({ state }) => ["waiting", "sending"].includes(state));
    for (const transfer of unfinished) this.show(transfer, "cancelled", "Cancelled");
    for (const transfer of unfinished) transfer.request?.abort();
    this.changed();
  }

  cancel(transfer) {
    this.finish(transfer, "cancelled", "Cancelled");
    transfer.request?.abort();
  }

  wait(transfer) {
    transfer.sentBytes = 0;
    transfer.request = null;
    this.show(transfer, "waiting", "Waiting");
  }

  send(transfer) {
    const body = new FormData();
    for (const [name, value] of transfer.said) body.append(name, value);
    body.append("file", transfer.file);
    const request = new XMLHttpRequest();
    transfer.request = request;
    request.open("POST", transfer.address);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => this.progress(transfer, event));
    request.addEventListener("load", () => this.answered(transfer, request));
    request.addEventListener("error", () => {
      this.finish(transfer, "broken", "The connection broke. Nothing was stored. Retry.");
    });
    this.show(transfer, "sending", "Sending");
    request.send(body);
  }

  progress(transfer, event) {
    if (!event.lengthComputable || transfer.state !== "sending") return;
    const percent = Math.round((100 * event.loaded) / event.total);
    transfer.sentBytes = Math.min(event.loaded, transfer.file.size);
    transfer.row.querySelector("progress").value = percent;
    this.say(transfer, percent < 100 ? `${percent} % sent` : "Being checked");
    this.changed();
  }

  answered(transfer, request) {
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
    if (result.url) this.link(transfer, state, result.url);
    this.finish(transfer, state, result.message);
    this.ended(transfer);
  }

  link(transfer, state, url) {
    transfer.url = url;
    const link = transfer.row.querySelector("a");
    link.href = url;
    link.textContent = state === "duplicate" ? "Open that one" : "Open";
    link.setAttribute("aria-label", `${link.textContent}: ${transfer.file.name}`);
    link.hidden = false;
  }

  finish(transfer, state, words) {
    this.show(transfer, state, words);
    this.next();
  }

  show(transfer, state, words) {
    const { row, file } = transfer;
    if (transfer.state) row.classList.remove(`is-${transfer.state}`);
    row.classList.add(`is-${state}`);
    transfer.state = state;
    this.say(transfer, words);
    const mayStop = state === "waiting" || state === "sending";
    const hadFocus = row.contains(document.activeElement);
    row.querySelector("progress").hidden = !mayStop;
    const stop = this.button(transfer, "cancel");
    const retry = this.button(transfer, "retry");
    stop.hidden = !mayStop;
    retry.hidden = state !== "broken" && state !== "cancelled";
    stop.setAttribute("aria-label", `Cancel ${file.name}`);
    retry.setAttribute("aria-label", `Retry ${file.name}`);
    if (hadFocus) (mayStop ? stop : retry.hidden ? this.resting : retry).focus();
  }

  say(transfer, words) {
    transfer.words = words;
    transfer.row.querySelector(".upload-words").textContent = words;
  }

  button(transfer, name) {
    return transfer.row.querySelector(`[data-do=${name}]`);
  }

  // What became of all, in words.
  summary() {
    return [
      [this.count("waiting", "sending"), "still to come"],
      [this.count("accepted"), "accepted"],
      [this.count("duplicate"), "there already"],
      [this.count("refused"), "refused"],
      [this.count("broken"), "to be retried"],
      [this.count("cancelled"), "cancelled"],
    ]
      .filter(([number]) => number > 0)
      .map(([number, word]) => `${number} ${word}`)
      .join(", ");
  }
}
