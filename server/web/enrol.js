// Pictures that become faces of a person: one request each, two at a time; those that are refused are
// shown with the reason, and can be added all the same.

import { el, sentence } from "./dom.js";
import { enrol, prepared, recorded } from "./gallery.js";
import { done } from "./history.js";
import { called, faces } from "./portraits.js";
import { openDialog, refillDialog, toast } from "./toast.js";

const AT_ONCE = 2;

// What the gate says, for people; the server's own sentence comes first where it has one.
const REASONS = {
  no_face: "No face was found.",
  several_faces: "There are several faces.",
  too_small: "The face is too small.",
  blurred: "The face is blurred.",
  dark: "The face is too dark.",
  extreme_pose: "The face looks away.",
  cut_off: "The face is cut off.",
  not_like_others: "The face is unlike this person’s others.",
  like_another: "The face is very like somebody else’s.",
};

/** Why a picture was refused. */
export function reason({ error, reasons = [] }) {
  return error
    ? sentence(error)
    : reasons.map((code) => REASONS[code] ?? code).join(" ") || "Refused.";
}

const canForce = ({ reasons = [], outcome }) =>
  outcome === "refused" && reasons.length > 0 && !reasons.includes("no_face");

async function one(person, picture, isForced) {
  try {
    return await enrol(person.person, picture, isForced);
  } catch (error) {
    return { outcome: "refused", reasons: [], error: error.message };
  }
}

/* The pictures that were refused, each with why and with what can be done about it. */
function showRefused(person, refused, changed) {
  const dialog = document.getElementById("refused");
  const row = ({ picture, answer }) => {
    const item = el(
      "li",
      {},
      picture.image ? el("img", { src: picture.blob, alt: "" }) : el("span", { class: "blank" }),
      el("div", {}, el("strong", {}, picture.name), el("p", { class: "hint" }, reason(answer))),
    );
    const anyway = async ({ target }) => {
      target.disabled = true;
      let again = null;
      const events = await recorded(person.person, async () => {
        again = await one(person, picture, true);
      });
      if (again.outcome === "refused") {
        item.querySelector("p").textContent = reason(again);
        target.disabled = false;
        return;
      }
      item.remove();
      if (!dialog.querySelector("li")) dialog.close();
      done(`1 face added to ${called(person)}, by force`, events);
      await changed();
    };
    if (canForce(answer))
      item.append(el("button", { type: "button", class: "button", onclick: anyway }, "Add anyway"));
    return item;
  };
  refillDialog(
    dialog,
    el("h2", { id: "refused-title" }, `Not added to ${called(person)}`),
    el("ul", {}, refused.map(row)),
    el(
      "form",
      { method: "dialog", class: "row" },
      el("button", { class: "button primary", autofocus: true }, "Close"),
    ),
  );
  openDialog(dialog);
  const forget = () => refused.forEach(({ picture }) => URL.revokeObjectURL(picture.blob));
  dialog.addEventListener("close", forget, { once: true });
}

function summary(person, answers) {
  const count = (outcome) => answers.filter((answer) => answer.outcome === outcome).length;
  const parts = [];
  if (count("enrolled")) parts.push(`${faces(count("enrolled"))} added to ${called(person)}`);
  if (count("known"))
    parts.push(`${count("known")} ${count("known") === 1 ? "was" : "were"} there already`);
  if (count("refused")) parts.push(`${count("refused")} refused`);
  return parts.join(", ");
}

/** Adds files to a person, isNew: who was made for that, and goes when it is undone; changed() is
 * told when it is done. */
export async function addPictures(person, isNew, files, changed) {
  const all = [...files];
  const answers = [];
  const refused = [];
  let next = 0;
  const of = all.length === 1 ? "1 picture" : `${all.length} pictures`;
  const say = () => toast(`Adding to ${called(person)}: ${answers.length} of ${of}…`);
  async function work() {
    while (next < all.length) {
      const picture = await prepared(all[next++]);
      const answer = await one(person, picture, false);
      answers.push(answer);
      if (answer.outcome === "refused") refused.push({ picture, answer });
      else URL.revokeObjectURL(picture.blob);
      say();
    }
  }
  async function workers() {
    say();
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return person.person;
  }
  const events = await recorded(isNew ? null : person.person, workers);
  await changed();
  if (refused.length) showRefused(person, refused, changed);
  done(
    summary(person, answers),
    answers.some(({ outcome }) => outcome === "enrolled") || isNew ? events : [],
  );
}
