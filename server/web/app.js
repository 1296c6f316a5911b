// The page: which of the pictures and which of its faces is shown, and how both are picked. What is
// drawn lies in stage.js, faces.js and results.js; the pictures and their requests in pictures.js.

import { serverStatus } from "./about.js";
import { startCamera } from "./camera.js";
import { el, refill, sentence } from "./dom.js";
import { closer, comparison, picker, similarity } from "./faces.js";
import * as methods from "./methods.js";
import * as all from "./pictures.js";
import { card, classes, failure, merged, takeAway, times, wholePicture } from "./results.js";
import * as stage from "./stage.js";

const $ = (id) => document.getElementById(id);
const { pictures } = all;

let current = null;
let pinned = null; // {picture, index}: the face others are compared with
let about = null; // /v1/status, once it is known
const by = { chosen: undefined, isWaiting: false, error: "" }; // the method, and another's answer

function query(method) {
  const values = new URLSearchParams();
  const attributes = methods.requested(about);
  if (attributes) values.set("attributes", attributes);
  if (method) values.set("method", method);
  if ($("threshold").dataset.chosen) values.set("threshold", $("threshold").value);
  for (const id of ["size", "search"]) if ($(id).value) values.set(id, $(id).value);
  return String(values) && `?${values}`;
}

/* Asks again about these pictures, whose faces may be others then. */
function again(those) {
  all.askAgain(those);
  if (those.includes(pinned?.picture)) pinned = null;
  show(current);
}

function add(files) {
  const [first] = all.add(files);
  if (!first) return;
  current = first;
  show(current);
}

function remove() {
  if (pinned?.picture === current) pinned = null;
  current = all.remove(current);
  show(current);
}

function askForKey(wasRefused) {
  $("unlock-hint").textContent = wasRefused
    ? "The server did not take this key."
    : "This server wants a key. It is kept until you close this tab.";
  $("unlock-hint").classList.toggle("bad", wasRefused);
  $("unlock").hidden = false;
  show(current);
  $("api-key").focus();
}

function unlock(event) {
  event.preventDefault();
  $("unlock").hidden = true;
  all.unlock($("api-key").value.trim());
  $("api-key").value = "";
  show(current);
}

