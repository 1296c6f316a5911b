// usage: node check.mjs FOLDER OPENAPI.json < CASES
// Checks an OpenAPI document with a public validator, then values against its schemas. FOLDER holds
// the node_modules of package.json. CASES is a JSON list of {what, schema, value}; schema is a
// JSON pointer into the document. Prints a JSON list of complaints.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, path] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { Validator } = await import(
  pathToFileURL(require.resolve("@seriousme/openapi-schema-validator")).href
);
const Ajv = require("ajv/dist/2020.js").default;
const addFormats = require("ajv-formats").default;

const text = readFileSync(path, "utf8");
const complaints = [];

const { valid, errors } = await new Validator().validate(JSON.parse(text));
if (!valid) complaints.push({ what: "the document", errors });

// Schemas of OpenAPI 3.1 are JSON Schema 2020-12; its own keywords (example) say nothing about values.
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
ajv.addSchema(JSON.parse(text), "openapi");
for (const { what, schema, value } of JSON.parse(readFileSync(0, "utf8"))) {
  const check = ajv.compile({ $ref: `openapi#${schema}` });
  if (!check(value)) complaints.push({ what, errors: check.errors.slice(0, 5) });
}
console.log(JSON.stringify(complaints));
