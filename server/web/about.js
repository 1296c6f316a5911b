// What the server says of itself: asked for once, shown in the footer, and kept for those who need a
// limit or a threshold of it.

import { getStatus } from "./api.js";
import { el } from "./dom.js";

let asked = null;

/* "cpu avx512, 2 threads, fp32": the backend names the precision where it is not the usual one. */
function machine({ backend, precision }) {
  return backend.includes(precision) ? backend : `${backend}, ${precision}`;
}

/* [[task, "one, two"], ...] */
function byTask(networks) {
  const names = new Map();
  for (const { task, name } of networks) names.set(task, [...(names.get(task) ?? []), name]);
  return [...names].map(([task, list]) => [task.replaceAll("_", " "), list.join(", ")]);
}

function show(about) {
  const facts = [
    ["mien", about.version],
    ...byTask(about.networks),
    ["on", machine(about)],
  ];
  const items = facts.map(([name, value]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, value)),
  );
  document.getElementById("about").replaceChildren(el("dl", {}, items));
}

/** The object of /v1/status; null where the server does not give it yet, and then it is asked again
 * the next time. */
export function serverStatus() {
  asked ??= getStatus().then((about) => {
    if (about?.limits) show(about);
    else asked = null;
    return about?.limits ? about : null;
  });
  return asked;
}
