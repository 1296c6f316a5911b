// A form that sends one operation's request, shows it as a curl command, and shows the answer.

import { curl, send } from "./api.js";
import { bodyPart, field } from "./bodies.js";
import { copyButton, el, pretty, sentence } from "./dom.js";
import { resolve } from "./schema.js";

const SHOWN = 100000; // characters of an answer: browsers grow slow with more

/* An input for one parameter. Its value is "" where the parameter is to be left out. */
function parameterInput({ name, schema, example, required }) {
  const { type, enum: values, minimum, maximum, default: standard, pattern } = resolve(schema);
  if (values)
    return el(
      "select",
      { name },
      el("option", { value: "" }, `default: ${standard}`),
      values.map((value) => el("option", {}, String(value))),
    );
  if (type === "integer" || type === "number")
    return el("input", {
      name,
      type: "number",
      min: minimum,
      max: maximum,
      step: type === "integer" ? 1 : "any",
      placeholder: standard,
    });
  return el("input", {
    name,
    type: "text",
    value: required ? example : null,
    required,
    pattern: pattern?.replace(/^\^|\$$/g, ""),
    autocomplete: "off",
    spellcheck: "false",
  });
}

/* The URL and headers that the parameters' inputs ask for. */
function target(path, parameters, inputs) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  parameters.forEach((parameter, i) => {
    const { value } = inputs[i];
    if (parameter.in === "path")
      filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value && parameter.in === "header") headers[parameter.name] = value;
  });
  // Relative, so that it also works where a proxy serves this below a path of its own.
  return {
    url: new URL(`.${filled}${String(query) && `?${query}`}`, document.baseURI).href,
    headers,
  };
}

function readable(text, type) {
  if (type.startsWith("application/octet-stream"))
    return `${text.length} characters of binary data`;
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}

function answerView({ status, headers, text, ms }) {
  const body = readable(text, headers.get("content-type") ?? "");
  const cut =
    body.length > SHOWN
      ? `${body.slice(0, SHOWN)}\n… ${body.length - SHOWN} characters more`
      : body;
  return [
    el(
      "p",
      { class: "status" },
      el("strong", { class: status < 400 ? "good" : "bad" }, `${status}`),
      el("span", { class: "hint" }, `${ms.toFixed(0)} ms, ${text.length} bytes`),
    ),
    el(
      "details",
      {},
      el("summary", {}, "Headers"),
      el(
        "pre",
        { tabindex: 0 },
        [...headers].map(([name, value]) => `${name}: ${value}`).join("\n"),
      ),
    ),
    el("pre", { tabindex: 0, class: "answer" }, cut),
  ];
}

/** The form of one operation. */
export function tryIt(method, path, parameters, requestBody) {
  const inputs = parameters.map(parameterInput);
  const command = el("pre", { tabindex: 0, class: "curl" });
  const output = el("div", { class: "output", role: "status" });
  const body = bodyPart(requestBody, () => refresh());
  const button = el("button", { class: "button primary" }, "Send");

  const request = () => {
    const { url, headers } = target(path, parameters, inputs);
    const { body: content, headers: own, args } = body.current().request();
    const shown = Object.entries(headers).map(([name, value]) => ["-H", `${name}: ${value}`]);
    return { url, content, headers: { ...headers, ...own }, args: [...shown, ...args] };
  };
  const refresh = () => {
    const { url, args } = request();
    command.textContent = curl(url, { method, args });
  };
  const submit = async (event) => {
    event.preventDefault();
    refresh();
    button.disabled = true;
    try {
      const { url, headers, content } = request();
      output.replaceChildren(...answerView(await send(url, { method, headers, body: content })));
    } catch (error) {
      output.replaceChildren(el("p", { class: "bad" }, sentence(error.message)));
    }
    button.disabled = false;
  };

  const form = el(
    "form",
    { class: "try", onsubmit: submit, oninput: refresh },
    el("h4", {}, "Try it"),
    parameters.map((parameter, i) => field(parameter.name, inputs[i])),
    body.elements,
    el(
      "p",
      { class: "row" },
      button,
      copyButton("Copy curl", () => command.textContent),
    ),
    command,
    output,
  );
  refresh();
  return { form, refresh };
}
