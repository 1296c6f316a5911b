// Classes, times and the answer itself, as sections of the results.

import { curl, formFile } from "./api.js";
import { copyButton, el, pretty } from "./dom.js";

const STAGES = [
  ["queue", "Queue"], ["decode", "Decode"], ["detect", "Detect"], ["align", "Align"],
  ["embed", "Embed"], ["age_gender", "Age, gender"], ["classify", "Classify"],
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
    return el("li", {}, el("span", {}, label ?? `class ${index}`),
              el("span", { class: "number" }, `${(score * 100).toFixed(1)} %`),
              el("span", { class: "track", "aria-hidden": "true" }, bar));
  });
  return card("What it shows", el("ol", { class: "bars" }, rows));
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;

/** Where the time went: stages of the server, and what the way there and back took. */
export function times({ result, stages, ms }) {
  const all = { ...stages, ...result.timing_ms };
  const parts = STAGES.filter(([name]) => all[name] >= SHOWN).map(([name, text]) => [name, text, all[name]]);
  const rest = ms - parts.reduce((sum, [, , value]) => sum + value, 0);
  if (rest >= SHOWN) parts.push(["network", "Network", rest]);
  const bar = el("div", { class: "stack", "aria-hidden": "true" }, parts.map(([name, , value]) => {
    const part = el("span", { class: `stage-${name}` });
    part.style.flexGrow = value;
    return part;
  }));
  const legend = parts.map(([name, text, value]) =>
    el("div", {}, el("dt", {}, el("i", { class: `swatch stage-${name}` }), text),
       el("dd", {}, milliseconds(value))));
  return card("Time", bar, el("dl", { class: "legend" }, legend),
              el("dl", { class: "legend totals" },
                 el("div", {}, el("dt", {}, "Server"),
                    el("dd", {}, milliseconds(result.timing_ms.total))),
                 el("div", {}, el("dt", {}, "Round trip"), el("dd", {}, milliseconds(ms)))));
}

/** The answer, to be taken away: as JSON and as the command that gives it. */
export function takeAway({ result, url, name }) {
  const command = () => curl(new URL(url, document.baseURI).href, { args: [["-F", formFile("file", name)]] });
  return card("Take it away",
              el("p", { class: "row" }, copyButton("Copy JSON", () => pretty(result)),
                 copyButton("Copy curl command", command)),
              el("details", {}, el("summary", {}, "JSON"),
                 el("pre", { tabindex: 0, id: "json" }, pretty(result))),
              el("details", {}, el("summary", {}, "curl"),
                 el("pre", { tabindex: 0, id: "curl" }, command())));
}
