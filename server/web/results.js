// Classes, times and the answer itself, as sections of the results.

import { curl, formFile } from "./api.js";
import { distributions, facts, words } from "./attributes.js";
import { barItem, copyButton, el, pretty } from "./dom.js";

// Stages whose own name says too little.
const STAGES = { batch: "Waiting", age_gender: "Age, gender" };

const SHOWN = 0.05; // ms: a stage that took less is left out

export function card(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), children);
}

/** The classes as bars, best first. */
export function classes(list) {
  const rows = list.map(({ label, index, score }) => barItem(label ?? `class ${index}`, score, 1));
  return card("What it shows", el("ol", { class: "bars" }, rows));
}

/** What is known about the picture as a whole; null where that is nothing. */
export function wholePicture(attributes = {}) {
  const known = facts(attributes);
  if (!known.length) return null;
  return card(
    "The picture",
    el("dl", { class: "facts more" }, known),
    distributions(attributes),
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

/** The answer, to be taken away: as JSON and as the command that gives it. */
export function takeAway({ result, url, name }) {
  const command = () =>
    curl(new URL(url, document.baseURI).href, { args: [["-F", formFile("file", name)]] });
  return card(
    "Take it away",
    el(
      "p",
      { class: "row" },
      copyButton("Copy JSON", () => pretty(result)),
      copyButton("Copy curl command", command),
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
