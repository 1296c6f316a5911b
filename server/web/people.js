// The page People: who is known, and what is done with them. Cards lie in cards.js, a person's drawer
// in person.js, asking a picture in identify.js; here they are brought together.

import { serverStatus } from "./about.js";
import * as cards from "./cards.js";
import { el, sentence } from "./dom.js";
import { startDragging } from "./drag.js";
import { addPictures } from "./enrol.js";
import * as server from "./gallery.js";
import { done, showHistory, story, undoLast } from "./history.js";
import * as probe from "./identify.js";
import * as drawer from "./person.js";
import { pickPerson } from "./picker.js";
import { called, faces } from "./portraits.js";
import { complain, openDialog, toast, told } from "./toast.js";

const MOST_UNDONE = 50; // events of one gesture; the history has them all

const $ = (id) => document.getElementById(id);

const people = new Map(); // {id: person}
const former = new Map(); // those that are there no more, as far as this page knew them
let enrolling = null; // the person whose pictures are being chosen

const all = () => [...people.values()];

function draw() {
  const list = all();
  $("nobody").hidden = list.length > 0;
  for (const id of ["head", "keys"]) $(id).hidden = !list.length;
  $("cluster").hidden = list.filter((one) => !one.name && one.samples === 1).length < 2;
  const names = [...new Set(list.map(({ name }) => name))].filter(Boolean).sort();
  $("names").replaceChildren(...names.map((value) => el("option", { value })));
  drawFound();
}

/* The cards, of those who are looked for where somebody is. */
function drawFound() {
  const list = all();
  const filter = $("filter").value;
  const found = cards.showPeople(list, filter);
  const named = list.filter(({ name }) => name).length;
  const somebody = named === 1 ? "1 person" : `${named} people`;
  const count = list.reduce((sum, { samples }) => sum + samples, 0);
  $("count").textContent = filter ? `${found} of ${somebody}` : `${somebody} · ${faces(count)}`;
}

function keep(id, person) {
  if (person) people.set(id, person);
  else if (people.has(id)) {
    former.set(id, people.get(id));
    people.delete(id);
  }
}

/* Asks for all of them anew. */
async function load() {
  const list = await server.people();
  const there = new Set(list.map(({ person }) => person));
  for (const id of [...people.keys()]) if (!there.has(id)) keep(id, null);
  for (const person of list) people.set(person.person, person);
  draw();
}

/* Of the open drawers, too. */
async function showAgain() {
  const open = drawer.openPerson();
  if (open && people.has(open)) await drawer.showPerson(people.get(open));
  else if (open) drawer.closePerson();
  if ($("history").open) await showHistory();
}

/* Asks for these persons anew, of which something was changed. */
async function changed(ids) {
  await told(
    (async () => {
      const news = await Promise.all(ids.map((id) => server.person(id)));
      ids.forEach((id, i) => keep(id, news[i]));
      draw();
      await showAgain();
    })(),
  );
}

async function allChanged() {
  await told(load().then(showAgain).then(probe.askAgain));
}

/* Makes two persons one. Who has no name becomes part of who has one. */
async function merge({ from, into }) {
  const [first, second] = [people.get(from), people.get(into)];
  if (!first || !second) return;
  const [part, stays] = first.name && !second.name ? [second, first] : [first, second];
  const both = [part.person, stays.person];
  try {
    const { event } = await server.merge(...both);
    await changed(both);
    cards.focusCard(stays.person);
    done(`${part.name || faces(part.samples)} became part of ${called(stays)}`, [event]);
  } catch (error) {
    complain(error);
    await changed(both);
  }
}

async function mergeByKey(id) {
  const person = people.get(id);
  const others = all().filter((other) => other.person !== id);
  const other = await pickPerson(`Who is the same person as ${called(person)}?`, others);
  if (other) await merge({ from: id, into: other.person });
}

/* Names a group: where somebody is called so, the group is theirs. */
async function name(id, text) {
  const known = all().filter((person) => person.name === text);
  if (known.length === 1) {
    await merge({ from: id, into: known[0].person });
    return;
  }
  try {
    const { samples } = people.get(id);
    const events = await server.describe(id, { name: text });
    await changed([id]);
    done(`${faces(samples)} ${samples === 1 ? "is" : "are"} ${text}`, events);
  } catch (error) {
    complain(error);
    await changed([id]);
  }
}

/* Where the card that had the focus was drawn anew meanwhile, that one has it. */
function focusBack(id) {
  if (document.activeElement === document.body) cards.focusCard(id);
}

/* Puts faces without a name together, where they are one person's. */
async function cluster() {
  $("cluster").disabled = true;
  try {
    const { joined, first_event: first, last_event: last } = await server.cluster();
    const events = first ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : [];
    await allChanged();
    const text = `${faces(joined)} joined others like ${joined === 1 ? "it" : "them"}`;
    if (joined) done(text, events.length > MOST_UNDONE ? [] : events);
    else toast("No two of them are alike enough to be one person.");
  } catch (error) {
    complain(error);
  }
  $("cluster").disabled = false;
}

async function open(id) {
  if (people.has(id)) await told(drawer.showPerson(people.get(id)));
}

/* A person of that name; isNew: who was made just now. */
async function personCalled({ person, name: text }) {
  const known = people.get(person) ?? all().find((other) => other.name === text);
  if (known) return { person: known, isNew: false };
  const made = await server.addPerson(text);
  people.set(made.person, made);
  return { person: made, isNew: true };
}

