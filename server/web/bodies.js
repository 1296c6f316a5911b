// The body of a request to be tried: the fields of its kind, and what they come to.

import { formFile } from "./api.js";
import { el, pretty } from "./dom.js";
import { resolve, sample } from "./schema.js";

/** An input with its name before it. */
export function field(label, input) {
  return el("label", { class: "field" }, el("span", {}, label), input);
}

/* Each kind of body is {fields: elements, request(): {body, headers, args}}. */
function multipart(schema) {
  const inputs = Object.entries(resolve(schema).properties).map(([name, node]) =>
    el("input", { type: "file", name, multiple: resolve(node).type === "array", required: true }),
  );
  return {
    fields: inputs.map((input) => field(input.name, input)),
    request() {
      const body = new FormData();
      const args = [];
      for (const input of inputs)
        for (const file of input.files) {
          body.append(input.name, file);
          args.push(["-F", formFile(input.name, file.name)]);
        }
      if (!args.length) args.push(...inputs.map(({ name }) => ["-F", formFile(name, "photo.jpg")]));
      return { body, args, headers: {} };
    },
  };
}

function json(media) {
  const area = el("textarea", { rows: 6, spellcheck: "false", required: true });
  area.value = pretty(media.example ?? sample(media.schema));
  return {
    fields: [field("JSON", area)],
    request: () => ({
      body: area.value,
      headers: { "content-type": "application/json" },
      args: [
        ["-H", "content-type: application/json"],
        ["-d", area.value],
      ],
    }),
  };
}

function raw(type) {
  const input = el("input", { type: "file", required: true });
  return {
    fields: [field("File", input)],
    request() {
      const file = input.files[0];
      const any = type.endsWith("*");
      const sent = any ? (file?.type.startsWith("image/") ? file.type : "image/jpeg") : type;
      return {
        body: file,
        headers: { "content-type": sent },
        args: [
          ["-H", `content-type: ${sent}`],
          ["--data-binary", `@${file?.name ?? "photo.jpg"}`],
        ],
      };
    },
  };
}

function bodyOf(type, media) {
  if (type === "multipart/form-data") return multipart(media.schema);
  if (type === "application/json") return json(media);
  return raw(type);
}

/** The body's part of the form: which kind, and that kind's fields. current() is the kind chosen. */
export function bodyPart(requestBody, changed) {
  const content = Object.entries(resolve(requestBody).content ?? {});
  if (!content.length)
    return { elements: [], current: () => ({ request: () => ({ headers: {}, args: [] }) }) };
  const kinds = new Map(content.map(([type, media]) => [type, bodyOf(type, media)]));
  const place = el("div", { class: "fields" });
  const choice = el(
    "select",
    {},
    [...kinds.keys()].map((type) => el("option", {}, type)),
  );
  const use = () => place.replaceChildren(...kinds.get(choice.value).fields);
  choice.addEventListener("change", () => {
    use();
    changed();
  });
  use();
  return { elements: [field("Body as", choice), place], current: () => kinds.get(choice.value) };
}
