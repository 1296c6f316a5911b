// What is drawn over a picture: boxes, landmarks and labels, as SVG in CSS pixels, so that lines
// and letters stay sharp and equally thick at any zoom.

import { labelParts, points } from "./attributes.js";
import { svg } from "./dom.js";

const LABEL_HEIGHT = 20;
const NARROW = 48; // CSS pixels: boxes below this get a label only when they are picked
const CROWD = 12; // as do all boxes where there are more faces than this
const PARTS = 3; // of a name in a label; the picked face's has what fits into the picture

const area = ({ box: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);

const SEPARATOR = " · ";

/** "female 88 % · 29", or "face 3" where nothing is known about it. */
export function faceName(face, index) {
  return labelParts(face).join(SEPARATOR) || `face ${index + 1}`;
}

/** The same, as far as a label has room for it. */
export function labelText(face, index) {
  return labelParts(face).slice(0, PARTS).join(SEPARATOR) || `face ${index + 1}`;
}

/** The five landmarks as dots, and smaller ones for the points that a network tells. place: (x, y) of
 * the picture -> CSS pixels. */
export function dots(face, place, radius) {
  const dot = (r, kind) => ([x, y]) => {
    const [cx, cy] = place(x, y);
    return svg("circle", { cx, cy, r, class: kind });
  };
  return [
    ...points(face).map(dot(radius / 2, "dot point")),
    ...face.landmarks.map(dot(radius, "dot")),
  ];
}

function label(face, index, x, y, right, chosen) {
  const parts = labelParts(face).slice(0, chosen ? Infinity : PARTS);
  const line = () => parts.join(SEPARATOR) || `face ${index + 1}`;
  const text = svg("text", {}, line());
  const plate = svg("rect", { height: LABEL_HEIGHT, rx: 4 });
  const group = svg("g", { class: "label" }, plate, text);
  // The width is known once the text stands in the document.
  group.settle = () => {
    while (text.getComputedTextLength() + 14 > right && parts.length > 1) {
      parts.pop();
      text.textContent = line();
    }
    const width = text.getComputedTextLength() + 14;
    const left = Math.max(0, Math.min(x, right - width));
    const top = y >= LABEL_HEIGHT + 2 ? y - LABEL_HEIGHT - 2 : y + 3;
    for (const [name, value] of [
      ["x", left],
      ["y", top],
      ["width", width],
    ])
      plate.setAttribute(name, value);
    text.setAttribute("x", left + 7);
    text.setAttribute("y", top + 14);
  };
  return group;
}

/** Draws the faces of a result over the picture. root: the svg element, as large as the picture's
 * frame; picked: index or -1; pick(index) is called for a click. */
export function drawFaces(root, result, picked, pick) {
  const { clientWidth: width, clientHeight: height } = root.parentElement;
  const scale = width / result.width;
  const place = (x, y) => [x * scale, y * scale];
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const groups = result.faces.map((face, index) => {
    const [x1, y1, x2, y2] = face.box.map((v) => v * scale);
    const frame = { x: x1, y: y1, width: x2 - x1, height: y2 - y1, rx: Math.min(4, (x2 - x1) / 8) };
    const chosen = index === picked;
    const group = svg(
      "g",
      { class: `face ${face.tone ?? ""} ${chosen ? "picked" : ""}`, onclick: () => pick(index) },
      svg("rect", { ...frame, class: "halo" }),
      svg("rect", { ...frame, class: "box" }),
      x2 - x1 >= 28 || chosen ? dots(face, place, Math.min(chosen ? 3 : 2, (x2 - x1) / 14)) : [],
    );
    if (chosen || (x2 - x1 >= NARROW && result.faces.length <= CROWD))
      group.append(label(face, index, x1, y1, width, chosen));
    return { group, order: chosen ? 0 : area(face) };
  });
  // Small faces lie over large ones, so that each can be clicked; the picked one lies on top.
  groups.sort((a, b) => b.order - a.order);
  root.replaceChildren(...groups.map(({ group }) => group));
  for (const group of root.querySelectorAll(".label")) group.settle();
}
