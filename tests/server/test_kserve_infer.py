#!/usr/bin/env python3
"""The Open Inference Protocol over HTTP, as its clients speak it: tensors in JSON and as binary
data, equal to what the networks give runnet, and the tool where it prints the same."""
import array
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import (PHOTOS, Server, cli, crops, curl, mien, read_ppm, scaled,  # noqa: E402
                    skip_or_run)
from tool import MODELS  # noqa: E402

RUNNET = os.environ.get("MIEN_RUNNET") or str(
    Path(os.environ.get("MIEN_BUILD_DIR", "build"), "tests", "runnet"))
DETECTOR, EMBEDDER, CLASSIFIER = "retinaface-mnet025-v2", "mobilefacenet-192", "resnet50-imagenet"
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server(f"--detector={DETECTOR}", f"--embedder={EMBEDDER}", "--log=none")
    unittest.addModuleCleanup(lambda: SERVER.stop())


def pixels(width, height, n=1):
    """[n][height][width][3] bytes, different everywhere."""
    return bytes((i * 37 + i // 251 * 11) % 256 for i in range(n * height * width * 3))


def runnet(network, width, height, n, floats):
    """{name: (shape, values)} of a network's outputs, by a program that links libmien."""
    folder = tempfile.mkdtemp(prefix="mien-serve-")
    try:
        given, made = os.path.join(folder, "in"), os.path.join(folder, "out")
        Path(given).write_bytes(array.array("f", list(floats)).tobytes())
        blob = Path(MODELS["weights"], network + ".safetensors")
        result = subprocess.run([RUNNET, str(blob), str(width), str(height), str(n), given, made],
                                capture_output=True, text=True, check=True)
        values = array.array("f", Path(made).read_bytes())
    finally:
        shutil.rmtree(folder)
    outputs, at = {}, 0
    for line in result.stdout.splitlines():
        name, *shape = line.split()
        shape = [int(side) for side in shape]
        count = math.prod(shape)
        if shape[1] * shape[2] == 1:
            shape = [shape[0], shape[3]]
        outputs[name] = (shape, values[at:at + count])
        at += count
    return outputs


def tensor(shape, data=None, kind="FP32", **more):
    return {"name": "input", "shape": shape, "datatype": kind,
            **({} if data is None else {"data": data}), **more}


def infer(model, request, binary=b"", server=None, **headers):
    """Posts a request; with binary data behind it where there is some."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    if binary:
        headers = {"Inference-Header-Content-Length": str(len(body)), **headers}
        headers.setdefault("Content-Type", "application/octet-stream")
    return (server or SERVER).ask("POST", f"/v2/models/{model}/infer", body + binary, headers)


def outputs_of(answer):
    """{name: (shape, values as floats of 32 bits)} of an answer, its binary data unpacked."""
    length = answer.headers["Inference-Header-Content-Length"]
    head = json.loads(answer.body[:int(length)] if length else answer.body)
    rest = answer.body[int(length):] if length else b""
    outputs = {}
    for output in head["outputs"]:
        assert output["datatype"] == "FP32", output
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = array.array("f", output["data"])
        else:
            values, rest = array.array("f", rest[:size]), rest[size:]
        assert len(values) == math.prod(output["shape"]), output["shape"]
        outputs[output["name"]] = (output["shape"], values)
    assert rest == b"", "bytes that belong to no output"
    return outputs


class Case(unittest.TestCase):
    def check(self, answer, expected):
        self.assertEqual(answer.status, 200, answer)
        got = outputs_of(answer)
        self.assertEqual(list(got), list(expected))
        for name, (shape, values) in expected.items():
            self.assertEqual(got[name][0], shape)
            self.assertEqual(got[name][1], values, name)

    def refused(self, answer, status, message=""):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertIn(message, answer.tensor_error)


class Metadata(Case):
    def test_server(self):
        answer = SERVER.get("/v2").json
        self.assertEqual(answer["name"], "mien")
        self.assertIn("binary_tensor_data", answer["extensions"])
        self.assertEqual(answer["version"], mien("--version").stdout.decode().split()[1])
        self.assertEqual(SERVER.get("/v2/health/live").status, 200)
        self.assertEqual(SERVER.get("/v2/health/ready").json, {"ready": True})

    def test_models(self):
        for name, width in [(DETECTOR, -1), (EMBEDDER, 112), (CLASSIFIER, -1)]:
            for path in (f"/v2/models/{name}", f"/v2/models/{name}/versions/1",
                         f"/v2/models/{name}/"):
                got = SERVER.get(path).json
                self.assertEqual((got["name"], got["versions"]), (name, ["1"]))
                self.assertEqual(got["inputs"], [{"name": "input", "datatype": "FP32",
                                                  "shape": [-1, width, width, 3]}])
                self.assertTrue(got["outputs"])
            for path in (f"/v2/models/{name}/ready", f"/v2/models/{name}/versions/1/ready"):
                self.assertEqual(SERVER.get(path).json, {"name": name, "ready": True})
        self.assertEqual(curl(f"{SERVER.url}/v2/models/{DETECTOR}").json["name"], DETECTOR)
        for path in ("/v2/models/none", f"/v2/models/{DETECTOR}/versions/2",
                     "/v2/models/none/ready"):
            self.refused(SERVER.get(path), 404)
        self.refused(SERVER.get(f"/v2/models/{DETECTOR}/infer"), 405)

    def test_metadata_tells_the_shapes_of_the_answer(self):
        for name, side in [(DETECTOR, 64), (EMBEDDER, 112)]:
            got = outputs_of(infer(name, {"inputs": [tensor([1, side, side, 3],
                                                            list(pixels(side, side)))]}))
            told = {o["name"]: o["shape"] for o in SERVER.get(f"/v2/models/{name}").json["outputs"]}
            self.assertEqual(list(got), list(told))
            for output, (shape, _) in got.items():
                self.assertEqual(len(shape), len(told[output]))
                for have, said in zip(shape, told[output]):
                    self.assertIn(said, (-1, have))


class Inference(Case):
    SHAPE = [2, 96, 64, 3]

    def setUp(self):
        self.bytes = pixels(64, 96, 2)
        self.floats = array.array("f", list(self.bytes))
        self.expected = runnet(DETECTOR, 64, 96, 2, self.floats)

    def test_every_form_of_input(self):
        flat = list(self.bytes)
        rows = [flat[i:i + 3] for i in range(0, len(flat), 3)]
        lines = [rows[i:i + 64] for i in range(0, len(rows), 64)]
        nested = [lines[:96], lines[96:]]
        raw = self.floats.tobytes()
        size = {"parameters": {"binary_data_size": len(raw)}}
        for request, binary in [
                (tensor(self.SHAPE, flat), b""), (tensor(self.SHAPE, nested), b""),
                (tensor(self.SHAPE, [float(v) for v in flat]), b""),
                (tensor(self.SHAPE, flat, "UINT8"), b""), (tensor(self.SHAPE, **size), raw),
                (tensor(self.SHAPE, kind="UINT8",
                        parameters={"binary_data_size": len(self.bytes)}), self.bytes)]:
            self.check(infer(DETECTOR, {"inputs": [request]}, binary), self.expected)

    def test_fractions(self):
        values = array.array("f", (v * 0.731 + 0.123 for v in self.bytes))
        expected = runnet(DETECTOR, 64, 96, 2, values)
        self.check(infer(DETECTOR, {"inputs": [tensor(self.SHAPE, list(values))]}), expected)
        self.check(infer(DETECTOR, {"inputs": [tensor(self.SHAPE, parameters={
            "binary_data_size": 4 * len(values)})]}, values.tobytes()), expected)

    def test_every_form_of_output(self):
        given = tensor(self.SHAPE, kind="UINT8", parameters={"binary_data_size": len(self.bytes)})
        names = list(self.expected)
        ask = lambda **request: infer(DETECTOR, {"inputs": [given], **request}, self.bytes)
        answer = ask(parameters={"binary_data_output": True})
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.check(answer, self.expected)
        answer = ask()
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertIsNone(answer.headers["Inference-Header-Content-Length"])
        some = {name: self.expected[name] for name in names[1:3]}
        self.check(ask(outputs=[{"name": name} for name in some]), some)
        self.check(ask(outputs=[{"name": names[1], "parameters": {"binary_data": True}},
                                {"name": names[2]}]), some)
        self.check(ask(parameters={"binary_data_output": True},
                       outputs=[{"name": names[1], "parameters": {"binary_data": False}},
                                {"name": names[2]}]), some)

    def test_id_and_version(self):
        request = {"id": "my-id", "inputs": [tensor(self.SHAPE, list(self.bytes))]}
        answer = infer(DETECTOR, request)
        self.assertEqual((answer.json["id"], answer.json["model_name"]), ("my-id", DETECTOR))
        answer = SERVER.post_json(f"/v2/models/{DETECTOR}/versions/1/infer", request)
        self.check(answer, self.expected)

    def test_other_networks(self):
        for name, side in [(CLASSIFIER, 224), (EMBEDDER, 112)]:
            data = pixels(side, side)
            given = tensor([1, side, side, 3], kind="UINT8",
                           parameters={"binary_data_size": len(data)})
            self.check(infer(name, {"inputs": [given]}, data), runnet(name, side, side, 1, data))

    def test_an_embedding_is_the_tools(self):
        # The tool prints it with length 1.
        (crop,) = crops(PHOTOS[0], 1, side=112)
        data = read_ppm(crop)[2]
        given = tensor([1, 112, 112, 3], kind="UINT8", parameters={"binary_data_size": len(data)})
        ((_, values),) = outputs_of(infer(EMBEDDER, {"inputs": [given]}, data)).values()
        length = math.hypot(*values)
        (face,) = cli("embed", [crop], "--aligned")[0]["faces"]
        for have, want in zip(values, face["embedding"], strict=True):
            self.assertAlmostEqual(have / length, want, delta=1e-6)

    def test_curl(self):
        folder = tempfile.mkdtemp(prefix="mien-serve-")
        self.addCleanup(shutil.rmtree, folder)
        Path(folder, "in.json").write_text(json.dumps({"inputs": [tensor(self.SHAPE,
                                                                         list(self.bytes))]}))
        self.check(curl("--json", f"@{folder}/in.json",
                        f"{SERVER.url}/v2/models/{DETECTOR}/infer"), self.expected)


class Refusals(Case):
    def test_requests(self):
        good = [0] * (32 * 32 * 3)
        shape = [1, 32, 32, 3]
        for given in ({}, {"inputs": []}, {"inputs": {}}, {"inputs": [tensor(shape, good)] * 2},
                      {"inputs": [{**tensor(shape, good), "name": "image"}]},
                      {"inputs": [tensor(shape, good[:-1])]},
                      {"inputs": [tensor(shape, good + [0])]},
                      {"inputs": [tensor(shape)]}, {"inputs": [tensor(shape, good, "INT64")]},
                      {"inputs": [tensor(shape, good, "BYTES")]},
                      {"inputs": [tensor([32, 32, 3], good)]}, {"inputs": [tensor([], [])]},
                      {"inputs": [tensor([1, 3, 32, 32], good)]},
                      {"inputs": [tensor([0, 32, 32, 3], [])]},
                      {"inputs": [tensor([-1, 32, 32, 3], good)]},
                      {"inputs": [tensor([1 << 62, 32, 32, 3], good)]},
                      {"inputs": [tensor([1 << 32, 1 << 32, 1, 3], good)]},
                      {"inputs": [tensor([1, 16, 16, 3], [0] * 768)]},
                      {"inputs": [tensor(shape, good[:-1] + ["x"])]},
                      {"inputs": [tensor(shape, good[:-1] + [None])]},
                      {"inputs": [tensor(shape, good[:-1] + [1e39])]},
                      {"inputs": [tensor(shape, good[:-1] + [256], "UINT8")]},
                      {"inputs": [tensor(shape, good[:-1] + [-1], "UINT8")]},
                      {"inputs": [tensor(shape, good[:-1] + [0.5], "UINT8")]},
                      {"inputs": [tensor(shape, parameters={"binary_data_size": 12288})]},
                      {"inputs": [tensor(shape, good)], "outputs": [{"name": "nothing"}]},
                      {"inputs": [tensor(shape, good)], "outputs": "all"},
                      {"inputs": [tensor(shape, good)], "id": 5}, [], None, "text", 7):
            with self.subTest(str(given)[:100]):
                self.refused(infer(DETECTOR, given), 400)
        for body in (b"", b"{", b"\xff", b'{"inputs":[{"name":"input","shape":[1,32,32,3],'
                     b'"datatype":"FP32","data":[NaN]}]}'):
            self.refused(infer(DETECTOR, body), 400)

    def test_binary_data(self):
        shape, size = [1, 32, 32, 3], 4 * 32 * 32 * 3
        given = tensor(shape, parameters={"binary_data_size": size})
        head = json.dumps({"inputs": [given]}).encode()
        data = array.array("f", [1.0] * (size // 4)).tobytes()
        self.assertEqual(infer(DETECTOR, head, data).status, 200)
        nan = data[:-4] + struct.pack("<f", math.nan)
        infinite = struct.pack("<f", math.inf) + data[4:]
        for binary in (data[:-1], data + b"\0", data[:4], nan, infinite):
            self.refused(infer(DETECTOR, head, binary), 400)
        for length in ("0", "-1", "x", "", str(len(head) + len(data) + 1), "9" * 30,
                       str(len(head) - 1), "1e3", " "):
            answer = infer(DETECTOR, head, data, **{"Inference-Header-Content-Length": length})
            self.refused(answer, 400)
        for claimed in (-1, size - 4, size + 4, 2 ** 63, "12288", 0.5, None):
            given = tensor(shape, parameters={"binary_data_size": claimed})
            self.refused(infer(DETECTOR, {"inputs": [given]}, data), 400)

    def test_sizes(self):
        for shape in ([257, 112, 112, 3], [1, 100000, 100000, 3], [1 << 20, 112, 112, 3]):
            given = tensor(shape, parameters={"binary_data_size": math.prod(shape) * 4})
            answer = infer(EMBEDDER, {"inputs": [given]}, b"1234")
            self.assertIn(answer.status, (400, 413), answer)
        self.refused(infer(EMBEDDER, {"inputs": [tensor([1, 64, 64, 3], [0] * 12288)]}), 400,
                     "metadata")

    def test_models_left_out(self):
        self.refused(infer("none", {}), 404)
        with Server("--classifier=none", "--log=none") as server:
            self.refused(infer(CLASSIFIER, {}, server=server), 404)


class Memory(Case):
    def test_json_of_many_values(self):
        # A value of JSON takes some 40 bytes in memory and two in the text: what many such requests
        # take together has a bound, too.
        body = b'{"inputs":[' + b"0," * (15 << 20) + b"0]}"
        count = scaled(10)
        with Server(f"--detector={DETECTOR}", "--classifier=none", "--embedder=none",
                    "--age-gender=none", "--log=none") as server:
            socks = [server.raw(b"POST /v2/models/%s/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close"
                                b"\r\nContent-Length: %d\r\n\r\n" % (DETECTOR.encode(), len(body)))
                     for _ in range(count)]
            for sock in socks:
                sock.sendall(body)
            for sock in socks:
                self.assertIn(sock.recv(4096)[9:12], (b"400", b"413", b"429"))
                sock.close()
            peak = int(next(line for line in Path(f"/proc/{server.pid}/status").read_text()
                            .splitlines() if line.startswith("VmHWM")).split()[1])
            self.assertLess(peak, 1 << 21, "kB")


if __name__ == "__main__":
    if not Path(RUNNET).exists():
        print("skipped: runnet is not built")
        sys.exit(77)
    skip_or_run(unittest.main)
