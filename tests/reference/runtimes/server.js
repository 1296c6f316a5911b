/*
 * Runs networks in ONNX Runtime and TensorFlow.js for a Python parent (node_runtime.py). It is a
 * server, not a command, because a session costs a second to open and the accuracy scripts run
 * thousands of pictures.
 *
 * A message, in both directions: a 32-bit little endian length, that many bytes of JSON, then the
 * float32 values of its "tensors" ([{name, shape}]) one after the other. Requests:
 *   {op:"load", kind, path, threads}   -> {id}
 *        kind: onnx, tfjs-layers, tfjs-graph, faceapi-age-gender
 *   {op:"run", id, tensors}            -> {tensors}
 *   {op:"time", id, runs, tensors}     -> {ms:[..]} wall time of each run
 * A failure answers {error}. The modules are looked for in the folder given as the first argument.
 */
'use strict';
const fs = require('fs');
const path = require('path');
const Module = require('module');

const modules = process.argv[2];
const requireFrom = Module.createRequire(path.join(modules, 'package.json'));
const sessions = [];

async function tensorflow() {
    const tf = requireFrom('@tensorflow/tfjs');
    const wasm = requireFrom('@tensorflow/tfjs-backend-wasm');
    if (tf.getBackend() !== 'wasm') {
        const folder = path.dirname(requireFrom.resolve('@tensorflow/tfjs-backend-wasm'));
        wasm.setWasmPaths(folder + path.sep);
        wasm.setThreadsCount(1);
        await tf.setBackend('wasm');
    }
    return tf;
}

/* An IOHandler for model.json and the shards beside it, joined in the order of the manifest. */
function modelFiles(file) {
    return { load: async () => {
        const model = JSON.parse(fs.readFileSync(file, 'utf8'));
        const specs = [], parts = [];
        for (const group of model.weightsManifest) {
            specs.push(...group.weights);
            for (const shard of group.paths)
                parts.push(fs.readFileSync(path.join(path.dirname(file), shard)));
        }
        const joined = Buffer.concat(parts);
        return { modelTopology: model.modelTopology, format: model.format,
                 signature: model.signature, userDefinedMetadata: model.userDefinedMetadata,
                 weightSpecs: specs, weightData: new Uint8Array(joined).buffer };
    } };
}

async function loadOnnx(file, threads) {
    const ort = requireFrom('onnxruntime-node');
    const session = await ort.InferenceSession.create(file, {
        executionProviders: ['cpu'], graphOptimizationLevel: 'all', executionMode: 'sequential',
        intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 });
    return async (tensors) => {
        const feed = {};
        for (const t of tensors)
            feed[t.name || session.inputNames[0]] = new ort.Tensor('float32', t.data, t.shape);
        const out = await session.run(feed);
        return session.outputNames.map(
            (name) => ({ name, shape: out[name].dims.slice(), data: out[name].data }));
    };
}

async function loadTfjs(kind, file) {
    const tf = await tensorflow();
    const model = kind === 'tfjs-layers' ? await tf.loadLayersModel(modelFiles(file))
                                         : await tf.loadGraphModel(modelFiles(file));
    return async (tensors) => {
        const inputs = tensors.map((t) => tf.tensor(t.data, t.shape));
        const result = model.predict(inputs.length === 1 ? inputs[0] : inputs);
        const list = Array.isArray(result) ? result : [result];
        const out = list.map((t, i) => ({
            name: model.outputNames ? model.outputNames[i] : model.outputs[i].name,
            shape: t.shape.slice(), data: new Float32Array(t.dataSync()) }));
        tf.dispose([inputs, list]);
        return out;
    };
}

/* face-api's own code from its npm package, on tfjs: path is the package's folder. */
async function loadFaceApiAgeGender(folder) {
    const tf = await tensorflow();
    /* It asks for tfjs by name from its own folder, where it is not installed. */
    const places = {};
    for (const name of ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'])
        places[name] = requireFrom.resolve(name);
    const resolve = Module._resolveFilename;
    Module._resolveFilename = function (request, ...rest) {
        return places[request] || resolve.call(this, request, ...rest);
    };
    const faceapi = require(path.join(folder, 'dist', 'face-api.node-wasm.js'));
    Module._resolveFilename = resolve;
    await faceapi.nets.ageGenderNet.loadFromDisk(path.join(folder, 'model'));
    return async (tensors) => {
        const [t] = tensors;
        const batch = tf.tensor(t.data, t.shape);
        const pictures = tf.unstack(batch);
        const out = faceapi.nets.ageGenderNet.forwardInput(new faceapi.NetInput(pictures));
        const result = ['age', 'gender'].map((name) => ({
            name, shape: out[name].shape.slice(),
            data: new Float32Array(out[name].dataSync()) }));
        tf.dispose([batch, pictures, out.age, out.gender]);
        return result;
    };
}

async function load(request) {
    if (request.kind === 'onnx')
        return loadOnnx(request.path, request.threads || 1);
    if (request.kind === 'faceapi-age-gender')
        return loadFaceApiAgeGender(request.path);
    return loadTfjs(request.kind, request.path);
}

function send(header, tensors) {
    const list = tensors || [];
    if (tensors)
        header.tensors = list.map(({ name, shape }) => ({ name, shape }));
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    process.stdout.write(Buffer.concat([length, text, ...list.map(
        (t) => Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength))]));
}

async function handle(request) {
    if (request.op === 'load') {
        sessions.push(await load(request));
        send({ id: sessions.length - 1 });
    } else if (request.op === 'run') {
        send({}, await sessions[request.id](request.tensors));
    } else if (request.op === 'time') {
        const ms = [];
        for (let i = 0; i < request.runs; i++) {
            const start = process.hrtime.bigint();
            await sessions[request.id](request.tensors);
            ms.push(Number(process.hrtime.bigint() - start) / 1e6);
        }
        send({ ms });
    } else {
        throw new Error(`unknown op ${request.op}`);
    }
}

/* Calls of read(n) are answered in order with exactly n bytes; null at the end of the input. */
function reader(stream) {
    const iterator = stream[Symbol.asyncIterator]();
    let held = Buffer.alloc(0);
    return async (n) => {
        const parts = [held];
        let have = held.length;
        while (have < n) {
            const { value, done } = await iterator.next();
            if (done)
                return null;
            parts.push(value);
            have += value.length;
        }
        const all = parts.length === 1 ? held : Buffer.concat(parts);
        held = all.subarray(n);
        return all.subarray(0, n);
    };
}

async function main() {
    const read = reader(process.stdin);
    /* Libraries print greetings; stdout belongs to the protocol. */
    console.log = console.info = console.debug = console.error;
    for (let length; (length = await read(4)) !== null;) {
        const request = JSON.parse(await read(length.readUInt32LE()));
        for (const t of request.tensors || []) {
            const bytes = await read(4 * t.shape.reduce((a, b) => a * b, 1));
            t.data = new Float32Array(new Uint8Array(bytes).buffer);
        }
        try {
            await handle(request);
        } catch (e) {
            send({ error: String((e && e.message) || e) });
        }
    }
}

main();
