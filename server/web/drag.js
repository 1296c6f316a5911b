// Cards that are dragged onto each other, by a mouse or by a finger that has rested on one: the
// browser's own dragging knows no fingers.

const SLOP = 6; // CSS pixels a mouse moves before it drags
const REST = 350; // ms a finger rests before it does
const EDGE = 60; // CSS pixels from the window's ends, where it scrolls
const SPEED = 12; // CSS pixels a frame there

const CARD = "[data-person]";

let held = null; // {card, x, y, pointer, timer}: what is pressed
let drag = null; // {card, ghost, target, x, y}: what is dragged

function cardAt(x, y) {
  return document.elementFromPoint(x, y)?.closest(CARD) ?? null;
}

function aim(x, y) {
  Object.assign(drag, { x, y });
  drag.ghost.style.transform = `translate(${x}px, ${y}px) translate(-35%, -85%) scale(.7)`;
  const found = cardAt(x, y);
  const target = found && found.dataset.person !== drag.card.dataset.person ? found : null;
  if (target === drag.target) return;
  drag.target?.classList.remove("target");
  target?.classList.add("target");
  drag.target = target;
}

/* The page goes along where a card is held at its end. */
function scroll() {
  if (!drag) return;
  const below = drag.y - (innerHeight - EDGE);
  const above = EDGE - (drag.y - 56);
  if (below > 0) scrollBy(0, SPEED);
  else if (above > 0) scrollBy(0, -SPEED);
  if (below > 0 || above > 0) aim(drag.x, drag.y);
  requestAnimationFrame(scroll);
}

function begin() {
  const { card, x, y } = held;
  const ghost = card.querySelector(".portrait").cloneNode(true);
  ghost.classList.add("ghost");
  document.body.append(ghost);
  document.body.classList.add("dragging");
  card.classList.add("lifted");
  drag = { card, ghost, target: null };
  aim(x, y);
  requestAnimationFrame(scroll);
}

function end() {
  clearTimeout(held?.timer);
  held = null;
  if (!drag) return null;
  const { card, target, ghost } = drag;
  ghost.remove();
  card.classList.remove("lifted");
  target?.classList.remove("target");
  document.body.classList.remove("dragging");
  drag = null;
  return target && { from: card.dataset.person, into: target.dataset.person };
}

function onDown(event) {
  const card = event.target.closest(CARD);
  if (!card || event.button !== 0 || event.target.closest("input")) return;
  end();
  held = { card, x: event.clientX, y: event.clientY, pointer: event.pointerId };
  if (event.pointerType === "touch") held.timer = setTimeout(begin, REST);
}

function onMove(event) {
  if (event.pointerId !== held?.pointer) return;
  const { clientX: x, clientY: y } = event;
  if (drag) {
    aim(x, y);
    return;
  }
  if (Math.hypot(x - held.x, y - held.y) <= SLOP) return;
  if (event.pointerType === "touch") end();
  else begin();
  if (drag) aim(x, y);
}

/** Lets the cards in `root` be dragged onto each other: merge({from, into}), ids of persons. */
export function startDragging(root, merge) {
  let wasDragged = false;
  root.addEventListener("pointerdown", onDown);
  addEventListener("pointermove", onMove);
  addEventListener("pointerup", () => {
    wasDragged = Boolean(drag);
    const pair = end();
    if (pair) merge(pair);
    setTimeout(() => (wasDragged = false)); // a click, where there is one, comes before that
  });
  addEventListener("pointercancel", end);
  addEventListener("blur", end);
  addEventListener("keydown", (event) => event.key === "Escape" && end());
  root.addEventListener("contextmenu", (event) => drag && event.preventDefault());
  root.addEventListener("dragstart", (event) => event.preventDefault());
  root.addEventListener(
    "click",
    (event) => {
      if (!wasDragged) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
  // A finger that drags does not scroll.
  root.addEventListener("touchmove", (event) => drag && event.preventDefault(), { passive: false });
}
