// Who the faces of one picture are: names on the picture, and for each face how alike the nearest
// people are, with a tick where "likely the same" begins.

import { percent } from "./attributes.js";
import { el, sentence } from "./dom.js";
import { crop, meter } from "./faces.js";
import { identify, prepared } from "./gallery.js";
import { pickPerson } from "./picker.js";
import { portrait } from "./portraits.js";
import { mapped } from "./shrink.js";
import * as stage from "./stage.js";

const TOP = 5; // people each face is compared with
const MARGINS = [0.6, 0.35, 0.15, 0]; // of a face's longer side, around it in what is added

/** Who is asked and told: people(): all of them; personOf(id): one; enrol(person or {name}, file): a
 * face is theirs; name(id, text): who has no name is called so. */
export const acts = { people: () => [], personOf: () => null, async enrol() {}, async name() {} };

const $ = (id) => document.getElementById(id);

const TONES = { "likely the same": "same", unsure: "unsure", unknown: "different" };
const SAID = { same: "Likely the same", unsure: "Unsure", different: "Different" };

const REASONS = {
  not_alike: "Nobody here is enough like this face.",
  nobody_enrolled: "Nobody is enrolled yet.",
};

let picture = null; // {blob, image, file, name} as prepared() gives it
let result = null;
let picked = -1;

const tone = (face) => TONES[face.verdict] ?? "different";
const best = (face) => face.matches[0];
const image = () => ({
  source: picture.image,
  scale: picture.image ? picture.image.naturalWidth / result.width : 1,
});

const hasName = ({ person }) => acts.personOf(person)?.name !== "";

/* Whose a match is. */
const whose = (match, nameless = "somebody without a name") =>
  hasName(match) ? match.name : nameless;

/* What stands on the picture. */
function label(face) {
  if (tone(face) === "different") return "unknown";
  return whose(best(face), "no name") + (tone(face) === "unsure" ? "?" : "");
}

function draw() {
  const drawn = result?.faces.map((face) => ({
    box: face.box,
    landmarks: face.landmarks,
    name: label(face),
    tone: tone(face),
  }));
  stage.showFaces(drawn ? { result: { ...result, faces: drawn }, picked, pick } : null);
}

function pick(index) {
  picked = index;
  draw();
  stage.reveal(result.faces[index], result);
  markPicked();
  $("told").querySelector(".picked")?.scrollIntoView({ block: "nearest" });
}

/* The picked face's card shows all that is known, the others the verdict. */
function markPicked() {
  for (const card of $("told").querySelectorAll("[data-face]")) {
    const isPicked = Number(card.dataset.face) === picked;
    card.classList.toggle("picked", isPicked);
    card.querySelector(".beside").setAttribute("aria-expanded", isPicked);
  }
}

/* The part of the picture around a face, with as much around it as has no other face in it. */
function surroundings({ box }) {
  const [x1, y1, x2, y2] = box;
  const others = result.faces.map((face) => face.box).filter((other) => other !== box);
  for (const margin of MARGINS) {
    const m = margin * Math.max(x2 - x1, y2 - y1);
    const area = [x1 - m, y1 - m, x2 + m, y2 + m];
    const meets = (b) => b[0] < area[2] && b[2] > area[0] && b[1] < area[3] && b[3] > area[1];
    if (margin === MARGINS.at(-1) || !others.some(meets)) return area;
  }
  return box;
}

async function faceFile(face) {
  const { source, scale } = image();
  const [x1, y1, x2, y2] = surroundings(face).map((v) => v * scale);
  const left = Math.max(0, x1);
  const top = Math.max(0, y1);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.min(source.naturalWidth, x2) - left);
  canvas.height = Math.max(1, Math.min(source.naturalHeight, y2) - top);
  canvas.getContext("2d").drawImage(source, -left, -top);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  return new File([blob], picture.name, { type: "image/png" });
}

async function add(face, person) {
  await acts.enrol(person, await faceFile(face));
  await ask();
}

/* Of somebody who has no name yet it is the person who gets one. */
async function addToSomebody(face, isNameless) {
  const person = await pickPerson("Who is this?", acts.people(), { mayAdd: true });
  if (!person) return;
  if (!isNameless) await add(face, person);
  else await acts.name(best(face).person, person.name).then(ask);
}

/* How likely that is, never as if it were certain, and the similarity. */
function number({ similarity, probability }) {
  const text = similarity.toFixed(2);
  if (probability == null) return text;
  if (probability >= 0.99) return `over 99 % · ${text}`;
  return `${probability < 0.01 ? "under 1 %" : percent(probability)} · ${text}`;
}

/* The people after the first. */
function runnersUp(face, threshold) {
  const [, ...rest] = face.matches;
  if (!rest.length) return null;
  return el(
    "details",
    {},
    el("summary", {}, `Next: ${whose(rest[0])}, ${number(rest[0])}`),
    el(
      "ul",
      { class: "runners" },
      rest.map((match) =>
        el(
          "li",
          {},
          portrait(match.sample, match.name),
          el("span", {}, whose(match)),
          el("small", {}, number(match)),
          meter(match.similarity, threshold),
        ),
      ),
    ),
  );
}

