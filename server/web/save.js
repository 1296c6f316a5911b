// Files to be saved: the picture with its faces drawn on it, and results as JSON.

import { labelText } from "./overlay.js";
import { pretty } from "./dom.js";

const MOST_PIXELS = 64e6; // of a canvas; larger pictures are drawn smaller
const ACCENT = "#5fe3cf";

/** Has the browser save a blob under a name. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** "holiday.jpg" -> "holiday". */
export function stem(name) {
  return name.replace(/\.[^.]*$/, "") || name;
}

/** Results as a file: {file, ...} as the tool prints them, or a list of those. */
export function json(value) {
  return new Blob([pretty(value), "\n"], { type: "application/json" });
}

/** What the tool would print of a picture. */
export function entry({ name, answer, error }) {
  return answer ? { file: name, ...answer.result } : { file: name, error: error?.message ?? null };
}

function drawLabel(context, text, [x1, y1], unit) {
  const height = 20 * unit;
  context.font = `600 ${13 * unit}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 14 * unit;
  const left = Math.max(0, Math.min(x1, context.canvas.width - width));
  const top = y1 >= height + 2 * unit ? y1 - height - 2 * unit : y1 + 3 * unit;
  context.fillStyle = "rgb(8 14 13 / 78%)";
  context.beginPath();
  context.roundRect(left, top, width, height, 4 * unit);
  context.fill();
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, left + 7 * unit, top + height / 2);
}

function drawFace(context, face, scale, unit) {
  const [x1, y1, x2, y2] = face.box.map((v) => v * scale);
  for (const [style, width] of [
    ["rgb(0 0 0 / 45%)", 5],
    [ACCENT, 2.5],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = width * unit;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  context.fillStyle = ACCENT;
  for (const [x, y] of face.landmarks) {
    context.beginPath();
    context.arc(x * scale, y * scale, Math.min(3 * unit, (x2 - x1) / 14), 0, 2 * Math.PI);
    context.fill();
  }
}

/** The picture with boxes, landmarks and labels, as a PNG. Labels lie over all boxes, and those of
 * large faces over those of small ones. */
export async function drawnPicture({ image: { source }, answer: { result } }) {
  const pixels = source.naturalWidth * source.naturalHeight;
  const size = Math.min(1, Math.sqrt(MOST_PIXELS / pixels));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(source.naturalWidth * size);
  canvas.height = Math.round(source.naturalHeight * size);
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const scale = canvas.width / result.width;
  const unit = Math.max(1, Math.max(canvas.width, canvas.height) / 1000);
  for (const face of result.faces) drawFace(context, face, scale, unit);
  [...result.faces.entries()]
    .sort(([, a], [, b]) => a.box[2] - a.box[0] - (b.box[2] - b.box[0]))
    .forEach(([index, face]) =>
      drawLabel(context, labelText(face, index), face.box.map((v) => v * scale), unit),
    );
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
