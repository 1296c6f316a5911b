// What is known about a face besides where it is, and about a picture. Attributes are read from the
// answer: whatever keys a face has beyond those below is one, and how it is shown follows from the
// form of its value, so that a server with a new attribute needs no new page.

import { barItem, el } from "./dom.js";

const GEOMETRY = new Set(["box", "score", "landmarks", "embedding"]);
const UNITS = { age: "years, estimated" }; // of plain numbers, which do not name theirs

const isNumber = (value) => typeof value === "number";
const percent = (share) => `${(share * 100).toFixed(0)} %`;

/** "age_gender" -> "Age gender". */
export function words(key) {
  const text = key.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function decimal(value) {
  return value.toFixed(Math.abs(value) < 10 ? 2 : 0);
}

/* {key, short: for a label, value, note, distribution} of one attribute; null for a form that is
 * not known. An attribute without `short` has no place in a label. */
function attribute(key, value) {
  if (isNumber(value) && key in UNITS) {
    const text = value.toFixed(0);
    return { key, short: text, value: text, note: UNITS[key] };
  }
  if (isNumber(value))
    return { key, short: `${words(key).toLowerCase()} ${decimal(value)}`, value: decimal(value) };
  if (typeof value === "string") return { key, short: value, value, isWord: true };
  if (typeof value !== "object" || !value) return null;
  if ("value" in value) {
    const { probability, distribution } = value;
    const text = isNumber(value.value) ? decimal(value.value) : String(value.value);
    const note = isNumber(probability) ? `${percent(probability)} likely` : null;
    return { key, short: text, value: text, note, distribution, isWord: true };
  }
  if (isNumber(value.probability)) {
    const text = percent(value.probability);
    return { key, short: `${words(key).toLowerCase()} ${text}`, value: text, note: "likely" };
  }
  if (["pitch", "yaw", "roll"].every((name) => isNumber(value[name]))) {
    const { pitch, yaw, roll } = value;
    const text = [pitch, yaw, roll].map((angle) => `${angle.toFixed(0)}°`).join(" ");
    return { key, value: text, note: "pitch, yaw, roll" };
  }
  return null;
}

/* Those of a face, or of the object a picture has them in, in the order of the answer. */
function attributes(owner) {
  return Object.entries(owner)
    .filter(([key]) => !GEOMETRY.has(key))
    .map(([key, value]) => attribute(key, value))
    .filter(Boolean);
}

/** What a label says about a face, most telling first: words ("female"), then numbers ("29"). */
export function labelParts(face) {
  const known = attributes(face).filter(({ short }) => short);
  return [...known.filter(({ isWord }) => isWord), ...known.filter(({ isWord }) => !isWord)].map(
    ({ short }) => short,
  );
}

/** A name and its value, of a list of class "facts". */
export function fact(name, value, note) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, note && el("small", {}, note)));
}

/** The attributes of a face or a picture, each as a fact. */
export function facts(owner) {
  return attributes(owner).map(({ key, value, note }) => fact(words(key), value, note));
}

/** How likely each label of those attributes is, the likeliest first. */
export function distributions(owner) {
  const open = attributes(owner).filter(({ distribution }) => distribution);
  return open.map(({ key, distribution }) =>
    el(
      "section",
      { class: "distribution" },
      el("h3", {}, words(key)),
      el(
        "ol",
        { class: "bars" },
        Object.entries(distribution)
          .sort(([, a], [, b]) => b - a)
          .map(([label, share]) => barItem(label, share, 0)),
      ),
    ),
  );
}
