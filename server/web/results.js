// Classes, times, failures and the answer itself, as sections of the results.

import { curl, formFile } from "./api.js";
import { facts, words } from "./attributes.js";
import { charts } from "./charts.js";
import { barItem, copyButton, el, pretty, sentence } from "./dom.js";
import { drawnPicture, entry, json, save, stem } from "./save.js";

// Stages whose own name says too little.
const STAGES = { batch: "Waiting", age_gender: "Age, gender" };

const SHOWN = 0.05; // ms: a stage that took less is left out

export function card(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), children);
}

/** {name: score} of the classes, best first: those with one label, as ImageNet's two cranes, are one
 * to whoever reads them. */
export function merged(list) {
  const scores = new Map();
  for (const { label, index, score } of list) {
    const name = label ?? `class ${index}`;
    scores.set(name, (scores.get(name) ?? 0) + score);
  }
  return new Map([...scores].sort(([, a], [, b]) => b - a));
}

/** The classes as bars, best first. */
export function classes(list) {
  const rows = [...merged(list)].map(([name, score]) =>
    barItem(name, score, `${(score * 100).toFixed(1)} %`),
  );
  return card("What it shows", el("ol", { class: "bars" }, rows));
}

/** What is known about the picture as a whole; null where that is nothing. */
export function wholePicture(attributes = {}) {
  const known = facts(attributes);
  if (!known.length) return null;
  return card(
    "The picture",
    el("dl", { class: "facts more" }, known),
    charts(attributes),
  );
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

/** How long each stage took, as bars of one scale: stages overlap, as a picture may wait for one
 * network while another looks at it. Then the server's total, and the way there and back. */
export function times({ result, stages, ms }) {
  const { total, ...own } = result.timing_ms;
  const all = { ...stages, ...own };
  const longest = Math.max(ms, ...Object.values(all));
  const row = (name, text, value) => {
    const bar = el("span", { class: `fill stage-${name}` });
    bar.style.width = `${(100 * value) / longest}%`;
    return el(
      "li",
      { class: name },
      el("span", {}, text),
      el("span", { class: "track", "aria-hidden": "true" }, bar),
      el("span", { class: "number" }, milliseconds(value)),
    );
  };
  const ran = ["queue", ...Object.keys(own)].filter((name) => all[name] >= SHOWN);
  return card(
    "Time",
    el(
      "ol",
      { class: "times" },
      ran.map((name) => row(name, STAGES[name] ?? words(name), all[name])),
      row("total", "On the server", total),
      row("total", "Round trip", ms),
    ),
  );
}

/** A failure, and a way to try again: again(all). count: how many pictures failed. */
export function failure(error, count, again) {
  const button = (label, all) =>
    el("button", { type: "button", class: "button", onclick: () => again(all) }, label);
  return el(
    "div",
    { class: "card bad" },
    el("p", {}, sentence(error.message)),
    el(
      "p",
      { class: "row" },
      button("Try again", false),
      count > 1 && button(`Try all ${count} again`, true),
    ),
  );
}

/* What is saved as a file: of this picture, and of all that are answered. */
function saveButtons(picture, pictures) {
  const button = (label, onclick) =>
    el("button", { type: "button", class: "button", onclick }, label);
  const name = stem(picture.name);
  const all = () => pictures.filter(({ status }) => status === "done" || status === "failed");
  return [
    picture.image.source &&
      button("Save picture", async () =>
        save(await drawnPicture(picture), `${name}-faces.png`),
      ),
    button("Save JSON", () => save(json(entry(picture)), `${name}.json`)),
    pictures.length > 1 &&
      button("Save all JSON", () => save(json(all().map(entry)), "mien.json")),
  ];
}

/** The answer, to be taken away: as files, as JSON and as the command that gives it. */
export function takeAway(picture, pictures) {
  const { result, url, name, sentAs } = picture.answer;
  const command = () =>
    curl(new URL(url, document.baseURI).href, { args: [["-F", formFile("file", name)]] });
  return card(
    "Take it away",
    el(
      "p",
      { class: "row" },
      saveButtons(picture, pictures),
      copyButton("Copy JSON", () => pretty(result)),
      copyButton("Copy curl command", command),
    ),
    sentAs &&
      el(
        "p",
        { class: "hint" },
        `The picture is larger than this server takes; it was sent at ${sentAs.width} × ` +
          `${sentAs.height}, and the numbers are those of the original.`,
      ),
    el(
      "details",
      {},
      el("summary", {}, "JSON"),
      el("pre", { tabindex: 0, id: "json" }, pretty(result)),
    ),
    el("details", {}, el("summary", {}, "curl"), el("pre", { tabindex: 0, id: "curl" }, command())),
  );
}