function bytes(size) {
  return size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

function summary({ status, answer, error, name }) {
  if (status === "failed") return sentence(error.message);
  if (status !== "done") return `Looking at ${name}`;
  const { faces, classes: list = [] } = answer.result;
  const count = faces.length === 1 ? "1 face" : `${faces.length || "No"} faces`;
  const [best] = merged(list.filter(({ label }) => label)).keys();
  return `${count} found.${best ? ` It looks like: ${best}.` : ""}`;
}

let framed = null; // what the stage was given a place for: a picture and its proportions

function showPicture(picture) {
  const { answer, image } = picture;
  const width = answer?.result.width ?? picture.width ?? 4;
  const height = answer?.result.height ?? picture.height ?? 3;
  if (image.source) image.scale = image.source.naturalWidth / width;
  $("frame").className = `${picture.status} ${picture.isUnseeable ? "unseeable" : ""}`;
  $("picture").hidden = !image.source;
  if (image.source && $("picture").src !== picture.blob) $("picture").src = picture.blob;
  $("picture").alt = picture.name;
  const size = answer || picture.width ? ` · ${width} × ${height}` : "";
  $("caption").textContent = `${picture.name}${size} · ${bytes(picture.file.size)}`;
  const ratio = width / height;
  if (framed?.picture !== picture || framed.ratio !== ratio) stage.fitPicture(ratio);
  framed = { picture, ratio };
  draw();
}

function draw() {
  const result = current?.answer?.result;
  stage.showFaces(result ? { result, picked: current.picked, pick } : null);
  $("zoom").hidden = !result && current?.isUnseeable;
  $("zoom-face").hidden = !result || current.picked < 0;
}

function facesCard(picture) {
  const { faces } = picture.answer.result;
  if (!faces.length)
    return card(
      "No face found",
      el("p", { class: "hint" }, "A lower score in the settings may find more."),
    );
  const look = el("div", { id: "look" }, picture.picked < 0 ? [] : lookedAt(picture));
  if (faces.length === 1) return card("One face", look);
  const title = [`${faces.length} faces`, el("small", { class: "mouse" }, "click one, or ← →")];
  return card(title, picker(picture.image, faces, picture.picked, pick), look);
}

/* What stands below the row of faces: the picked face, or it beside the pinned one. */
function lookedAt(picture) {
  const here = { picture, index: picture.picked };
  const { method } = picture.answer;
  const state = { ...by, method: by.chosen ?? method };
  const parts = closer(picture.image, faceOf(here), {
    control: methods.methodSwitch(about, state, choose),
    networks: methods.networksOf(about, method),
    other: methods.otherFace(picture, here.index),
  });
  const comparing = pinned && (pinned.picture !== here.picture || pinned.index !== here.index);
  if (comparing) parts.push(compare(pinned, here));
  else if (pinned)
    parts.push(el("p", { class: "hint" }, "Now pick the other face, in this picture or another."));
  else
    parts.push(
      el(
        "button",
        { type: "button", class: "button", id: "compare", onclick: () => pin(here) },
        "Compare with another face",
      ),
    );
  return parts.filter(Boolean);
}

function showFace() {
  if ($("look") && current.picked >= 0) refill($("look"), lookedAt(current));
}

/* Has the current picture's faces told by the chosen method; the answer that is there stays until
 * the other one has come. */
async function turn() {
  const picture = current;
  by.isWaiting = true;
  showFace();
  try {
    await all.turnTo(picture, by.chosen);
  } catch (error) {
    by.chosen = picture.answer?.method;
    by.error = sentence(error.message);
  }
  by.isWaiting = false;
  show(picture);
}

function choose(method) {
  Object.assign(by, { chosen: method, error: "" });
  turn();
}

const faceOf = ({ picture, index }) => picture.answer.result.faces[index];

function compare(a, b) {
  const parts = [all.embeddings(a.picture), all.embeddings(b.picture), serverStatus()];
  const value = Promise.all(parts).then(([first, second, about]) => ({
    cosine: similarity(first[a.index], second[b.index]),
    threshold: about?.same_person,
  }));
  return comparison(
    { image: a.picture.image, face: faceOf(a) },
    { image: b.picture.image, face: faceOf(b) },
    value,
    () => pin(null),
  );
}

function pin(face) {
  pinned = face;
  showFace();
}

function showFailure(picture) {
  const failed = pictures.filter(({ status }) => status === "failed");
  const onAgain = (isAll) => again(isAll ? failed : [picture]);
  refill($("message"), failure(picture.error, failed.length, onAgain));
}

function showResults(picture) {
  const { answer, status } = picture;
  if (status === "failed") showFailure(picture);
  else $("message").replaceChildren();
  if (status !== "done") {
    const waits = status !== "failed" && $("unlock").hidden;
    $("found").replaceChildren(...(waits ? [el("p", { class: "card busy" }, "Looking…")] : []));
    return;
  }
  const { classes: list, attributes } = answer.result; // not there where no network tells them
  refill(
    $("found"),
    facesCard(picture),
    list && classes(list),
    wholePicture(attributes),
    times(answer),
    takeAway(picture, pictures),
  );
  if (by.chosen && answer.method !== by.chosen && !by.isWaiting) turn();
}

function showStrip() {
  const legend = $("strip").firstElementChild;
  $("strip").hidden = pictures.length < 2;
  $("strip").replaceChildren(
    legend,
    ...pictures.map((picture) =>
      el(
        "label",
        { class: `thumb ${picture.status}` },
        el("input", {
          type: "radio",
          name: "picture",
          class: "unseen",
          checked: picture === current,
          "aria-label": `${picture.name}: ${summary(picture)}`,
          onchange: () => {
            current = picture;
            show(picture);
          },
        }),
        picture.image.source && el("img", { src: picture.blob, alt: "" }),
      ),
    ),
  );
}

/* Brings the page up to date after something about a picture changed; picture: null where the last
 * one has gone. */
function show(picture) {
  document.body.classList.toggle("start", !current);
  $("welcome").hidden = Boolean(current);
  $("work").hidden = $("results").hidden = !current;
  const focused = document.activeElement?.name === "picture";
  showStrip();
  if (focused) $("strip").querySelector(":checked")?.focus();
  if (picture !== current && picture?.status === "failed" && current.status === "failed")
    showFailure(current); // says how many there are
  if (!current || picture !== current) return;
  showPicture(current);
  showResults(current);
  $("live").textContent = summary(current);
}

function pick(index) {
  current.picked = index;
  draw();
  stage.reveal(current.answer.result.faces[index], current.answer.result);
  showFace();
  const option = document.querySelectorAll("input[name=face]")[index];
  if (!option) return;
  option.checked = true;
  const row = $("faces"); // scrolls by itself: the page stays where it is
  row.scrollTop = option.parentElement.offsetTop - row.clientHeight / 2;
}

function zoomToFace() {
  const { result } = current.answer;
  stage.zoomToFace(result.faces[current.picked], result);
}

/* The next face; the focus stays where it is, or goes along from face to face. */
function step(by) {
  const { length } = current?.answer?.result.faces ?? [];
  if (!length) return;
  pick((current.picked + by + length) % length);
}

const PAN = 80; // CSS pixels a key moves the picture
const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  "Shift+ArrowLeft": () => stage.pan(PAN, 0),
  "Shift+ArrowRight": () => stage.pan(-PAN, 0),
  "Shift+ArrowUp": () => stage.pan(0, PAN),
  "Shift+ArrowDown": () => stage.pan(0, -PAN),
  "+": () => stage.zoomBy(1),
  "=": () => stage.zoomBy(1), // the key of + on many keyboards
  "-": () => stage.zoomBy(-1),
  0: () => stage.fit(),
  Escape: () => pinned && pin(null),
};

