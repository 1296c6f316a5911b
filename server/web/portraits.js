// The face of a person as it was enrolled; where none is kept, the first letter of the name.

import { apiKey, getBlob } from "./api.js";
import { el, svg } from "./dom.js";
import { cropAddress } from "./gallery.js";

const HUES = 360;

/** What a person is called. */
export const called = ({ name }) => name || "No name yet";

/** "1 face", "5 faces". */
export const faces = (count) => (count === 1 ? "1 face" : `${count} faces`);

const urls = new Map(); // {sample: promise of a URL} of crops that only a key opens

/* An image cannot send a key: then the page does, and keeps what it got. */
async function source(sample) {
  if (!apiKey()) return cropAddress(sample);
  if (!urls.has(sample)) urls.set(sample, getBlob(cropAddress(sample)).then(URL.createObjectURL));
  return urls.get(sample);
}

/* The same name always has the same colour. */
function hue(name) {
  return [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % HUES, 7);
}

function somebody() {
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: "somebody" },
    svg("circle", { cx: 12, cy: 9.5, r: 4 }),
    svg("path", { d: "M4 22c0-4.4 3.6-7.5 8-7.5s8 3.1 8 7.5z" }),
  );
}

function letter(name) {
  const [first] = name.trim();
  const node = el("span", { class: "letter" }, first ? first.toUpperCase() : somebody());
  node.style.setProperty("--hue", hue(name));
  return node;
}

/** An element of class "portrait" with the face of a sample; null: of none. name: whose it is. */
export function portrait(sample, name) {
  const node = el("span", { class: "portrait", "aria-hidden": "true" }, letter(name));
  if (!sample) return node;
  const image = el("img", { alt: "", draggable: "false", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.remove());
  source(sample).then(
    (url) => (image.src = url),
    () => image.remove(),
  );
  node.append(image);
  return node;
}
