// Classes, times and the answer itself, as sections of the results.

import { curl, formFile } from "./api.js";
import { copyButton, el, pretty } from "./dom.js";

const STAGES = [
  ["queue", "Queue"],
  ["decode", "Decode"],
  ["batch", "Batching"],
  ["detect", "Detect"],
  ["align", "Align"],
  ["embed", "Embed"],
  ["age_gender", "Age, gender"],
  ["classify", "Classify"],
];

const SHOWN = 0.05; // ms: a stage that took less is left out

export function card(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), children);
}

/** The classes as bars, best first. */
export function classes(list) {
  const rows = list.map(({ label, index, score }) => {
    const bar = el("span", { class: "fill" });
    bar.style.width = `${score * 100}%`;
    return el(
      "li",
      {},
      el("span", {}, label ?? `class ${index}`),
      el("span", { class: "number" }, `${(score * 100).toFixed(1)} %`),
      el("span", { class: "track", "aria-hidden": "true" }, bar),
    );
  });
  return card("What it shows", el("ol", { class: "bars" }, rows));
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

function entry(name, value, swatch) {
  return el("div", {}, el("dt", {}, swatch, name), el("dd", {}, milliseconds(value)));
}

/** Where the time went: the server's stages, which may overlap, and the way there and back. */
export function times({ result, stages, ms }) {
  const all = { ...stages, ...result.timing_ms };
  const parts = STAGES.filter(([name]) => all[name] >= SHOWN).map(([name, text]) => {
    return { name, text, value: all[name] };
  });
  const sum = parts.reduce((total, { value }) => total + value, 0);
  if (ms - sum >= SHOWN) parts.push({ name: "network", text: "Network", value: ms - sum });
  const bar = parts.map(({ name, value }) => {
    const part = el("span", { class: `stage-${name}` });
    part.style.flexGrow = value;
    return part;
  });
  const legend = parts.map(({ name, text, value }) =>
    entry(text, value, el("i", { class: `swatch stage-${name}` })),
  );
  const totals = [entry("All stages", sum), entry("Round trip", ms)];
  return card(
    "Time",
    el("div", { class: "stack", "aria-hidden": "true" }, bar),
    el("dl", { class: "legend" }, legend),
    el("dl", { class: "legend totals" }, totals),
    sum > ms && el("p", { class: "hint" }, "Some stages ran at the same time."),
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
