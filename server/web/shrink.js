// Pictures that are larger than the server takes them are made smaller before they are sent, and
// what comes back is mapped to the pixels of the original.

const QUALITY = 0.92;
const STEP = 0.8; // of each side, as long as the file is too large
const STEPS = 12;

const rounded = (value) => Math.round(value * 1000) / 1000; // as the server writes coordinates

async function scaled(image, factor) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(image.naturalWidth * factor));
  canvas.height = Math.max(1, Math.floor(image.naturalHeight * factor));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // as the server sees what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}

/** What to send of a picture: its file, or a smaller one where that is over a limit. image: as the
 * browser decoded it, or null; limits: those of /v1/status, or undefined. */
export async function fitting(file, image, limits) {
  if (!image || !limits) return file;
  const pixels = image.naturalWidth * image.naturalHeight;
  let factor = Math.min(1, Math.sqrt((limits.megapixels * 1e6) / pixels));
  if (factor === 1 && file.size <= limits.bytes) return file;
  for (let step = 0; step < STEPS; step++, factor *= STEP) {
    const smaller = await scaled(image, factor);
    if (smaller && smaller.size <= limits.bytes) return smaller;
  }
  return file; // and the server says what is wrong with it
}

/** The same result in the pixels of a picture of another size. */
export function mapped(result, width, height) {
  const scale = [width / result.width, height / result.height];
  const point = (values) => values.map((value, i) => rounded(value * scale[i % 2]));
  const faces = result.faces.map((face) => ({
    ...face,
    box: point(face.box),
    landmarks: face.landmarks.map(point),
  }));
  return { ...result, width, height, faces };
}
