// A photo by a camera of this computer. Telephones have a better one of their own behind the file
// input; browsers lend theirs only to pages of this machine or over HTTPS.

import { sentence } from "./dom.js";

const REASONS = {
  NotAllowedError: "the browser does not allow the camera",
  NotFoundError: "no camera was found",
  NotReadableError: "the camera is used by another program",
};

const $ = (id) => document.getElementById(id);

function stop() {
  for (const track of $("viewfinder").srcObject?.getTracks() ?? []) track.stop();
  $("viewfinder").srcObject = null;
}

async function start() {
  $("camera-error").textContent = "";
  $("shutter").disabled = true;
  $("camera-dialog").showModal();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
    $("viewfinder").srcObject = stream;
    if (!$("camera-dialog").open) stop(); // it was closed while the browser asked
  } catch (error) {
    const reason = REASONS[error.name] ?? "the camera cannot be used";
    $("camera-error").textContent = sentence(reason);
  }
}

async function shoot(add) {
  const video = $("viewfinder");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  $("camera-dialog").close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  const time = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
  add([new File([blob], `Photo ${time}.jpg`, { type: blob.type })]);
}

/** Shows the buttons that take a photo where that can be, and adds it: add(files). */
export function startCamera(add) {
  if (!navigator.mediaDevices?.getUserMedia) return;
  for (const button of document.querySelectorAll(".webcam")) {
    button.hidden = false;
    button.addEventListener("click", start);
  }
  $("viewfinder").addEventListener("loadeddata", () => {
    $("shutter").disabled = false;
    $("shutter").focus();
  });
  $("shutter").addEventListener("click", () => shoot(add));
  $("camera-cancel").addEventListener("click", () => $("camera-dialog").close());
  $("camera-dialog").addEventListener("close", stop);
}
