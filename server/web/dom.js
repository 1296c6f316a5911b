// Making elements, and the few things pages do with text. No library: the pages are small, and
// what is served must work without a network.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

/** An HTML element. Attributes that begin with "on" are listeners; false and null leave one out. */
export function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/* What an element is called, so that the one that takes its place is known. */
function mark(node, parent) {
  if (node.id) return node.id;
  if (!node.name) return `${node.localName} ${node.textContent}`;
  return `${node.name} ${[...parent.querySelectorAll(`[name="${node.name}"]`)].indexOf(node)}`;
}

/** Replaces the children by others of the same kind: what was open stays open, and what had the
 * focus has it again. */
export function refill(parent, ...children) {
  const text = (summary) => summary.textContent;
  const open = new Set([...parent.querySelectorAll("details[open] > summary")].map(text));
  const { activeElement } = document;
  const focused = parent.contains(activeElement) ? mark(activeElement, parent) : null;
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const summary of parent.querySelectorAll("summary"))
    if (open.has(text(summary))) summary.parentElement.open = true;
  if (!focused) return;
  [...parent.querySelectorAll("button, input, summary, a, pre")]
    .find((node) => mark(node, parent) === focused)
    ?.focus({ preventScroll: true });
}

/** A share of 1 as a bar, an item of a list of class "bars"; text: the number beside it. */
export function barItem(name, share, text) {
  const bar = el("span", { class: "fill" });
  bar.style.width = `${share * 100}%`;
  return el(
    "li",
    {},
    el("span", {}, name),
    el("span", { class: "number" }, text),
    el("span", { class: "track", "aria-hidden": "true" }, bar),
  );
}

/** A message as a sentence: with a capital and a full stop. */
export function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}

/** JSON for reading: arrays of numbers stand in one line. */
export function pretty(value) {
  return JSON.stringify(value, null, 2).replace(
    /\[\s+([-\d.e,\s]+?)\s+\]/g,
    (_, numbers) => `[${numbers.replace(/\s+/g, " ")}]`,
  );
}

/** Puts text on the clipboard; false where neither way of doing so is allowed. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text); // only over HTTPS and on localhost
    return true;
  } catch {
    const area = el("textarea", { class: "unseen", readonly: true });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** A button that copies what text() gives and says for a moment that it did. */
export function copyButton(label, text) {
  const button = el("button", { type: "button", class: "button" }, label);
  button.addEventListener("click", async () => {
    const focused = document.activeElement;
    button.textContent = (await copy(text())) ? "Copied" : "Not allowed here";
    focused?.focus();
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}
