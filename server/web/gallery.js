// The people of a gallery as the server keeps them: requests below /v1/collections/NAME.

import { serverStatus } from "./about.js";
import { apiKey, refusal, Refusal, send, setApiKey } from "./api.js";
import { fitting } from "./shrink.js";

const TRIES = 4; // of one request, while the server says it is busy or cannot be reached
const MOST = 1000; // items of a list in one answer
const MOST_PEOPLE = 10000; // that are shown

/** Whose people: a collection's; and who asks a person for a key: locked(wasRefused) is a promise of
 * one. */
export const gallery = { collection: "default", locked: async () => "" };

let unlocking = null;

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/* The first request that is refused asks for a key, the others wait for it. */
async function unlock(used) {
  if (used !== apiKey()) return; // there is another by now
  unlocking ??= gallery.locked(Boolean(used)).then((key) => {
    setApiKey(key);
    unlocking = null;
  });
  await unlocking;
}

/* Random, so that a change whose answer was lost is not made again when it is asked for again. */
function onceKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

async function attempt(url, request) {
  try {
    return await send(url, request);
  } catch (error) {
    return { status: 0, error };
  }
}

/* Resolves with the answer's object; a Refusal where it is none. */
async function request(method, url, { body, headers = {} } = {}) {
  const all = { ...headers };
  if (method === "POST") all["idempotency-key"] = onceKey();
  for (let tries = 1; ;) {
    const answer = await attempt(url, { method, headers: all, body });
    if (answer.status === 401) {
      await unlock(answer.key);
      continue;
    }
    if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.text || "{}");
    const error = answer.error ?? refusal(answer);
    // What was deleted and not told cannot be deleted again; all else can be asked twice.
    const mayPass = [429, 503].includes(answer.status) || (!answer.status && method !== "DELETE");
    if (!mayPass || tries++ === TRIES) throw error;
    await pause(Math.min(error.retry ?? 1, 10));
  }
}

function address(path, query = {}) {
  const values = Object.entries(query).filter(([, value]) => value != null && value !== "");
  const search = values.length ? `?${new URLSearchParams(values)}` : "";
  return `v1/collections/${encodeURIComponent(gallery.collection)}/${path}${search}`;
}

const get = (path, query) => request("GET", address(path, query));

function change(method, path, value) {
  const headers = { "content-type": "application/json" };
  return request(method, address(path), value ? { headers, body: JSON.stringify(value) } : {});
}

/* All items of a list: what is on the pages `name` of it, as far as `most`. */
async function whole(path, name, most, query = {}) {
  const items = [];
  for (let after = null; ;) {
    const page = await get(path, { ...query, limit: MOST, after });
    items.push(...page[name]);
    after = page.next;
    if (after == null || items.length >= most) return items;
  }
}

export const collections = async () => (await request("GET", "v1/collections")).collections;

export const people = () => whole("persons", "persons", MOST_PEOPLE);

/** A person; null where there is none of that id any more. */
export async function person(id) {
  try {
    return await get(`persons/${id}`);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

export const samples = (id, most = MOST_PEOPLE) => whole(`persons/${id}/samples`, "samples", most);
export const someSamples = async (id, limit) =>
  (await get(`persons/${id}/samples`, { limit })).samples;

export const addPerson = (name) => change("POST", "persons", { name });
export const remove = (id) => change("DELETE", `persons/${id}`);
export const removeSample = (sample) => change("DELETE", `samples/${sample}`);
export const merge = (from, into) => change("POST", `persons/${into}/merge`, { from });
export const split = (id, those, name) =>
  change("POST", `persons/${id}/split`, { samples: those, name });
export const move = (those, id) => change("POST", `persons/${id}/move`, { samples: those });

const denied = new Set(); // "of who", as people have said on this page

/** Says that a sample is not this person; resolves with whose it is then, and the event. */
export async function notThisPerson(sample, id) {
  const answer = await change("POST", `samples/${sample}/not-this-person`, { person: id });
  denied.add(`${answer.person} ${id}`);
  return answer;
}

/** Who somebody without a name likely is: {person, name, similarity}; null where nobody is enough
 * like them. */
export async function likeliest({ person: id, best_sample: best }) {
  const { embedding, contract } = await get(`samples/${best}`, { embedding: 1 });
  const { matches, threshold } = await change("POST", "search", { embedding, contract, top: 5 });
  const named = matches.filter(({ person, name }) => person !== id && name !== "(no name)");
  const found = named.find(({ person }) => !denied.has(`${id} ${person}`));
  return found && found.similarity >= threshold ? found : null;
}
/** Puts those without a name together where they are one person; resolves with {groups, joined,
 * first_event, last_event}. */
export const cluster = () => change("POST", "cluster", {});
export const undo = (event) => change("POST", `events/${event}/undo`);

/** The newest events, of one person or all, the last one first. */
export const events = async (id, limit = 200) =>
  (await get("events", { person: id, newest: 1, limit })).events;

/** Does something to a person, and resolves with the events that it was, in their order: not all
 * answers name theirs. id: null for somebody who is made by it; act() resolves with the id. */
export async function recorded(id, act) {
  const [last] = id ? await events(id, 1) : [];
  const done = await act();
  const since = await events(done ?? id);
  return since
    .map(({ event }) => event)
    .filter((event) => event > (last?.event ?? 0))
    .reverse();
}

export const cropAddress = (sample) => address(`samples/${sample}/crop`);

/** Changes name, external_id or metadata of a person, and resolves with the events. */
export const describe = (id, values) =>
  recorded(id, async () => void (await change("PATCH", `persons/${id}`, values)));

/** Decodes a picture, {blob: its URL, image: null where the browser cannot, file: what to send}. */
export async function prepared(original) {
  const blob = URL.createObjectURL(original);
  const image = new Image();
  image.src = blob;
  const isSeen = await image.decode().then(
    () => true,
    () => false,
  );
  const seen = isSeen ? image : null;
  const file = await fitting(original, seen, (await serverStatus())?.limits);
  return { blob, image: seen, file, name: original.name || "picture" };
}

/** Who the faces of a prepared picture are. */
export function identify(file, query) {
  const type = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  return request("POST", address("identify", query), {
    body: file,
    headers: { "content-type": type },
  });
}

/** Adds a prepared picture to a person, and resolves with what became of it. */
export async function enrol(id, { file, name }, isForced) {
  const body = new FormData();
  body.append("file", file, name);
  const url = address(`persons/${id}/samples`, { force: isForced ? 1 : null });
  return (await request("POST", url, { body })).results[0];
}
