// The page: which pictures there are, which of them and which of its faces is shown, and how both
// are picked. Drawing lies in overlay.js, faces.js and results.js; requests in api.js.

import { apiKey, postPicture, Refusal, setApiKey } from "./api.js";
import { el, sentence } from "./dom.js";
import { closer, comparison, picker, similarity } from "./faces.js";
import { drawFaces } from "./overlay.js";
import { card, classes, takeAway, times, wholePicture } from "./results.js";

const AT_ONCE = 2; // requests: the others wait here and not in the server's queue
const TRIES = 4; // of one picture, while the server says it is busy

const $ = (id) => document.getElementById(id);

/* A picture: {file, name, blob: URL, status: waiting|running|done|failed, answer, error, image:
 * {source, scale}, picked: index of a face or -1, embeddings: promise}. */
const pictures = [];
let current = null;
let pinned = null; // {picture, index}: the face others are compared with
let running = 0;

function query() {
  const values = new URLSearchParams();
  if ($("threshold").dataset.chosen) values.set("threshold", $("threshold").value);
  if ($("size").value) values.set("size", $("size").value);
  return String(values) && `?${values}`;
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/* Posts the picture, and again where the server is busy and says when to come back. */
async function post(picture, url) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await postPicture(url, picture.file);
    } catch (error) {
      const busy = error instanceof Refusal && (error.status === 429 || error.status === 503);
      if (!busy || attempt === TRIES) throw error;
      await pause(Math.min(error.retry ?? 1, 10));
    }
  }
}

async function analyze(picture) {
  const url = `v1/analyze${query()}`;
  picture.status = "running";
  show(picture);
  try {
    const answer = await post(picture, url);
    Object.assign(picture, { status: "done", answer: { ...answer, url, name: picture.name } });
    picture.picked = answer.result.faces.length ? (answer.result.main ?? 0) : -1;
  } catch (error) {
    Object.assign(picture, { status: "failed", error });
  }
}

/* Starts waiting pictures as long as there is room. After a 401 all wait for the key. */
function pump() {
  const next = pictures.find(({ status }) => status === "waiting");
  if (!next || running === AT_ONCE || !$("unlock").hidden) return;
  running++;
  analyze(next).then(() => {
    running--;
    if (next.error?.status === 401) askForKey(next);
    show(next);
    pump();
  });
  pump();
}

function askForKey(picture) {
  Object.assign(picture, { status: "waiting", error: null });
  $("unlock-hint").textContent = apiKey()
    ? "The server did not take this key."
    : "This server wants a key. It is kept until you close this tab.";
  setApiKey("");
  $("unlock").hidden = false;
  $("api-key").focus();
}

function again() {
  for (const picture of pictures) {
    if (picture.status === "running") continue;
    Object.assign(picture, { status: "waiting", answer: null, error: null, embeddings: null });
  }
  pinned = null;
  show(current);
  pump();
}

// Asked for only when faces are compared; the same picture and settings give the same faces.
function embeddings(picture) {
  picture.embeddings ??= post(picture, picture.answer.url.replace("analyze", "embed")).then(
    ({ result }) => result.faces.map((face) => face.embedding),
  );
  return picture.embeddings;
}

async function loadImage(picture) {
  const image = new Image();
  image.src = picture.blob;
  picture.image = { source: null, scale: 1 };
  try {
    await image.decode();
    picture.image.source = image;
    picture.width = image.naturalWidth;
    picture.height = image.naturalHeight;
  } catch {
    // Formats only the server reads: their boxes are drawn to scale on an empty frame.
  }
  show(picture);
}

function add(files) {
  const added = [...files].map((file) => ({
    file,
    name: file.name || "picture",
    blob: URL.createObjectURL(file),
    status: "waiting",
    picked: -1,
  }));
  if (!added.length) return;
  pictures.push(...added);
  current = added[0];
  added.forEach(loadImage);
  show(current);
  pump();
}

function remove(picture) {
  const at = pictures.indexOf(picture);
  pictures.splice(at, 1);
  URL.revokeObjectURL(picture.blob);
  if (pinned?.picture === picture) pinned = null;
  current = pictures[Math.min(at, pictures.length - 1)] ?? null;
  show(current);
}

