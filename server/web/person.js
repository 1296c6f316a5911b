// The drawer of one person: the name, the faces, what can be done with them, and what was done.

import { el, sentence } from "./dom.js";
import * as gallery from "./gallery.js";
import { done, eventList } from "./history.js";
import { pickPerson } from "./picker.js";
import { called, faces, portrait } from "./portraits.js";
import { complain, confirmed, openDialog, refillDialog, toast } from "./toast.js";
import { save } from "./save.js";

/** Who is asked and told: people(): all of them; changed(ids): of these persons something has;
 * add(person): pictures of the person are to be chosen; merge(id); closed(id): this one's drawer. */
export const acts = { people: () => [], async changed() {}, add() {}, merge() {}, closed() {} };

const dialog = document.getElementById("person");
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

let shown = null; // the person
let list = []; // the person's samples
const chosen = new Set(); // of them, by id

/** The id of the person whose drawer is open, or null. */
export const openPerson = () => (dialog.open ? shown?.person : null);

function close() {
  dialog.close();
}

/* A gesture: the changes that `act` resolves with, {event, person: who came to be by it}, can be
 * undone as one. It is said to be done once it is to be seen. */
async function gesture(act, text, ...others) {
  const those = [shown.person, ...others];
  try {
    const changes = await act();
    chosen.clear();
    those.push(...changes.map(({ person }) => person).filter(Boolean));
    await acts.changed([...new Set(those)]);
    done(
      text,
      changes.map(({ event }) => event),
    );
  } catch (error) {
    complain(error);
    await acts.changed(those);
  }
}

const theChosen = () => list.map(({ sample }) => sample).filter((id) => chosen.has(id));

function notThem() {
  const those = theChosen();
  return gesture(
    async () => {
      const changes = [];
      for (const sample of those) changes.push(await gallery.notThisPerson(sample, shown.person));
      return changes;
    },
    `${faces(those.length)} ${those.length === 1 ? "is" : "are"} not ${called(shown)} any more`,
  );
}

async function moveThem() {
  const those = theChosen();
  const others = acts.people().filter(({ person }) => person !== shown.person);
  const title = those.length === 1 ? "Whose face is this?" : "Whose faces are these?";
  const to = await pickPerson(title, others, { mayAdd: true });
  if (!to) return;
  const text = `${faces(those.length)} went to ${to.name}`;
  if (to.person) await gesture(async () => [await gallery.move(those, to.person)], text, to.person);
  else await gesture(async () => [await gallery.split(shown.person, those, to.name)], text);
}

/* What a deletion leaves: its receipt, to be saved as a file. */
function offerReceipt(text, receipts, name) {
  const files = receipts.filter(Boolean);
  const blob = new Blob(files, { type: "text/plain" });
  const act = () => save(blob, `${name || "somebody"}.receipt`);
  toast(text, files.length ? { label: "Save the receipt", act } : undefined);
}

async function deleteThem() {
  const those = theChosen();
  const title = `Delete ${faces(those.length)} of ${called(shown)}?`;
  if (!(await confirmed(title, "They are gone for good: this cannot be undone.", "Delete"))) return;
  try {
    const receipts = [];
    for (const sample of those) receipts.push((await gallery.removeSample(sample)).receipt);
    chosen.clear();
    await acts.changed([shown.person]);
    offerReceipt(`${faces(those.length)} deleted.`, receipts, shown.name);
  } catch (error) {
    complain(error);
    await acts.changed([shown.person]);
  }
}

/** Deletes a person, once that was asked. */
export async function removePerson(person) {
  const text =
    `${faces(person.samples)} and the name are gone for good, also from the history. ` +
    "This cannot be undone.";
  if (!(await confirmed(`Delete ${called(person)}?`, text, "Delete"))) return;
  try {
    const { receipt } = await gallery.remove(person.person);
    await acts.changed([person.person]);
    offerReceipt(`${called(person)} was deleted.`, [receipt], person.name);
  } catch (error) {
    complain(error);
    await acts.changed([person.person]);
  }
}

async function described(values) {
  return (await gallery.describe(shown.person, values)).map((event) => ({ event }));
}

async function rename(input) {
  const name = input.value.trim();
  if (!name || name === shown.name) {
    input.value = shown.name; // emptied by accident rather than meant
    return;
  }
  const was = called(shown);
  await gesture(() => described({ name }), `${was} is called ${name} now`);
}

function nameField() {
  const input = el("input", {
    id: "person-name",
    "aria-label": "Name",
    placeholder: "Who is this?",
    autocomplete: "off",
    spellcheck: "false",
    enterkeyhint: "done",
    value: shown.name,
    onchange: () => rename(input),
    onkeydown: (event) => {
      if (event.key === "Enter") input.blur();
      if (event.key !== "Escape" || input.value === shown.name) return;
      input.value = shown.name; // and the drawer stays
      event.preventDefault();
    },
  });
  return input;
}

function button(label, act, kind = "button") {
  return el("button", { type: "button", class: kind, onclick: act }, label);
}

