// The picture on the page: as large as there is room for, or closer. It is enlarged by the wheel, by
// two fingers, by a double click, by buttons and keys, and then moved by whatever drags it.

import { drawFaces } from "./overlay.js";

const CLOSEST = 16; // times the size at which the whole picture fits
const STEP = 1.5; // of a button or key
const CLOSER = 2.5; // of a double click
const FACE_SHARE = 0.5; // of the stage, that a face one looks at takes up
const SLOP = 5; // CSS pixels a pointer may move and still click
const DOUBLE = { ms: 400, distance: 30 }; // what makes two clicks, or taps, one double click

const $ = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.max(low, Math.min(value, high));

/* x, y: the point of the picture in the middle of the stage, as shares of its sides. */
const view = { zoom: 1, x: 0.5, y: 0.5 };
let shown = null; // {result, picked, pick} of the faces that are drawn
let drawnFor = ""; // the size of the picture they were drawn for

/* Where the picture begins along one side of the stage, and which of its points is in the middle:
 * it has no gap beside it where it could fill the room. */
function along(share, size, room) {
  if (size <= room) return { start: (room - size) / 2, share: 0.5 };
  const start = clamp(room / 2 - share * size, room - size, 0);
  return { start, share: (room / 2 - start) / size };
}

/* Of the picture in the stage, in CSS pixels. */
function place() {
  const stage = $("stage");
  const frame = $("frame");
  const width = frame.clientWidth * view.zoom;
  const height = frame.clientHeight * view.zoom;
  const x = along(view.x, width, stage.clientWidth);
  const y = along(view.y, height, stage.clientHeight);
  [view.x, view.y] = [x.share, y.share];
  return { left: x.start, top: y.start, width, height };
}

function layout() {
  const { left, top, width, height } = place();
  const sheet = $("sheet").style;
  sheet.left = `${left - $("frame").offsetLeft}px`;
  sheet.top = `${top - $("frame").offsetTop}px`;
  sheet.width = `${width}px`;
  sheet.height = `${height}px`;
  $("stage").classList.toggle("zoomed", view.zoom > 1);
  if (drawnFor !== `${width} ${height}`) draw();
}

function draw() {
  drawnFor = `${$("sheet").clientWidth} ${$("sheet").clientHeight}`;
  if (shown) drawFaces($("overlay"), shown.result, shown.picked, shown.pick);
  else $("overlay").replaceChildren();
}

/** Draws the faces of a result: {result, picked, pick}; null where there is none. */
export function showFaces(faces) {
  shown = faces;
  draw();
}

/** Gives the stage a picture of these proportions, all of it to be seen. */
export function fitPicture(ratio) {
  $("frame").style.setProperty("--ratio", ratio);
  fit();
}

/** Shows all of the picture. */
export function fit() {
  Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 });
  layout();
}

/* The point at x, y of the stage stays where it is. */
function zoomAt(factor, x, y) {
  const { left, top, width, height } = place();
  const zoom = clamp(view.zoom * factor, 1, CLOSEST);
  const grown = zoom / view.zoom;
  const start = [x - (x - left) * grown, y - (y - top) * grown];
  view.zoom = zoom;
  view.x = ($("stage").clientWidth / 2 - start[0]) / (width * grown);
  view.y = ($("stage").clientHeight / 2 - start[1]) / (height * grown);
  layout();
}

/** Comes closer to the middle of the stage, or goes away from it where steps are negative. */
export function zoomBy(steps) {
  zoomAt(STEP ** steps, $("stage").clientWidth / 2, $("stage").clientHeight / 2);
}

/** Moves what is seen by CSS pixels. */
export function pan(dx, dy) {
  const { width, height } = place();
  view.x -= dx / width;
  view.y -= dy / height;
  layout();
}

function centre({ box: [x1, y1, x2, y2] }, { width, height }) {
  view.x = (x1 + x2) / 2 / width;
  view.y = (y1 + y2) / 2 / height;
}