function buttons(face) {
  if (!picture.image) return null; // it cannot be cut out
  const person = tone(face) !== "different" && acts.personOf(best(face).person);
  const isNameless = person && !hasName(best(face));
  const yes = person &&
    !isNameless && { act: () => add(face, person), label: `Add to ${person.name}` };
  return el(
    "p",
    { class: "row" },
    yes && el("button", { type: "button", class: "button", onclick: yes.act }, yes.label),
    el(
      "button",
      { type: "button", class: "button", onclick: () => addToSomebody(face, isNameless) },
      yes ? "Somebody else…" : "Name this face…",
    ),
  );
}

function title(face) {
  if (tone(face) === "different") return "Unknown";
  return tone(face) === "same"
    ? whose(best(face), "Somebody without a name")
    : `Perhaps ${whose(best(face))}`;
}

function faceCard(face, index) {
  const kind = tone(face);
  const match = best(face);
  const { threshold } = result;
  const hint =
    kind === "different"
      ? (REASONS[face.reason] ?? "")
      : `Likely the same from ${threshold.toFixed(2)} on.`;
  const nearest =
    match && kind === "different" ? `Most like ${whose(match)}, ${number(match)}. ` : "";
  return el(
    "article",
    { class: `card told ${kind}`, "data-face": index },
    el(
      "button",
      { type: "button", class: "beside", onclick: () => pick(index) },
      crop(image(), face, 72),
      el(
        "span",
        {},
        el("span", { class: "verdict" }, SAID[kind]),
        el("span", { class: "name" }, title(face)),
      ),
      match && kind !== "different" ? portrait(match.sample, match.name) : el("span", {}),
    ),
    match &&
      el(
        "div",
        { class: "measure" },
        meter(match.similarity, threshold),
        el("small", {}, number(match)),
      ),
    el("p", { class: "hint" }, nearest + hint),
    buttons(face),
    runnersUp(face, threshold),
  );
}

function summary({ faces }) {
  if (!faces.length) return "No face found.";
  const known = faces.filter((face) => tone(face) === "same").map((face) => whose(best(face)));
  const rest = faces.length - known.length;
  const others = rest
    ? `${rest} ${known.length ? "more " : ""}${rest === 1 ? "face" : "faces"} not known for certain`
    : "";
  return sentence([known.join(", "), others].filter(Boolean).join(", and "));
}

function show() {
  const { width, height, faces } = result;
  $("caption").textContent = `${picture.name} · ${width} × ${height}`;
  $("told").replaceChildren(
    el("h1", {}, summary(result)),
    ...faces.map(faceCard),
    ...(faces.length
      ? []
      : [el("p", { class: "hint" }, "Try a picture in which a face is larger.")]),
  );
  markPicked();
  draw();
}

/* Asks the server about the picture; what stands there stays until the answer is there. */
async function ask() {
  const asked = picture;
  $("frame").classList.add("running");
  try {
    const answer = await identify(asked.file, { top: TOP, fpir: $("fpir").value });
    if (asked !== picture) return;
    const isShrunk = asked.image && answer.width !== asked.image.naturalWidth;
    const { naturalWidth: width, naturalHeight: height } = asked.image ?? {};
    result = isShrunk ? mapped(answer, width, height) : answer;
    if (picked < 0 && result.faces.length) picked = 0;
    show();
  } catch (error) {
    if (asked !== picture) return;
    result = null;
    draw();
    $("told").replaceChildren(
      el("p", { class: "card bad", role: "alert" }, sentence(error.message)),
    );
  }
  if (asked === picture) $("frame").classList.remove("running");
}

/** Asks again, where there is a picture: somebody may be known now, or be no more. */
export async function askAgain() {
  if (picture) await ask();
}

/** Shows a picture, and who is in it. */
export async function showIdentify(file) {
  if (picture) URL.revokeObjectURL(picture.blob);
  result = null;
  picked = -1;
  draw();
  $("told").replaceChildren(el("p", { class: "card busy" }, "Looking…"));
  picture = await prepared(file);
  const { image: source, blob, name } = picture;
  $("frame").className = source ? "" : "unseeable";
  $("picture").hidden = !source;
  if (source) $("picture").src = blob;
  $("picture").alt = $("caption").textContent = name;
  stage.fitPicture(source ? source.naturalWidth / source.naturalHeight : 4 / 3);
  await ask();
}

/** The next face, or the one before. */
export function step(by) {
  const { length } = result?.faces ?? [];
  if (length) pick((picked + by + length) % length);
}

export function startIdentify() {
  stage.startStage();
  $("fpir").addEventListener("change", askAgain);
  $("zoom-fit").addEventListener("click", stage.fit);
  $("zoom-out").addEventListener("click", () => stage.zoomBy(-1));
  $("zoom-in").addEventListener("click", () => stage.zoomBy(1));
}
