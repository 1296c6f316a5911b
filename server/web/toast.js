// What has just been done, with the button that undoes it; and the one question that is asked.

import { el, sentence } from "./dom.js";

const STAYS = 30000; // ms

const $ = (id) => document.getElementById(id);

const node = $("toast");
let timer = 0;

/* Puts it where it can be reached: what lies outside an open dialog cannot. */
function settle() {
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(node);
}

/** Replaces what a dialog shows, but for the words that are said in it. */
export function refillDialog(dialog, ...children) {
  dialog.replaceChildren(...children, ...(dialog.contains(node) ? [node] : []));
}

/** Opens a dialog over all others. */
export function openDialog(dialog) {
  if (!dialog.open) dialog.showModal();
  settle();
}

export function hideToast() {
  clearTimeout(timer);
  node.hidden = true;
}

/** Says something until something else is said; action: {label, act}, a button beside it. */
export function toast(text, action) {
  clearTimeout(timer);
  const button =
    action && el("button", { type: "button", class: "button", onclick: action.act }, action.label);
  const close = el(
    "button",
    { type: "button", class: "plain", "aria-label": "Dismiss", onclick: hideToast },
    "×",
  );
  settle();
  node.replaceChildren(el("span", {}, text), ...(button ? [button] : []), close);
  node.hidden = false;
  timer = setTimeout(hideToast, STAYS);
}

/** Says what went wrong. */
export function complain(error) {
  toast(sentence(error.message));
}

/** Has a promise's failure said, and resolves with undefined then. */
export function told(promise) {
  return promise.catch(complain);
}

/** Asks for a yes; resolves with true where it is given. */
export function confirmed(title, text, yes) {
  const dialog = $("question");
  refillDialog(
    dialog,
    el("h2", { id: "question-title" }, title),
    el("p", {}, text),
    el(
      "form",
      { method: "dialog", class: "row" },
      el("button", { class: "button danger", value: "yes" }, yes),
      el("button", { class: "button", value: "no", autofocus: true }, "Cancel"),
    ),
  );
  dialog.returnValue = "";
  openDialog(dialog);
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
  );
}

document.addEventListener("close", settle, true); // of a dialog, which takes along what lies in it