function head() {
  const facts = [faces(shown.samples), `since ${date.format(new Date(shown.created))}`];
  if (shown.external_id) facts.push(shown.external_id);
  return el(
    "header",
    { class: "who" },
    portrait(shown.best_sample, shown.name),
    el("div", {}, nameField(), el("p", { class: "hint" }, facts.join(" · "))),
    el("button", { type: "button", class: "plain", "aria-label": "Close", onclick: close }, "×"),
  );
}

function face(sample) {
  const { sample: id, quality, source, forced } = sample;
  const note = [
    source,
    quality != null && `quality ${quality.toFixed(2)}`,
    forced && `forced: ${forced}`,
  ];
  const text = note.filter(Boolean).join(", ");
  return el(
    "label",
    { class: "thumb-face", title: text },
    el("input", {
      type: "checkbox",
      class: "unseen",
      name: "sample",
      value: id,
      checked: chosen.has(id),
      "aria-label": `Face from ${text || "a picture"}`,
      onchange: (event) => {
        if (event.target.checked) chosen.add(id);
        else chosen.delete(id);
        drawActions();
      },
    }),
    portrait(id, shown.name),
    forced && el("small", {}, "forced"),
  );
}

/* What can be done with the chosen faces, or a hint where none is. */
function drawActions() {
  const bar = document.getElementById("chosen");
  if (!chosen.size) {
    const hint = list.length
      ? "Pick faces to move them, or to say that they are somebody else’s."
      : "";
    bar.replaceChildren(el("p", { class: "hint" }, hint));
    return;
  }
  bar.replaceChildren(
    el("strong", {}, `${faces(chosen.size)} picked`),
    button(shown.name ? `Not ${shown.name}` : "Not this person", notThem),
    button("Somebody else’s…", moveThem),
    button("Delete…", deleteThem, "button danger"),
  );
}

function details() {
  const external = el("input", { value: shown.external_id ?? "", autocomplete: "off" });
  const text = shown.metadata ? JSON.stringify(shown.metadata, null, 2) : "";
  const metadata = el("textarea", { rows: 4, spellcheck: "false" }, text);
  const said = el("p", { class: "bad", role: "alert" });
  async function keep(event) {
    event.preventDefault();
    let value = {};
    try {
      if (metadata.value.trim()) value = JSON.parse(metadata.value);
    } catch {
      said.textContent = "The metadata is no JSON.";
      return;
    }
    await gesture(
      () => described({ external_id: external.value.trim(), metadata: value }),
      `The details of ${called(shown)} were changed`,
    );
  }
  return el(
    "details",
    {},
    el("summary", {}, "Details"),
    el(
      "form",
      { class: "fields", onsubmit: keep },
      el("label", {}, "Your own id ", external),
      el("label", {}, "Metadata, as JSON ", metadata),
      said,
      el(
        "p",
        { class: "row" },
        el("button", { class: "button" }, "Keep"),
        el("code", {}, shown.person),
      ),
    ),
  );
}

function story() {
  const place = el("div", {});
  const node = el("details", {}, el("summary", {}, "History"), place);
  node.addEventListener("toggle", () => {
    if (!node.open) return;
    eventList(shown.person).then(
      (events) => place.replaceChildren(events),
      (error) => place.replaceChildren(el("p", { class: "bad" }, sentence(error.message))),
    );
  });
  return node;
}

function draw() {
  const open = new Set(
    [...dialog.querySelectorAll("details[open] > summary")].map((s) => s.textContent),
  );
  const focused = dialog.contains(document.activeElement) ? document.activeElement : null;
  const was = focused && (focused.value ? `[value="${CSS.escape(focused.value)}"]` : null);
  refillDialog(
    dialog,
    head(),
    el(
      "p",
      { class: "row" },
      button("Add pictures", () => acts.add(shown), "button primary"),
      button("Same person as…", () => acts.merge(shown.person)),
      button("Delete…", () => removePerson(shown), "button danger"),
    ),
    el("div", { class: "faces" }, list.map(face)),
    el("div", { id: "chosen", class: "row" }),
    details(),
    story(),
  );
  drawActions();
  for (const summary of dialog.querySelectorAll("summary"))
    if (open.has(summary.textContent)) summary.parentElement.open = true;
  if (was) dialog.querySelector(was)?.focus({ preventScroll: true });
}

/** Opens the drawer of a person, or brings it up to date where it is open. */
export async function showPerson(person) {
  if (shown?.person !== person.person) chosen.clear();
  shown = person;
  list = await gallery.samples(person.person);
  if (shown !== person) return; // another was opened meanwhile
  for (const id of chosen) if (!list.some(({ sample }) => sample === id)) chosen.delete(id);
  draw();
  if (dialog.open) return;
  openDialog(dialog);
  dialog.focus(); // rather than the name, for which a telephone would show its keys
}

dialog.addEventListener("close", () => acts.closed(shown.person));

export { close as closePerson };
