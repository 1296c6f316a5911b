// The pictures that were chosen, and the queue in which the server looks at them.

import { serverStatus } from "./about.js";
import { apiKey, postPicture, Refusal, setApiKey } from "./api.js";
import { fitting, mapped } from "./shrink.js";

const AT_ONCE = 2; // requests: the others wait here and not in the server's queue
const TRIES = 4; // of one picture, while the server says it is busy

/** A picture: {file, name, blob: URL, status: waiting|running|done|failed, answer, error, image:
 * {source: null until it is decoded, scale}, isUnseeable: the browser cannot decode it, width,
 * height: its pixels once they are known, decoded: promise, sent: promise of what the server gets,
 * picked: index of a face or -1, embeddings: promise, answers: {method: answer} of those that were had,
 * of which `answer` is the one that is shown}. */
export const pictures = [];

/** Who is told, and asked: changed(picture), locked(wasRefused): a key is wanted; method(): the one
 * that was chosen, undefined where none was; query(method): the parameters of a request. */
export const events = { changed() {}, locked() {}, method() {}, query: () => "" };

let running = 0;
let isLocked = false;

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/* What the server is sent: the file, or a smaller picture where it would refuse that. */
function sent(picture) {
  picture.sent ??= Promise.all([picture.decoded, serverStatus()]).then(([, about]) =>
    fitting(picture.file, picture.image.source, about?.limits),
  );
  return picture.sent;
}

/* Posts the picture, and again where the server is busy and says when to come back. */
async function post(picture, url) {
  const file = await sent(picture);
  for (let attempt = 1; ; attempt++) {
    try {
      return await postPicture(url, file);
    } catch (error) {
      const busy = error instanceof Refusal && (error.status === 429 || error.status === 503);
      if (!busy || attempt === TRIES) throw error;
      await pause(Math.min(error.retry ?? 1, 10));
    }
  }
}

/* An answer as it is shown: of a picture that was made smaller, in pixels of the original. */
async function completed(picture, answer, url) {
  const { width, height } = answer.result;
  const isShrunk = (await sent(picture)) !== picture.file;
  const result = isShrunk ? mapped(answer.result, picture.width, picture.height) : answer.result;
  return { ...answer, result, url, name: picture.name, sentAs: isShrunk ? { width, height } : null };
}

async function ask(picture, method) {
  const url = `v1/analyze${events.query(method)}`;
  const answer = await completed(picture, await post(picture, url), url);
  answer.method = method ?? (await serverStatus())?.method;
  return answer;
}

async function analyze(picture) {
  picture.status = "running";
  events.changed(picture);
  try {
    const answer = await ask(picture, events.method());
    const { faces, main } = answer.result;
    const picked = faces.length ? (main ?? 0) : -1;
    Object.assign(picture, { status: "done", answer, answers: { [answer.method]: answer }, picked });
  } catch (error) {
    Object.assign(picture, { status: "failed", error });
  }
}

/* Starts waiting pictures as long as there is room. After a 401 all wait for the key. */
function pump() {
  const next = pictures.find(({ status }) => status === "waiting");
  if (!next || running === AT_ONCE || isLocked) return;
  running++;
  analyze(next).then(() => {
    running--;
    if (next.error?.status === 401) refuse(next);
    events.changed(next);
    pump();
  });
  pump();
}

/* Of the requests sent with one key the first that comes back asks for another. */
function refuse(picture) {
  const { key } = picture.error;
  Object.assign(picture, { status: "waiting", error: null, sent: null }); // limits are told then
  if (isLocked || key !== apiKey()) return;
  isLocked = true;
  setApiKey("");
  events.locked(Boolean(key));
}

export function unlock(key) {
  setApiKey(key);
  isLocked = false;
  pump();
}

async function decode(picture) {
  const image = new Image();
  image.src = picture.blob;
  try {
    await image.decode();
    picture.image.source = image;
    picture.width = image.naturalWidth;
    picture.height = image.naturalHeight;
  } catch {
    picture.isUnseeable = true; // only the server reads it: boxes are drawn on an empty frame
  }
  events.changed(picture);
}

/** Adds files, and returns their pictures. */
export function add(files) {
  const added = [...files].map((file) => ({
    file,
    name: file.name || "picture",
    blob: URL.createObjectURL(file),
    image: { source: null, scale: 1 },
    status: "waiting",
    picked: -1,
    answers: {},
  }));
  pictures.push(...added);
  for (const picture of added) picture.decoded = decode(picture);
  pump();
  return added;
}

/** Removes a picture, and returns the one that takes its place, or null. */
export function remove(picture) {
  const at = pictures.indexOf(picture);
  pictures.splice(at, 1);
  URL.revokeObjectURL(picture.blob);
  return pictures[Math.min(at, pictures.length - 1)] ?? null;
}

/** Has the server look again at those of these that it is not looking at now. */
export function askAgain(those) {
  for (const picture of those) {
    if (picture.status === "running") continue;
    const fresh = { status: "waiting", answer: null, error: null, embeddings: null, sent: null };
    Object.assign(picture, fresh, { answers: {} });
  }
  pump();
}

/** Has an answered picture told by the networks of this method, which are asked once. */
export async function turnTo(picture, method) {
  const { answers } = picture;
  answers[method] ??= await ask(picture, method);
  if (picture.answers === answers && events.method() === method) picture.answer = answers[method];
}

/** Asked for only when faces are compared; the same picture and settings give the same faces. */
export function embeddings(picture) {
  const [, query] = picture.answer.url.split("?");
  const values = new URLSearchParams(query);
  for (const name of ["attributes", "method"]) values.delete(name); // an embedding has none
  picture.embeddings ??= post(picture, `v1/embed?${values}`).then(({ result }) =>
    result.faces.map((face) => face.embedding),
  );
  return picture.embeddings;
}
