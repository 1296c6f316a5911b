// What is told of a face, drawn: how likely each label is as bars, a number with its interval on a
// scale. What the networks of the other method tell is a thin mark across each.

import { attributes, percent, words } from "./attributes.js";
import { barItem, el } from "./dom.js";

const TICK = 20; // of a scale, in its unit

const plain = (label) => label.replaceAll("_", " ");
const share = (value) => (value > 0 && value < 0.01 ? "< 1 %" : percent(value));

function placed(node, { left, width }) {
  node.style.left = `${left * 100}%`;
  if (width !== undefined) node.style.width = `${width * 100}%`;
  return node;
}

const mark = (left) =>
  left === undefined ? null : placed(el("span", { class: "mark" }), { left });

/* Two labels share one bar: where they meet says how likely each is; the likelier one's is full. */
function balance({ distribution }, other) {
  const [[first, left], [second, right]] = Object.entries(distribution);
  const part = left < right ? { left, width: right } : { left: 0, width: left };
  const bar = placed(el("span", { class: "fill" }), part);
  return el(
    "div",
    { class: "balance" },
    el("span", {}, `${plain(first)} ${share(left)}`),
    el("span", {}, `${plain(second)} ${share(right)}`),
    el("span", { class: "track", "aria-hidden": "true" }, bar, mark(other?.distribution?.[first])),
  );
}

function bars({ distribution }, other) {
  const rows = Object.entries(distribution).sort(([, a], [, b]) => b - a);
  return el(
    "ol",
    { class: "bars" },
    rows.map(([label, value]) => {
      const item = barItem(plain(label), value, share(value));
      item.querySelector(".track").append(mark(other?.distribution?.[label]) ?? "");
      return item;
    }),
  );
}

/* [[from, to, share], ...] of groups called "20-29", and "70+" the last, which is as wide as the two
 * before it. */
function groups(distribution = {}) {
  const all = Object.entries(distribution).map(([label, value]) => [parseFloat(label), value]);
  const width = (i) => all[i][0] - (all[i - 1]?.[0] ?? 0);
  return all.map(([from, value], i) => {
    const to = all[i + 1]?.[0] ?? from + width(i) + (i > 1 ? width(i - 1) : width(i));
    return [from, to, value];
  });
}

/* A number between the ends of what it is likely to be, over the shares of its groups. */
function scale({ number, range }, other) {
  const columns = groups(range.distribution);
  const end = Math.max(range.high, number, other?.number ?? 0, ...columns.map(([, to]) => to));
  const at = (value) => Math.max(0, value) / end;
  const most = Math.max(...columns.map(([, , value]) => value));
  const column = ([from, to, value]) => {
    const node = el("span", { class: "group" });
    node.style.height = `${(100 * value) / most}%`;
    return placed(node, { left: at(from), width: at(to) - at(from) });
  };
  const ticks = [];
  for (let value = 0; value <= end; value += TICK)
    ticks.push(placed(el("span", {}, String(value)), { left: at(value) }));
  const band = { left: at(range.low), width: at(range.high) - at(range.low) };
  return el(
    "div",
    { class: "scale" },
    el("p", {}, number.toFixed(0), el("small", {}, likely(range))),
    el(
      "div",
      { class: "plot", "aria-hidden": "true" },
      el("div", { class: "groups" }, columns.map(column)),
      placed(el("span", { class: "band" }), band),
      mark(other && at(other.number)),
      placed(el("span", { class: "point" }), { left: at(number) }),
      el("div", { class: "ticks" }, ticks),
    ),
  );
}

function likely({ low, high, interval }) {
  return `${low.toFixed(0)} to ${high.toFixed(0)} in ${Math.round(interval * 100)} of 100 cases`;
}

function drawing(attribute, other) {
  if (attribute.range) return scale(attribute, other);
  const labels = Object.keys(attribute.distribution ?? {}).length;
  if (labels === 2) return balance(attribute, other);
  return labels > 2 ? bars(attribute, other) : null;
}

/** Sections of what of a face, or of a picture, can be drawn; other: the same face as the other
 * method tells it, or undefined. */
export function charts(owner, other = {}) {
  if (owner.too_small) return [];
  const others = new Map(attributes(other).map((attribute) => [attribute.key, attribute]));
  return attributes(owner).flatMap((attribute) => {
    const { key } = attribute;
    const drawn = drawing(attribute, others.get(key));
    if (!drawn) return [];
    return el("section", { class: "distribution", "data-of": key }, el("h3", {}, words(key)), drawn);
  });
}