/** Shows a face of the result as large as one looks at it. */
export function zoomToFace(face, result) {
  const [x1, y1, x2, y2] = face.box;
  const scale = $("frame").clientWidth / result.width;
  const room = [$("stage").clientWidth, $("stage").clientHeight];
  const zoom = Math.min(room[0] / (x2 - x1), room[1] / (y2 - y1)) / scale;
  view.zoom = clamp(zoom * FACE_SHARE, 1, CLOSEST);
  centre(face, result);
  layout();
}

/** Moves a face into sight where the picture is enlarged and the face lies beside the stage. */
export function reveal(face, result) {
  if (view.zoom === 1) return;
  const { left, top, width, height } = place();
  const [x1, y1, x2, y2] = face.box.map((v, i) =>
    i % 2 ? top + (v / result.height) * height : left + (v / result.width) * width,
  );
  const stage = $("stage");
  if (x1 >= 0 && y1 >= 0 && x2 <= stage.clientWidth && y2 <= stage.clientHeight) return;
  centre(face, result);
  layout();
}

/* Of an event, in the stage. */
function point(event) {
  const { left, top } = $("stage").getBoundingClientRect();
  return [event.clientX - left - $("stage").clientLeft, event.clientY - top - $("stage").clientTop];
}

function onWheel(event) {
  const isOut = event.deltaY > 0;
  if (isOut && view.zoom === 1 && !event.ctrlKey) return; // the page scrolls
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 32);
  zoomAt(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), ...point(event)); // ctrl: a touchpad
}

function toggle(event) {
  if (view.zoom > 1) fit();
  else zoomAt(CLOSER, ...point(event));
}

const distance = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);
const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];

const pointers = new Map(); // those that are down, and where
let hasMoved = false; // since the first came down: its end is no click
let from = null; // where that was
let lastUp = { time: -Infinity, at: [0, 0] };

function onDown(event) {
  if (event.button !== 0 || event.target.closest("button")) return;
  pointers.set(event.pointerId, point(event));
  hasMoved = pointers.size > 1;
  if (pointers.size === 1) from = point(event);
}

function onMove(event) {
  if (!pointers.has(event.pointerId)) return;
  const before = [...pointers.values()];
  pointers.set(event.pointerId, point(event));
  const now = [...pointers.values()];
  if (now.length === 2) {
    zoomAt(distance(...now) / distance(...before), ...middle(...before));
    const [[ax, ay], [bx, by]] = [middle(...before), middle(...now)];
    pan(bx - ax, by - ay);
  } else if (view.zoom > 1 && (hasMoved || distance(from, now[0]) > SLOP)) {
    hasMoved = true;
    $("stage").setPointerCapture(event.pointerId); // it may leave the stage
    pan(now[0][0] - before[0][0], now[0][1] - before[0][1]);
  }
}

/* Double clicks are told from single ones here: browsers have none for some fingers, nor where the
 * first click replaced what the second one meets, as picking a face does. */
function onUp(event) {
  if (!pointers.delete(event.pointerId) || event.type === "pointercancel" || hasMoved) return;
  const at = point(event);
  const isSecond =
    event.timeStamp - lastUp.time < DOUBLE.ms && distance(at, lastUp.at) < DOUBLE.distance;
  lastUp = { time: isSecond ? -Infinity : event.timeStamp, at };
  if (isSecond) toggle(event);
}

/** Listens to what the stage is zoomed and moved by. */
export function startStage() {
  const stage = $("stage");
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("pointerdown", onDown);
  stage.addEventListener("pointermove", onMove);
  for (const type of ["pointerup", "pointercancel"]) stage.addEventListener(type, onUp);
  stage.addEventListener("click", (event) => hasMoved && event.stopPropagation(), true);
  // One finger scrolls the page as long as all of the picture is seen; two never do.
  stage.addEventListener(
    "touchmove",
    (event) => {
      if (event.cancelable && (event.touches.length > 1 || view.zoom > 1)) event.preventDefault();
    },
    { passive: false },
  );
  const observer = new ResizeObserver(layout);
  observer.observe(stage);
  observer.observe($("frame"));
}
