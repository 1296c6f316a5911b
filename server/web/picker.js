// Picking one of the people: by typing part of a name, by arrows, by a click.

import { matching } from "./cards.js";
import { el } from "./dom.js";
import { faces, portrait } from "./portraits.js";
import { openDialog, refillDialog } from "./toast.js";

const MOST = 50; // that are listed; typing finds the others

const $ = (id) => document.getElementById(id);

/** Asks which of the people is meant. Resolves with a person, with {name} of somebody new where
 * `mayAdd`, or with null where none is picked. */
export function pickPerson(title, people, { mayAdd = false } = {}) {
  const dialog = $("picker");
  let at = 0;
  let options = [];
  let chosen = null;
  const list = el("ul", { id: "options", role: "listbox", "aria-label": "People" });
  const input = el("input", {
    type: "search",
    role: "combobox",
    placeholder: mayAdd ? "A name, new or known" : "Find by name",
    "aria-label": title,
    "aria-controls": "options",
    "aria-expanded": "true",
    autocomplete: "off",
    spellcheck: "false",
    autofocus: true,
  });

  function choose(option) {
    chosen = option;
    dialog.close();
  }

  function mark() {
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", i === at));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", list.children[at]?.id ?? "");
  }

  function draw() {
    const text = input.value.trim();
    options = matching(people, text).slice(0, MOST);
    if (mayAdd && text && !options.some(({ name }) => name === text)) options.push({ name: text });
    list.replaceChildren(
      ...options.map((option, i) =>
        el(
          "li",
          { role: "option", id: `option-${i}`, onclick: () => choose(option) },
          portrait(option.best_sample, option.name),
          el("strong", {}, option.name),
          el("small", {}, option.person ? faces(option.samples) : "somebody new"),
        ),
      ),
    );
    at = 0;
    mark();
  }

  function onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      at = (at + step + options.length) % options.length;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (options[at]) choose(options[at]);
    }
  }

  input.addEventListener("input", draw);
  input.addEventListener("keydown", onKey);
  refillDialog(
    dialog,
    el(
      "header",
      {},
      el("h2", { id: "picker-title" }, title),
      el("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"),
    ),
    input,
    list,
  );
  draw();
  openDialog(dialog);
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(chosen), { once: true }),
  );
}
