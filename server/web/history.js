// What was done to the people of the gallery, and undoing it: the last change at once, any other from
// the list of all.

import { el, sentence } from "./dom.js";
import { events, undo } from "./gallery.js";
import { faces } from "./portraits.js";
import { complain, hideToast, openDialog, refillDialog, toast } from "./toast.js";

const NEVER = new Set(["deleted"]); // cannot be undone

/** Who is asked and told: personOf(id): what is known of one; changed(): anything may have. */
export const story = { personOf: () => null, changed: async () => {} };

const last = []; // lists of events that one gesture of this page made, the last one at the end

const name = (id) => story.personOf(id)?.name || "somebody without a name";

const SENTENCES = {
  "person added": ({ person }) => `${name(person)} was added`,
  "samples added": ({ person, samples }) => `${faces(samples)} added to ${name(person)}`,
  renamed: ({ was, is }) =>
    was ? `${was} was renamed ${is || "to nobody"}` : `somebody was named ${is}`,
  described: ({ person }) => `the details of ${name(person)} were changed`,
  grouped: ({ samples }) => `${faces(samples)} without a name were put together`,
  merged: ({ person, other, samples }) =>
    `${name(other)} became part of ${name(person)}, with ${faces(samples)}`,
  split: ({ person, other, samples }) =>
    `${faces(samples)} of ${name(other)} became ${name(person)}`,
  moved: ({ person, samples }) => `${faces(samples)} went to ${name(person)}`,
  "not this person": ({ person, samples }) =>
    `${faces(samples)} turned out not to be ${name(person)}`,
  deleted: () => "somebody, or faces of theirs, were deleted for good",
};

/** What an event did, in words; all: the events it may have undone. */
export function words(event, all) {
  if (event.kind === "undone") {
    const before = all.find((other) => other.event === event.undoes);
    return `undone: ${before ? words(before, all) : "an earlier change"}`;
  }
  return SENTENCES[event.kind]?.(event) ?? event.kind;
}

/** Says what a gesture did, and offers to undo it. */
export function done(text, made) {
  const list = made.filter((event) => event != null);
  if (!list.length) {
    toast(sentence(text));
    return;
  }
  last.push(list);
  toast(sentence(text), { label: "Undo", act: () => undoThese(list) });
}

async function undoThese(list) {
  hideToast();
  const at = last.indexOf(list);
  if (at >= 0) last.splice(at, 1);
  try {
    for (const event of [...list].reverse()) await undo(event);
    await story.changed();
    toast("Undone.");
  } catch (error) {
    complain(error);
    await story.changed();
  }
}

/** Undoes the last thing this page has done; where it has done nothing, says so. */
export function undoLast() {
  if (last.length) undoThese(last.at(-1));
  else toast("Nothing was changed on this page yet: older changes can be undone in the history.");
}

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "full" });
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

async function undoOne({ event }) {
  await undoThese(last.find((list) => list.length === 1 && list[0] === event) ?? [event]);
}

function item(event, all) {
  const time = new Date(event.time);
  const can = !event.undone && !NEVER.has(event.kind);
  return el(
    "li",
    { class: event.undone ? "undone" : "" },
    el("span", {}, sentence(words(event, all))),
    el("small", {}, `${hour.format(time)} · ${event.who}${event.undone ? " · undone" : ""}`),
    can &&
      el(
        "button",
        { type: "button", class: "button", onclick: () => undoOne(event) },
        event.kind === "undone" ? "Redo" : "Undo",
      ),
  );
}

/** The events of one person or all as a list, the last one first, by days. */
export async function eventList(person) {
  const all = await events(person);
  if (!all.length) return el("p", { class: "hint" }, "Nothing has happened yet.");
  const days = new Map();
  for (const event of all) {
    const key = day.format(new Date(event.time));
    days.set(key, [...(days.get(key) ?? []), event]);
  }
  return el(
    "div",
    { class: "events" },
    [...days].map(([title, list]) => [
      el("h3", {}, title),
      el(
        "ul",
        {},
        list.map((event) => item(event, all)),
      ),
    ]),
  );
}

/** Opens the history of all, or brings it up to date where it is open. */
export async function showHistory() {
  const dialog = document.getElementById("history");
  const list = await eventList();
  refillDialog(
    dialog,
    el(
      "header",
      {},
      el("h2", { id: "history-title" }, "History"),
      el("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Close"),
    ),
    list,
  );
  openDialog(dialog);
}
