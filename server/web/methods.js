// By which networks faces are told, and what is told of them: the switch between one network for all
// and one for each, and what is told only where somebody asks for it.

import { el } from "./dom.js";

const METHODS = {
  joint: ["Joint", "one network for all"],
  separate: ["Separate", "a network for each"],
};

// Of what can harm: shown where it is switched on, and where it is told.
const NOTES = {
  race:
    "A guess at how others would label a face, not where somebody comes from; it is wrong more " +
    "often for some people than for others. The law of many places forbids or restricts sorting " +
    "people by it (in the EU Regulation 2024/1689). Decide about nobody by it.",
  emotion:
    "Which expression a face shows, not what somebody feels. At work and in schools the law of " +
    "the EU forbids it (Regulation 2024/1689). Decide about nobody by it.",
};

const told = (about) => (about?.networks ?? []).filter(({ attributes }) => attributes);

/** The networks of /v1/status that tell of faces by this method. */
export function networksOf(about, method) {
  return told(about).filter((network) => !network.method || network.method === method);
}

/** The methods this server has, of which there may be none. */
export function methodsOf(about) {
  const there = new Set(told(about).map(({ method }) => method));
  return Object.keys(METHODS).filter((method) => there.has(method));
}

/** The other one's answer to a picture, if it was had: {method, face} of face `index`. */
export function otherFace({ answer, answers }, index) {
  const { box } = answer.result.faces[index];
  for (const [method, other] of Object.entries(answers)) {
    const face = other === answer ? null : other.result?.faces[index];
    if (face && String(face.box) === String(box)) return { method, face };
  }
  return null;
}

/** The switch: radio buttons. state: {method: the chosen one, isWaiting, error}. */
export function methodSwitch(about, { method, isWaiting, error }, choose) {
  const there = methodsOf(about);
  if (there.length < 2) return null;
  const option = (name) =>
    el(
      "label",
      {},
      el("input", {
        type: "radio",
        name: "method",
        class: "unseen",
        value: name,
        checked: name === method,
        onchange: () => choose(name),
      }),
      METHODS[name][0],
    );
  return el(
    "fieldset",
    { id: "method", "aria-busy": String(isWaiting) },
    el("legend", { class: "unseen" }, "Networks"),
    el("span", { class: "switch" }, there.map(option)),
    el("span", { class: "hint" }, isWaiting ? "asking …" : METHODS[method][1]),
    error && el("p", { class: "hint bad", role: "alert" }, error),
  );
}

/** What the thin marks are; null where there are none. */
export function legend(other) {
  if (!other) return null;
  const [name, what] = METHODS[other.method];
  const sample = el("span", { class: "mark", "aria-hidden": "true" });
  return el("p", { class: "hint marks" }, sample, `What ${name.toLowerCase()} tells: ${what}`);
}

/** What is to be known about what is told of a face. */
export function notes(face) {
  return Object.entries(NOTES)
    .filter(([key]) => face[key] && !face.too_small)
    .map(([key, note]) => el("p", { class: "hint note", "data-of": key }, note));
}

/* [name, ...] of all that this server's networks tell, each once. */
function names(about, isTold) {
  const all = told(about).flatMap(({ attributes }) => attributes);
  const wanted = new Set(all.filter((a) => a.told === isTold).map(({ name }) => name));
  return [...wanted];
}

/** Check boxes for what is told only on request; changed() is called after each change. */
export function requests(about, changed) {
  return names(about, false).map((name) =>
    el(
      "div",
      { class: "request" },
      el(
        "label",
        {},
        el("input", { type: "checkbox", name: "attribute", value: name, onchange: changed }),
        `Tell ${name.replaceAll("_", " ")}, too`,
      ),
      NOTES[name] && el("p", { class: "hint" }, NOTES[name]),
    ),
  );
}

/** The parameter `attributes` for what is ticked beside what is told anyway; "" where nothing is. */
export function requested(about) {
  const ticked = [...document.querySelectorAll("input[name=attribute]:checked")];
  if (!ticked.length) return "";
  return [...names(about, true), ...ticked.map(({ value }) => value)].join(",");
}
