// The cards of the people, and of those without a name yet: how they are drawn, found by name and
// walked through by keys.

import { el } from "./dom.js";
import { likeliest, someSamples } from "./gallery.js";
import { faces, portrait } from "./portraits.js";

const CHUNK = 120; // cards that are drawn at once; further ones as they come into sight
const GROUPS = 24; // of people without a name
const FACES = 4; // beside the best one of a group

const $ = (id) => document.getElementById(id);

/** Who is told: open(id), merge(id), remove(id): a card's own keys; name(id, text); join(id, other):
 * a group is that person. */
export const acts = { open() {}, merge() {}, remove() {}, name() {}, join() {} };

const drawn = new Map(); // {id: {stamp, node}}: cards that have not changed are not drawn again
let drawnCount = CHUNK;
let shown = []; // the people with a name that fit the filter, in order

const collator = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/* A text without accents and capitals, as people look for it. */
function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** The people whose name has `text` in it, by name; those that begin with it come first. */
export function matching(people, text) {
  const wanted = folded(text.trim());
  const rank = ({ name }) => (folded(name).startsWith(wanted) ? 0 : 1);
  return people
    .filter(({ name }) => name && folded(name).includes(wanted))
    .sort((a, b) => rank(a) - rank(b) || collator.compare(a.name, b.name));
}

/** Those without a name, the largest group first. */
export function nameless(people) {
  return people
    .filter(({ name, samples }) => !name && samples)
    .sort((a, b) => b.samples - a.samples || (a.person < b.person ? -1 : 1));
}

function card(person) {
  const { person: id, name, samples, best_sample: best } = person;
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: "card-person",
        "data-person": id,
        tabindex: -1,
        "aria-keyshortcuts": "M Delete",
        onclick: () => acts.open(id),
      },
      portrait(best, name),
      el("strong", {}, name),
      el("small", {}, faces(samples)),
    ),
  );
}

/* The faces of a group beside its best one come when they are known. */
function others({ person, best_sample: best, samples }) {
  const row = el("span", { class: "others" });
  if (samples < 2) return row;
  someSamples(person, FACES + 1).then(
    (list) => {
      const rest = list.filter(({ sample }) => sample !== best).slice(0, FACES);
      row.append(...rest.map(({ sample }) => portrait(sample, "")));
      const more = samples - 1 - rest.length;
      if (more > 0) row.append(el("small", {}, `+${more}`));
    },
    () => {},
  );
  return row;
}

/* Who a group may be, to be said yes to; it comes when that is known. */
function suggestion(person) {
  const place = el("div", { class: "suggestion", "aria-busy": "true" });
  const known = likeliest(person).finally(() => place.removeAttribute("aria-busy"));
  known.then(
    (match) => {
      if (!match) return;
      const act = () => acts.join(person.person, match.person);
      place.append(
        el(
          "button",
          { type: "button", class: "button", onclick: act },
          portrait(match.sample, match.name),
          el("span", {}, `${match.name}?`),
          el("strong", {}, "Yes"),
        ),
      );
    },
    () => {}, // then there is none
  );
  return place;
}

function group(person) {
  const { person: id, best_sample: best, samples } = person;
  const input = el("input", {
    list: "names",
    placeholder: "Name",
    "aria-label": `Name of somebody with ${faces(samples)}`,
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "done",
  });
  const form = el("form", {}, input, el("button", { class: "button", "aria-label": "Name" }, "✓"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) acts.name(id, input.value.trim());
  });
  return el(
    "li",
    {},
    el(
      "button",
      {
        type: "button",
        class: "card-group",
        "data-person": id,
        "aria-label": `Somebody without a name, ${faces(samples)}`,
        "aria-keyshortcuts": "M Delete",
        onclick: () => acts.open(id),
      },
      portrait(best, ""),
      others(person),
    ),
    suggestion(person),
    form,
  );
}

/* The node of a person, the same as long as nothing about the person changes. */
function node(person, make) {
  const stamp = JSON.stringify(person);
  const known = drawn.get(person.person);
  if (known?.stamp === stamp) return known.node;
  const made = { stamp, node: make(person) };
  drawn.set(person.person, made);
  return made.node;
}

/* Puts nodes into a list without taking out those that stay: what has the focus keeps it. */
function arrange(list, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...list.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((item, i) => {
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
  });
}

const buttons = () => [...$("cards").querySelectorAll("[data-person]")];

/* One card of all can be reached by Tab: the last that had the focus. */
function settleTab(focused) {
  const all = buttons();
  const chosen = focused ?? all.find((button) => button.tabIndex === 0) ?? all[0];
  for (const button of all) button.tabIndex = button === chosen ? 0 : -1;
}

function drawCards() {
  arrange(
    $("cards"),
    shown.slice(0, drawnCount).map((person) => node(person, card)),
  );
  settleTab();
}

/** Draws the people that fit the filter; returns how many with a name do. */
export function showPeople(people, filter) {
  const focused = document.activeElement?.closest("[data-person]");
  const at = focused ? buttons().indexOf(focused) : -1;
  const unnamed = filter ? [] : nameless(people).slice(0, GROUPS);
  shown = matching(people, filter);
  arrange(
    $("groups"),
    unnamed.map((person) => node(person, group)),
  );
  $("unnamed").hidden = !unnamed.length;
  drawCards();
  // Where the card that had the focus has gone, its neighbour has it.
  if (at >= 0 && !focused.isConnected) {
    const next = [...buttons()].find((b) => b.dataset.person === focused.dataset.person);
    (next ?? buttons()[Math.min(at, buttons().length - 1)])?.focus();
  }
  return shown.length;
}

/** Gives a person's card the focus. */
export function focusCard(id) {
  document.querySelector(`#home [data-person="${CSS.escape(id)}"]`)?.focus();
}

/* The card a key leads to: up and down by where cards stand, not by how many are in a row. */
function neighbour(from, key) {
  const all = buttons();
  const at = all.indexOf(from);
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key === "ArrowLeft") return all[at - 1];
  if (key === "ArrowRight") return all[at + 1];
  const column = from.offsetLeft;
  const ahead = key === "ArrowDown" ? all.slice(at + 1) : all.slice(0, at).reverse();
  return ahead.find((button) => button.offsetLeft === column) ?? ahead.at(-1);
}

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];

function onKey(event) {
  const focused = event.target.closest("[data-person]");
  if (!focused || event.altKey || event.ctrlKey || event.metaKey) return;
  const id = focused.dataset.person;
  if (KEYS.includes(event.key) && focused.closest("#cards")) {
    event.preventDefault();
    neighbour(focused, event.key)?.focus();
  } else if (event.key.toLowerCase() === "m") {
    event.preventDefault();
    acts.merge(id);
  } else if (event.key === "Delete") {
    acts.remove(id);
  }
}

/** Listens to the keys of cards, and draws more of them as one scrolls. */
export function startCards() {
  $("home").addEventListener("keydown", onKey);
  $("cards").addEventListener("focusin", (event) => {
    const button = event.target.closest("[data-person]");
    if (button) settleTab(button);
  });
  const observer = new IntersectionObserver(([entry]) => entry.isIntersecting && drawMore(), {
    rootMargin: "800px",
  });
  observer.observe($("further"));

  function drawMore() {
    if (drawnCount >= shown.length) return;
    drawnCount += CHUNK;
    drawCards();
    observer.unobserve($("further")); // observed anew, it says whether it is still in sight
    observer.observe($("further"));
  }
}
