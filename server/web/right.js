// How often what is told of a face is right: of all people the networks were tried on, and of those
// like this one, by the figures that /v1/status has of each network.

import { attributes, words } from "./attributes.js";
import { el } from "./dom.js";

const Z = 1.96; // of 95 %

/* The ends of the 95 % interval of a share of n (Wilson), in percent. */
function interval({ accuracy, n }) {
  const p = accuracy / 100;
  const middle = (p + (Z * Z) / (2 * n)) / (1 + (Z * Z) / n);
  const half = (Z / (1 + (Z * Z) / n)) * Math.sqrt((p * (1 - p)) / n + (Z * Z) / (4 * n * n));
  return [100 * (middle - half), 100 * (middle + half)];
}

/* The label of an attribute, where the networks are sure enough of one. */
function certain(face, key) {
  const told = face[key];
  return told && !told.unsure ? told.value : undefined;
}

/* The groups are called "RACE GENDER". Those this face is counted among, as one; null where nothing
 * is known of it, or nobody like it was among the pictures. */
function like(groups, { race, gender }) {
  const isLike = (name) =>
    (!race || name.startsWith(`${race} `)) && (!gender || name.endsWith(` ${gender}`));
  const those = Object.entries(groups ?? {}).filter(([name]) => isLike(name));
  const n = those.reduce((sum, [, group]) => sum + group.n, 0);
  if ((!race && !gender) || !n) return null;
  return { n, accuracy: those.reduce((sum, [, g]) => sum + g.n * g.accuracy, 0) / n };
}

function cell(figures) {
  if (!figures) return el("td", {}, "–");
  const [low, high] = interval(figures).map((value) => value.toFixed(0));
  return el("td", {}, `${figures.accuracy.toFixed(0)} %`, el("small", {}, `${low} to ${high}`));
}

/** A section about those of a face's attributes that were measured; null where none was. networks:
 * those of /v1/status that told them. */
export function howOften(face, networks) {
  if (face.too_small) return null;
  const figures = new Map(
    networks.flatMap((network) => network.attributes ?? []).map((a) => [a.name, a.measured]),
  );
  const rows = attributes(face).filter(({ key }) => figures.get(key));
  if (!rows.length) return null;
  const labels = { race: certain(face, "race"), gender: certain(face, "gender") };
  const who = Object.values(labels).filter(Boolean).join(" ").replaceAll("_", " ");
  const row = ({ key, range }) => {
    const measured = figures.get(key);
    return el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        range ? `${words(key)} group` : words(key),
        measured.within_one && el("small", {}, `or the next: ${measured.within_one.toFixed(0)} %`),
      ),
      cell(measured),
      who && cell(like(measured.groups, labels)),
    );
  };
  const { n, data } = figures.get(rows[0].key);
  return el(
    "section",
    { id: "right" },
    el("h3", {}, "How often is this right?"),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("td"),
          el("th", { scope: "col" }, "Of everybody"),
          who && el("th", { scope: "col" }, `Of those labelled ${who}`),
        ),
      ),
      el("tbody", {}, rows.map(row)),
    ),
    el(
      "p",
      { class: "hint" },
      `On ${n} pictures (${data}), by the labels strangers gave them; in small type how far ` +
        "chance alone could move it.",
    ),
  );
}
