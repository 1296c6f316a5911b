// What is known about a face besides where it is, and about a picture. Attributes are read from the
// answer: whatever keys a face has beyond those below is one, and how it is shown follows from the
// form of its value, so that a server with a new attribute needs no new page.

import { el } from "./dom.js";

// What a face has beside attributes; by its tone the page People draws it.
const GEOMETRY = new Set(["box", "score", "landmarks", "embedding", "tone"]);
const UNITS = { age: "years, estimated" }; // of plain numbers, which do not name theirs
const TOO_SMALL = "too small to judge";

const isNumber = (value) => typeof value === "number";
const isPoint = (value) => Array.isArray(value) && value.length >= 2 && value.every(isNumber);
const isPoints = (value) => Array.isArray(value) && value.length > 0 && value.every(isPoint);
/** Cut, because 0.996 is not certain; the sum makes up for 0.29 * 100, which is less than 29. */
export const percent = (share) => `${Math.floor(share * 100 + 1e-6)} %`;

/** "age_gender" -> "Age gender". */
export function words(key) {
  const text = key.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function decimal(value) {
  return value.toFixed(Math.abs(value) < 10 ? 2 : 0);
}

/* One of several labels, and how sure of it the network is; where it is not sure enough, the server
 * says so. */
function label(key, text, { probability, unsure }) {
  if (!isNumber(probability)) return { short: text, value: text, isWord: true };
  const share = percent(probability);
  if (!unsure)
    return { short: `${text} ${share}`, value: text, note: `${share} likely`, isWord: true };
  const short = `${words(key).toLowerCase()} unsure`;
  return { short, value: "unsure", note: `${text} ${share}`, isWord: true };
}

/* {key, short: for a label, value, note, distribution, range} of one attribute; null for a form that
 * is not known. An attribute without `short` has no place in a label. */
function attribute(key, value, range) {
  if (isNumber(value) && key in UNITS) {
    const text = value.toFixed(0);
    const between = range ? `, ${range.low.toFixed(0)} to ${range.high.toFixed(0)} likely` : "";
    return { key, short: text, value: text, note: UNITS[key] + between, number: value, range };
  }
  if (isNumber(value))
    return { key, short: `${words(key).toLowerCase()} ${decimal(value)}`, value: decimal(value) };
  if (typeof value === "string") return { key, short: value, value, isWord: true };
  if (isPoints(value)) return { key, value: String(value.length), note: "points", points: value };
  if (typeof value !== "object" || !value) return null;
  if ("value" in value) {
    const text = isNumber(value.value) ? decimal(value.value) : String(value.value);
    return { key, ...label(key, text, value), distribution: value.distribution };
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

/** Those of a face, or of the object a picture has them in, in the order of the answer. */
export function attributes(owner) {
  return Object.entries(owner)
    .filter(([key]) => !GEOMETRY.has(key) && !key.endsWith("_range"))
    .map(([key, value]) => attribute(key, value, owner[`${key}_range`]))
    .filter(Boolean);
}

/** The points of its attributes, [x, y, ...] each, in pixels of the picture. */
export function points(face) {
  return attributes(face).flatMap((attribute) => attribute.points ?? []);
}

/** What a label says about a face, most telling first: words ("female 88 %"), then numbers ("29"). */
export function labelParts(face) {
  const known = attributes(face).filter(({ short }) => short);
  if (known.length && face.too_small) return [TOO_SMALL];
  return [...known.filter(({ isWord }) => isWord), ...known.filter(({ isWord }) => !isWord)].map(
    ({ short }) => short,
  );
}

/** A name and its value, of a list of class "facts". */
export function fact(name, value, note) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, note && el("small", {}, note)));
}

/** The attributes of a face or a picture, each as a fact; of a face with too few pixels none. */
export function facts(owner) {
  const known = attributes(owner);
  if (!known.length || !owner.too_small)
    return known.map(({ key, value, note }) => fact(words(key), value, note));
  const names = words(known.map(({ key }) => key).join(", "));
  return [fact(names, TOO_SMALL)];
}