function bytes(size) {
  return size < 1e6 ? `${Math.ceil(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

function summary({ status, answer, error, name }) {
  if (status === "failed") return sentence(error.message);
  if (status !== "done") return `Looking at ${name}`;
  const { faces, classes: [best] = [] } = answer.result;
  const count = faces.length === 1 ? "1 face" : `${faces.length || "No"} faces`;
  return `${count} found.${best?.label ? ` It looks like: ${best.label}.` : ""}`;
}

function showPicture(picture) {
  const { answer, image } = picture;
  const width = answer?.result.width ?? picture.width ?? 4;
  const height = answer?.result.height ?? picture.height ?? 3;
  if (image?.source) image.scale = image.source.naturalWidth / width;
  $("frame").style.setProperty("--ratio", width / height);
  $("frame").className = `${picture.status} ${image?.source ? "" : "unseeable"}`;
  $("picture").hidden = !image?.source;
  if (image?.source && $("picture").src !== picture.blob) $("picture").src = picture.blob;
  $("picture").alt = picture.name;
  const size = answer || picture.width ? ` · ${width} × ${height}` : "";
  $("caption").textContent = `${picture.name}${size} · ${bytes(picture.file.size)}`;
  draw();
}

function draw() {
  if (current?.answer) drawFaces($("overlay"), current.answer.result, current.picked, pick);
  else $("overlay").replaceChildren();
}

function facesCard(picture) {
  const { faces } = picture.answer.result;
  if (!faces.length)
    return card(
      "No face found",
      el("p", { class: "hint" }, "A lower score in the settings may find more."),
    );
  const look = el("div", { id: "look" });
  if (faces.length === 1) return card("One face", look);
  const title = [`${faces.length} faces`, el("small", { class: "mouse" }, "click one, or ← →")];
  return card(title, picker(picture.image, faces, picture.picked, pick), look);
}

/* What stands below the row of faces: the picked face, or it beside the pinned one. */
function showFace() {
  const look = $("look");
  if (!look || current.picked < 0) return;
  const here = { picture: current, index: current.picked };
  const parts = closer(current.image, faceOf(here));
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
  look.replaceChildren(...parts);
}

const faceOf = ({ picture, index }) => picture.answer.result.faces[index];

function compare(a, b) {
  const value = Promise.all([embeddings(a.picture), embeddings(b.picture)]).then(
    ([first, second]) => similarity(first[a.index], second[b.index]),
  );
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

function showResults(picture) {
  const { answer, error, status } = picture;
  $("message").replaceChildren(
    ...(status === "failed" ? [el("p", { class: "card bad" }, sentence(error.message))] : []),
  );
  if (status !== "done") {
    const waits = status !== "failed" && $("unlock").hidden;
    $("found").replaceChildren(...(waits ? [el("p", { class: "card busy" }, "Looking…")] : []));
    return;
  }
  const { classes: list, attributes } = answer.result; // not there where no network tells them
  const cards = [
    facesCard(picture),
    list && classes(list),
    wholePicture(attributes),
    times(answer),
    takeAway(answer),
  ];
  $("found").replaceChildren(...cards.filter(Boolean));
  showFace();
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
        picture.image?.source && el("img", { src: picture.blob, alt: "" }),
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
  if (!current || picture !== current) return;
  showPicture(current);
  showResults(current);
  $("live").textContent = summary(current);
}

function pick(index) {
  current.picked = index;
  draw();
  showFace();
  const option = document.querySelectorAll("input[name=face]")[index];
  if (!option) return;
  option.checked = true;
  const row = $("faces"); // scrolls by itself: the page stays where it is
  row.scrollTop = option.parentElement.offsetTop - row.clientHeight / 2;
}

function onKey(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const busy = event.target.closest?.("input, select, textarea, pre, [contenteditable]");
  if (event.altKey || event.ctrlKey || event.metaKey || busy) return;
  if (event.key === "Escape" && pinned) pin(null);
  const count = current?.answer?.result.faces.length ?? 0;
  if (!step || !count) return;
  event.preventDefault();
  pick((current.picked + step + count) % count);
}

function onDrag(event) {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.toggle("dropping", event.type === "dragover");
  if (event.type === "drop") add(event.dataTransfer.files);
}

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
$("remove").addEventListener("click", () => remove(current));
$("threshold").addEventListener("input", () => {
  $("threshold").dataset.chosen = true; // until then it is the server's default that counts
  $("threshold-value").textContent = Number($("threshold").value).toFixed(2);
});
$("threshold").addEventListener("change", again);
$("size").addEventListener("change", again);
$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  setApiKey($("api-key").value.trim());
  $("api-key").value = "";
  $("unlock").hidden = true;
  show(current);
  pump();
});
new ResizeObserver(draw).observe($("frame"));