async function add(who, files) {
  if (!files.length) return;
  await told(
    (async () => {
      const { person, isNew } = await personCalled(who);
      await addPictures(person, isNew, files, () => changed([person.person]));
    })(),
  );
}

/* Asks for pictures of a person. */
function choosePictures(who) {
  enrolling = who;
  $("more").click();
}

async function addPerson(files) {
  const who = await pickPerson("Who is it?", all(), { mayAdd: true });
  if (!who) return;
  if (files) await add(who, files);
  else choosePictures(who);
}

function showView(isPicture) {
  $("identify").hidden = !isPicture;
  $("home").hidden = isPicture;
  document.body.classList.toggle("asking", isPicture);
  scrollTo(0, 0);
}

function identify(file) {
  if (!file) return;
  if (location.hash === "#picture") showView(true);
  else location.hash = "picture";
  told(probe.showIdentify(file));
}

/* Pictures that are dropped on a card or a drawer are of that person, others are asked about. */
function target(event) {
  if (event.target.closest("#person")) return $("person");
  return event.target.closest("[data-person], #add-person");
}

function mark(node) {
  for (const marked of document.querySelectorAll(".receiving"))
    marked.classList.remove("receiving");
  node?.classList.add("receiving");
}

function onDrag(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  const node = target(event);
  const isOver = event.type === "dragover";
  document.body.classList.toggle("dropping", isOver);
  mark(isOver ? node : null);
  if (event.type !== "drop") return;
  const { files } = event.dataTransfer;
  const id = node === $("person") ? drawer.openPerson() : node?.dataset.person;
  if (id) add(people.get(id), files);
  else if (node) addPerson(files);
  else identify(files[0]);
}

/* Where nothing else has a use for them. */
const undoKey = ({ ctrlKey, metaKey }) => (ctrlKey || metaKey) && undoLast();
const KEYS = { "/": () => $("filter").focus(), z: undoKey };
const PICTURE_KEYS = {
  z: undoKey,
  ArrowLeft: () => probe.step(-1),
  ArrowRight: () => probe.step(1),
  Escape: () => (location.hash = ""),
};

function onKey(event) {
  if (event.defaultPrevented || event.target.closest?.("input, select, textarea")) return;
  if (event.key !== "z" && document.querySelector("dialog[open]")) return;
  const act = ($("home").hidden ? PICTURE_KEYS : KEYS)[event.key];
  if (!act || (event.key !== "z" && (event.ctrlKey || event.metaKey))) return;
  if (act(event) !== false) event.preventDefault();
}

/* Asks for a key of the server's. */
function askForKey(wasRefused) {
  $("unlock-hint").textContent = wasRefused
    ? "The server did not take this key."
    : "This server wants a key. It is kept until you close this tab.";
  $("unlock-hint").classList.toggle("bad", wasRefused);
  openDialog($("lock"));
  return new Promise((resolve) =>
    $("unlock").addEventListener(
      "submit",
      () => {
        resolve($("api-key").value.trim());
        $("api-key").value = "";
      },
      { once: true },
    ),
  );
}

function refuse(error) {
  $("problem").textContent =
    error.status === 404
      ? "This server keeps no gallery: it was started without one, or others reach it without a key."
      : sentence(error.message);
  $("problem").hidden = false;
}

async function start() {
  try {
    const list = await server.collections();
    $("collection").replaceChildren(...list.map((one) => el("option", {}, one.name)));
    $("collection").hidden = list.length < 2;
    await load();
  } catch (error) {
    refuse(error);
  }
  serverStatus();
}

async function changeCollection() {
  server.gallery.collection = $("collection").value;
  people.clear();
  await allChanged();
}

Object.assign(cards.acts, {
  open,
  merge: mergeByKey,
  name,
  join: (from, into) => merge({ from, into }),
  remove: (id) => drawer.removePerson(people.get(id)),
});
Object.assign(drawer.acts, {
  people: all,
  changed,
  add: choosePictures,
  merge: mergeByKey,
  closed: focusBack,
});
Object.assign(probe.acts, {
  personOf: (id) => people.get(id),
  people: all,
  name,
  enrol: (who, file) => add(who, [file]),
});
Object.assign(story, { personOf: (id) => people.get(id) ?? former.get(id), changed: allChanged });
server.gallery.locked = askForKey;

cards.startCards();
probe.startIdentify();
startDragging($("home"), merge);
for (const button of document.querySelectorAll("[data-probe]"))
  button.addEventListener("click", () => $("probe").click());
for (const [input, act] of [
  [$("probe"), ([file]) => identify(file)],
  [$("more"), (files) => add(enrolling, files)],
])
  input.addEventListener("change", () => {
    act([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
for (const id of ["add-person", "add-first"]) $(id).addEventListener("click", () => addPerson());
for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, onDrag);
document.addEventListener("paste", (event) => identify(event.clipboardData.files[0]));
document.addEventListener("keydown", onKey);
addEventListener("hashchange", () => showView(location.hash === "#picture"));
$("filter").addEventListener("input", drawFound);
$("collection").addEventListener("change", changeCollection);
$("cluster").addEventListener("click", cluster);
$("open-history").addEventListener("click", () => told(showHistory()));
if (location.hash) history.replaceState(null, "", location.pathname);
start();
