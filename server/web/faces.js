// A face up close: its part of the picture, its numbers, and how alike it is to another one.

import { fact, facts } from "./attributes.js";
import { charts } from "./charts.js";
import { el, sentence, svg } from "./dom.js";
import { legend, notes } from "./methods.js";
import { dots, faceName } from "./overlay.js";
import { howOften } from "./right.js";

const MARGIN = 0.3; // of the box's longer side, on each side
const BESIDE = 2; // attributes beside the close-up; further ones stand below it
const MARGIN_BELOW = 0.1; // of similarity, under the threshold: tells neither (analysis/judge.h)
const LANDMARKS = ["Left eye", "Right eye", "Nose", "Mouth, left", "Mouth, right"];

/** The square of the picture around a face: {x, y, side}. It may reach over the picture's edge. */
function square({ box: [x1, y1, x2, y2] }) {
  const side = Math.max(x2 - x1, y2 - y1) * (1 + 2 * MARGIN);
  return { x: (x1 + x2 - side) / 2, y: (y1 + y2 - side) / 2, side };
}

/** A face cut out of its picture, `size` CSS pixels wide. source: what a canvas can draw, or null
 * where the browser cannot show the picture; scale: its pixels a pixel of the result. */
export function crop({ source, scale }, face, size) {
  const sharp = Math.min(3, window.devicePixelRatio || 1);
  const canvas = el("canvas", { class: "crop", width: size * sharp, height: size * sharp });
  const { x, y, side } = square(face);
  if (source) {
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    const [sx, sy, s] = [x * scale, y * scale, side * scale];
    context.drawImage(source, sx, sy, s, s, 0, 0, canvas.width, canvas.height);
  }
  return canvas;
}

function closeUp(image, face) {
  const size = 480; // canvas pixels; CSS scales it to the panel
  const { x, y, side } = square(face);
  const place = (px, py) => [((px - x) / side) * size, ((py - y) / side) * size];
  const marks = svg("svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" });
  marks.append(...dots(face, place, 6));
  return el("div", { class: "close-up" }, crop(image, face, size), marks);
}

/* Two lists: what stands beside the close-up, and the attributes it has no room for. */
function lists(face) {
  const [x1, y1, x2, y2] = face.box.map(Math.round);
  const known = facts(face);
  const more = known.splice(BESIDE);
  return [
    el(
      "dl",
      { class: "facts" },
      known,
      fact("Score", face.score.toFixed(3), "that it is a face"),
      fact("Size", `${x2 - x1} × ${y2 - y1}`, `pixels at ${x1}, ${y1}`),
    ),
    more.length ? el("dl", { class: "facts more" }, more) : null,
  ];
}

function landmarkTable(face) {
  const rows = face.landmarks.map(([x, y], i) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, LANDMARKS[i]),
      el("td", {}, x.toFixed(1)),
      el("td", {}, y.toFixed(1)),
    ),
  );
  return el(
    "details",
    {},
    el("summary", {}, "Landmarks"),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el("tr", {}, el("td"), el("th", { scope: "col" }, "x"), el("th", { scope: "col" }, "y")),
      ),
      el("tbody", {}, rows),
    ),
  );
}

/** The panel of one face. by: {control: the switch between methods, networks: those of /v1/status
 * that told it, other: {method, face} as the other method tells it}; each may be null. */
export function closer(image, face, { control, networks, other }) {
  const [beside, below] = lists(face);
  const drawn = charts(face, other?.face);
  return [
    el("div", { class: "closer" }, closeUp(image, face), beside),
    below,
    control,
    ...drawn,
    drawn.length ? legend(other) : null,
    ...notes(face),
    howOften(face, networks),
    landmarkTable(face),
  ].filter(Boolean);
}

/** A row of small faces to pick from: radio buttons, so that arrow keys and screen readers work as
 * they do everywhere. */
export function picker(image, faces, picked, pick) {
  const options = faces.map((face, index) =>
    el(
      "label",
      { class: "thumb" },
      el("input", {
        type: "radio",
        name: "face",
        checked: index === picked,
        class: "unseen",
        "aria-label": `Face ${index + 1}, ${faceName(face, index)}`,
        onchange: () => pick(index),
      }),
      crop(image, face, 52),
    ),
  );
  return el(
    "fieldset",
    { class: "thumbs", id: "faces" },
    el("legend", { class: "unseen" }, "Faces"),
    options,
  );
}

/** The sum of products of two embeddings, which are of length 1: their cosine. */
export function similarity(a, b) {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** What a similarity means, with the threshold the server measured or was given. */
export function verdict(cosine, threshold) {
  if (cosine >= threshold) return "Likely the same person";
  return cosine >= threshold - MARGIN_BELOW ? "Unsure" : "Likely different people";
}

/** A bar from 0 to 1, with a mark where the threshold lies. */
export function meter(cosine, threshold) {
  const bar = el("span", { class: "fill" });
  bar.style.width = `${Math.max(0, Math.min(1, cosine)) * 100}%`;
  const mark = threshold === undefined ? null : el("span", { class: "mark" });
  if (mark) mark.style.left = `${threshold * 100}%`;
  return el("div", { class: "meter", role: "presentation" }, bar, mark);
}

/* What two faces' similarity comes to, in words where the server has a threshold. */
function conclusion({ cosine, threshold }) {
  const number = cosine.toFixed(3);
  if (threshold === undefined)
    return { said: number, number: "similarity", rest: [meter(cosine)] };
  const hint = `From a similarity of ${threshold.toFixed(2)} one person is likely, never certain.`;
  return {
    said: verdict(cosine, threshold),
    number: `similarity ${number}`,
    rest: [meter(cosine, threshold), el("p", { class: "hint" }, hint)],
  };
}

/** Two faces side by side and how alike they are; value: a promise of {cosine, threshold}, which is
 * undefined where the server does not say from when on it calls them one person. */
export function comparison(first, second, value, stop) {
  const said = el("strong", {}, "…");
  const number = el("span", {}, "similarity");
  const rest = el("div", { class: "rest" });
  value.then(
    (known) => {
      const words = conclusion(known);
      said.textContent = words.said;
      number.textContent = words.number;
      rest.replaceChildren(...words.rest);
    },
    (error) => {
      said.textContent = "–";
      rest.replaceChildren(el("p", { class: "hint" }, sentence(error.message)));
    },
  );
  return el(
    "div",
    { class: "comparison", "aria-live": "polite" },
    el(
      "div",
      { class: "pair" },
      crop(first.image, first.face, 96),
      el("p", {}, said, number),
      crop(second.image, second.face, 96),
    ),
    rest,
    el("button", { type: "button", class: "button", onclick: stop }, "Stop comparing"),
  );
}
