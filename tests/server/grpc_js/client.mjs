// A client of npm's grpc-js: node client.mjs MODULES PROTOS ADDRESS MODEL PICTURE
// Prints what it was answered as one object of JSON, bytes as base64.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import path from "node:path";

const [modules, protos, address, model, picture] = process.argv.slice(2);
const require = createRequire(path.join(modules, "package.json"));
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

function load(file) {
    const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true, includeDirs: [protos] };
    return grpc.loadPackageDefinition(loader.loadSync(file, options));
}

const insecure = grpc.credentials.createInsecure();
const kserve = new (load("inference.proto").inference.GRPCInferenceService)(address, insecure);
const mien = new (load("mien/v1/mien.proto").mien.v1.Mien)(address, insecure);
const health = new (load("grpc/health/v1/health.proto").grpc.health.v1.Health)(address, insecure);
const ask = (client, method, message) => promisify(client[method].bind(client))(message);

/** All answers of a stream. */
function stream(call, messages) {
    return new Promise((resolve, reject) => {
        const answers = [];
        call.on("data", (answer) => answers.push(answer));
        call.on("error", reject);
        call.on("end", () => resolve(answers));
        for (const message of messages) call.write(message);
        call.end();
    });
}

const shape = [1, 112, 112, 3];
const values = Buffer.from(Array.from({ length: 112 * 112 * 3 }, (_, i) => (i * 31) % 256));
const raw = {
    model_name: model, id: "raw", raw_input_contents: [values],
    inputs: [{ name: "input", datatype: "UINT8", shape }],
};
const typed = {
    model_name: model, id: "typed",
    inputs: [{ name: "input", datatype: "UINT8", shape, contents: { uint_contents: [...values] } }],
};
const photo = readFileSync(picture);
const out = {
    live: (await ask(kserve, "ServerLive", {})).live,
    ready: (await ask(kserve, "ServerReady", {})).ready,
    model_ready: (await ask(kserve, "ModelReady", { name: model })).ready,
    server: await ask(kserve, "ServerMetadata", {}),
    model: await ask(kserve, "ModelMetadata", { name: model }),
    health: (await ask(health, "Check", {})).status,
};
const infer = await ask(kserve, "ModelInfer", raw);
out.raw = infer.raw_output_contents.map((bytes) => bytes.toString("base64"));
out.shape = infer.outputs[0].shape;
out.typed = (await ask(kserve, "ModelInfer", typed)).outputs[0].contents.fp32_contents;
out.stream = (await stream(kserve.ModelStreamInfer(), [raw, { model_name: "nobody", id: "x" }, typed]))
    .map((answer) => [answer.infer_response.id, answer.error_message]);
out.detect = await ask(mien, "Detect", { picture: photo });
out.pictures = (await stream(mien.Pictures(), [
    { detect: { picture: photo, id: "a" } }, { detect: { picture: Buffer.from("no"), id: "b" } },
])).map((answer) => [answer.id, answer.result, answer.error?.code]);
try {
    await ask(mien, "Detect", { picture: Buffer.from("no") });
} catch (error) {
    out.error = [error.code, error.metadata.get("mien-error")[0], error.details];
}
console.log(JSON.stringify(out));
for (const client of [kserve, mien, health]) client.close();