function onKey(event) {
  const { target, key, shiftKey, altKey, ctrlKey, metaKey } = event;
  if (!current || altKey || ctrlKey || metaKey) return;
  const isArrow = key.startsWith("Arrow");
  // Radio buttons and texts have a use of their own for arrows, texts for everything.
  const own = isArrow ? "input, select, textarea, pre" : "input:not([type=radio]), select, textarea";
  if (target.closest?.(own)) return;
  const act = KEYS[isArrow && shiftKey ? `Shift+${key}` : key];
  if (!act) return;
  if (key !== "Escape") event.preventDefault();
  act();
}

function onDrag(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.toggle("dropping", event.type === "dragover");
  if (event.type === "drop") add(event.dataTransfer.files);
}

/* What the server says of itself adds to the page what it has several of. */
async function learn() {
  about = await serverStatus();
  if (!about || $("requests").childElementCount) return;
  $("requests").replaceChildren(...methods.requests(about, () => again(pictures)));
  showFace();
}

Object.assign(all.events, { changed: show, locked: askForKey, method: () => by.chosen, query });
for (const button of document.querySelectorAll("[data-pick]"))
  button.addEventListener("click", () => $(button.dataset.pick).click());
for (const input of [$("files"), $("camera")])
  input.addEventListener("change", () => {
    add(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
for (const type of ["dragover", "dragleave", "drop"]) document.addEventListener(type, onDrag);
document.addEventListener("paste", (event) => add(event.clipboardData.files));
document.addEventListener("keydown", onKey);
$("remove").addEventListener("click", remove);
$("zoom-face").addEventListener("click", zoomToFace);
$("zoom-fit").addEventListener("click", stage.fit);
$("zoom-out").addEventListener("click", () => stage.zoomBy(-1));
$("zoom-in").addEventListener("click", () => stage.zoomBy(1));
$("threshold").addEventListener("input", () => {
  $("threshold").dataset.chosen = true; // until then it is the server's default that counts
  $("threshold-value").textContent = Number($("threshold").value).toFixed(2);
});
for (const id of ["threshold", "size", "search"]) $(id).addEventListener("change", () => again(pictures));
$("unlock").addEventListener("submit", unlock);
stage.startStage();
startCamera(add);
learn();
