// What an OpenAPI 3.1 schema says, for people: the type in a few words, its parts as nested lists,
// and a value that fits it.

import { el } from "./dom.js";

let root = {};

/** The document references are looked up in. */
export function setDocument(description) {
  root = description;
}

/** What a node means: itself, or what its $ref points at. */
export function resolve(node) {
  if (!node?.$ref) return node ?? {};
  return node.$ref
    .slice(2)
    .split("/")
    .reduce((at, part) => at[part.replaceAll("~1", "/")], root);
}

const nameOf = (node) => node?.$ref?.split("/").pop();
const variants = (schema) => schema.oneOf ?? schema.anyOf;

/** Text with its `code` parts marked; blank lines divide paragraphs. */
export function prose(text = "") {
  return text
    .split(/\n\n+/)
    .filter(Boolean)
    .map((paragraph) => el("p", {}, inline(paragraph)));
}

/** The same without paragraphs. */
export function inline(text = "") {
  return text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));
}

/** The type in a few words: "array of 4 number", "integer, 1 to 100000, default 5". */
export function typeText(node) {
  const schema = resolve(node);
  const words = [shortType(node)];
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined) words.push(`${minimum} to ${maximum}`);
  else if (minimum !== undefined) words.push(`at least ${minimum}`);
  else if (maximum !== undefined) words.push(`at most ${maximum}`);
  if (schema.default !== undefined) words.push(`default ${schema.default}`);
  return words.join(", ");
}

function shortType(node) {
  const schema = resolve(node);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum && schema.enum.length <= 5) return schema.enum.map(String).join(" | ");
  if (variants(schema))
    return variants(schema)
      .map((option) => nameOf(option) ?? shortType(option))
      .join(" or ");
  if (schema.format === "binary") return "file";
  if (schema.contentEncoding) return schema.contentEncoding;
  if (schema.type === "array") {
    const count = schema.minItems === schema.maxItems ? schema.minItems : undefined;
    return ["array of", count, nameOf(schema.items) ?? `${shortType(schema.items)}s`]
      .filter((word) => word !== undefined)
      .join(" ");
  }
  if (Array.isArray(schema.type)) return schema.type.join(" or ");
  return schema.format ?? schema.type ?? "any value";
}

/* A variant without a name is told by what it must have. */
function variantName(node) {
  return (
    nameOf(node) ??
    (resolve(node).required ? `{${resolve(node).required.join(", ")}}` : shortType(node))
  );
}

/* The schemas a reader may want to open below this one: properties, items, variants. */
function parts(schema) {
  const required = schema.required ?? [];
  const properties = Object.entries(schema.properties ?? {}).map(([name, node]) => ({
    name,
    node,
    required: required.includes(name),
  }));
  if (properties.length) return properties;
  if (variants(schema)) return variants(schema).map((node) => ({ name: variantName(node), node }));
  return [];
}

/* The parts of a node, or of what its array holds. */
function inner(node) {
  const schema = resolve(node);
  return schema.type === "array" ? inner(schema.items) : parts(schema);
}

/** A schema as nested lists. */
export function schemaView(node) {
  const list = inner(node);
  const { description } = resolve(node);
  if (!list.length)
    return el("p", { class: "type" }, typeText(node), description && [": ", inline(description)]);
  return el(
    "ul",
    { class: "schema" },
    list.map((part) => {
      const line = [
        el("code", { class: "name" }, part.name),
        el(
          "span",
          { class: "type" },
          typeText(part.node),
          part.required === false && ", may be left out",
        ),
        el("span", { class: "about" }, inline(resolve(part.node).description)),
      ];
      if (!inner(part.node).length) return el("li", {}, el("div", {}, line));
      return el("li", {}, el("details", {}, el("summary", {}, line), schemaView(part.node)));
    }),
  );
}

/** A value that fits a schema: its example or default where it has one. */
export function sample(node) {
  const schema = resolve(node);
  const given = schema.example ?? schema.default ?? schema.const ?? schema.enum?.[0];
  if (given !== undefined) return given;
  if (variants(schema)) return sample(variants(schema)[0]);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "object")
    return Object.fromEntries(
      Object.entries(schema.properties ?? {}).map(([name, part]) => [name, sample(part)]),
    );
  if (type === "array")
    return Array.from({ length: schema.minItems ?? 1 }, () => sample(schema.items));
  return (
    { string: "text", integer: schema.minimum ?? 1, number: schema.maximum ?? 0.5, boolean: true }[
      type
    ] ?? null
  );
}
