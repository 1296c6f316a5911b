// The page /docs: openapi.json as something to read and to try.

import { apiKey, send, setApiKey } from "./api.js";
import { el, pretty, sentence } from "./dom.js";
import { inline, prose, resolve, sample, schemaView, setDocument, typeText } from "./schema.js";
import { tryIt } from "./tryit.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

/* A path that may be broken into lines before its slashes. */
function breakable(path) {
  return path.split(/(?=\/)/).map((part) => [el("wbr"), part]);
}

/* Every operation of the document, in its order: {method, path, id, tag, ...operation}. */
function operations({ paths }) {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method];
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
      return {
        ...operation,
        method: method.toUpperCase(),
        path,
        id: operation.operationId,
        tag: operation.tags[0],
        parameters,
      };
    }),
  );
}

function parameterList(parameters) {
  if (!parameters.length) return null;
  return [
    el("h4", {}, "Parameters"),
    el(
      "ul",
      { class: "schema" },
      parameters.map((parameter) =>
        el(
          "li",
          {},
          el(
            "div",
            {},
            el("code", { class: "name" }, parameter.name),
            el(
              "span",
              { class: "type" },
              `${parameter.in}, ${typeText(parameter.schema)}`,
              parameter.required && ", required",
            ),
            el("span", { class: "about" }, inline(parameter.description)),
          ),
        ),
      ),
    ),
  ];
}

/* One kind of content: its schema and, where there is anything to show, an example. */
function media(type, { schema, example }) {
  const isJson = type === "application/json";
  const value = isJson ? (example ?? sample(schema)) : undefined;
  return el(
    "div",
    { class: "media" },
    el("p", {}, el("code", {}, type)),
    schema && schemaView(schema),
    value !== undefined &&
      el("details", {}, el("summary", {}, "Example"), el("pre", { tabindex: 0 }, pretty(value))),
  );
}

function bodyText(requestBody) {
  const content = resolve(requestBody).content;
  return (
    content && [el("h4", {}, "Body"), Object.entries(content).map(([type, m]) => media(type, m))]
  );
}

function answers(responses) {
  return [
    el("h4", {}, "Answers"),
    Object.entries(responses).map(([status, node]) => {
      const response = resolve(node);
      const headers = Object.entries(response.headers ?? {});
      return el(
        "details",
        { class: "response" },
        el(
          "summary",
          {},
          el("strong", { class: status < "400" ? "good" : "bad" }, status),
          " ",
          inline(response.description),
        ),
        headers.length > 0 &&
          el(
            "ul",
            { class: "schema" },
            headers.map(([name, header]) =>
              el(
                "li",
                {},
                el(
                  "div",
                  {},
                  el("code", { class: "name" }, name),
                  el("span", { class: "about" }, inline(resolve(header).description)),
                ),
              ),
            ),
          ),
        Object.entries(response.content ?? {}).map(([type, m]) => media(type, m)),
      );
    }),
  ];
}

/* An operation's details are made when it is opened: the document is long. */
function operationView(operation, forms) {
  const { id, method, path, summary, description, parameters, requestBody, responses } = operation;
  const view = el(
    "details",
    { class: "operation", id },
    el(
      "summary",
      {},
      el("span", { class: `method ${method.toLowerCase()}` }, method),
      el("code", {}, breakable(path)),
      el("span", { class: "about" }, summary),
    ),
  );
  view.addEventListener("toggle", () => {
    if (!view.open || view.children.length > 1) return;
    const { form, refresh } = tryIt(method, path, parameters, requestBody);
    forms.push(refresh);
    view.append(
      el(
        "div",
        { class: "columns" },
        el(
          "div",
          { class: "text" },
          prose(description),
          parameterList(parameters),
          bodyText(requestBody),
          answers(responses),
        ),
        form,
      ),
    );
  });
  return view;
}

function keyField(forms) {
  const input = el("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    id: "docs-key",
  });
  input.value = apiKey();
  input.addEventListener("input", () => {
    setApiKey(input.value.trim());
    for (const refresh of forms) refresh();
  });
  return el(
    "form",
    { class: "key", onsubmit: (event) => event.preventDefault() },
    el("label", { for: "docs-key" }, "API key, where the server wants one"),
    input,
  );
}

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (target.matches("details")) target.open = true;
  target.scrollIntoView();
}

function build(description) {
  setDocument(description);
  const all = operations(description);
  const forms = []; // what brings each open form's curl command up to date
  const groups = description.tags.map(({ name, description: about }) => {
    const slug = name.toLowerCase().replace(/\W+/g, "-");
    return { name, about, slug, list: all.filter(({ tag }) => tag === name) };
  });
  document.getElementById("contents").replaceChildren(
    ...groups.map(({ name, slug, list }) =>
      el(
        "section",
        {},
        el("h2", {}, el("a", { href: `#${slug}` }, name)),
        el(
          "ul",
          {},
          list.map(({ id, method, path }) =>
            el(
              "li",
              {},
              el(
                "a",
                { href: `#${id}` },
                el("span", { class: `method ${method.toLowerCase()}` }, method),
                el("span", {}, breakable(path)),
              ),
            ),
          ),
        ),
      ),
    ),
  );
  const { title, version, description: about } = description.info;
  document.getElementById("content").replaceChildren(
    el(
      "header",
      {},
      el("h1", {}, title, " ", el("small", {}, version)),
      prose(about),
      el("p", {}, el("a", { href: "openapi.json" }, "openapi.json"), " is the same for programs."),
      keyField(forms),
    ),
    ...groups.map(({ name, about: text, slug, list }) =>
      el(
        "section",
        { id: slug },
        el("h2", {}, name),
        prose(text),
        list.map((operation) => operationView(operation, forms)),
      ),
    ),
  );
}

async function start() {
  try {
    const { status, text } = await send("openapi.json");
    if (status !== 200) throw new Error(`openapi.json: the server answered with status ${status}`);
    build(JSON.parse(text));
    openTarget();
  } catch (error) {
    document
      .getElementById("content")
      .replaceChildren(el("p", { class: "card bad" }, sentence(error.message)));
  }
}

window.addEventListener("hashchange", openTarget);
start();
