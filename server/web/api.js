// Requests to the server: the key, what an error says, and the same request as a curl command.

const KEY = "mien-api-key";

/** The key this tab knows, or "". */
export function apiKey() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function setApiKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

/** An answer that is no success, or none at all (status 0). `retry`: seconds to wait, where the
 * server names them; `key`: the one the request was sent with. */
export class Refusal extends Error {
  constructor(status, message, { retry, key } = {}) {
    super(message);
    this.status = status;
    this.retry = retry;
    this.key = key;
  }
}

/** Sends one request. Resolves with {status, headers, text, ms, key} whatever the status is; `ms`
 * runs until the body is there, `key` is the one it was sent with. A Refusal where there is no
 * answer. */
export async function send(url, { method = "GET", headers = {}, body } = {}) {
  const all = new Headers(headers);
  const key = apiKey();
  if (key) all.set("x-api-key", key);
  const start = performance.now();
  try {
    const answer = await fetch(url, { method, headers: all, body, cache: "no-store" });
    const text = await answer.text();
    const ms = performance.now() - start;
    return { status: answer.status, headers: answer.headers, text, ms, key };
  } catch {
    throw new Refusal(0, "the server cannot be reached");
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What an answer that is no success says. */
export function refusal({ status, headers, text, key }) {
  const message = parsed(text)?.error?.message ?? `the server answered with status ${status}`;
  return new Refusal(status, message, {
    retry: Number(headers.get("retry-after")) || undefined,
    key,
  });
}

/** A picture that only a key opens, as a blob. */
export async function getBlob(url) {
  const answer = await fetch(url, { headers: { "x-api-key": apiKey() } });
  if (!answer.ok) throw new Refusal(answer.status, "there is no such picture");
  return answer.blob();
}

/** What the server says of itself (/v1/status); null where it does not say. */
export async function getStatus() {
  try {
    const answer = await send("v1/status");
    return answer.status === 200 ? parsed(answer.text) : null;
  } catch {
    return null;
  }
}

/** Posts a picture and resolves with {result, ms, stages}: the object, the round trip, and what the
 * header Server-Timing says, as {name: ms}. Throws a Refusal for anything else. */
export async function postPicture(url, file) {
  const answer = await send(url, {
    method: "POST",
    body: file,
    headers: {
      "content-type": file.type.startsWith("image/") ? file.type : "application/octet-stream",
    },
  });
  const result = parsed(answer.text);
  if (answer.status !== 200 || !result) throw refusal(answer);
  return { result, ms: answer.ms, stages: serverTiming(answer.headers.get("server-timing") ?? "") };
}

function serverTiming(header) {
  const entries = header.split(",").map((entry) => /^\s*([\w-]+)\s*;.*?dur=([\d.]+)/.exec(entry));
  return Object.fromEntries(entries.filter(Boolean).map(([, name, ms]) => [name, Number(ms)]));
}

/** A word of a POSIX shell. */
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The argument of curl's -F for a file: names with its own delimiters need double quotes, too. */
export function formFile(field, name) {
  const plain = !/[;,"\\]/.test(name);
  return `${field}=@${plain ? name : `"${name.replace(/["\\]/g, "\\$&")}"`}`;
}

/** A curl command. The key is written as a variable: a copied command gives nothing away. */
export function curl(url, { method = "GET", args = [], key = Boolean(apiKey()) } = {}) {
  const words = ["curl"];
  if (method !== "GET" && !args.some(([option]) => option !== "-H")) words.push("-X", method);
  if (key) words.push("-H", '"x-api-key: $MIEN_KEY"');
  for (const [option, value] of args) words.push(option, quoted(value));
  return [...words, quoted(url)].join(" ");
}
