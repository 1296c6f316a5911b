"""gRPC beside HTTP: the same answers, bit for bit, the same keys, limits and ends.

The client is Debian's grpcio with messages that protoc makes of proto/.
"""
import json
import struct
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grpc_client import MISSING, Client, error_of, metadata_of  # noqa: E402
from server import HAVE_SERVER, PATIENCE, PHOTOS, Server, scaled  # noqa: E402

if MISSING or not HAVE_SERVER:
    print(MISSING or "no networks or photos")
    sys.exit(77)

import grpc  # noqa: E402
from grpc_client import INFER, MIEN  # noqa: E402

CODE = grpc.StatusCode


def attribute_json(a):
    """An Attribute in the form it has in JSON."""
    if a.points:
        return [[p.x, p.y] for p in a.points]
    if a.HasField("number"):
        return a.number
    value = {f.name: v for f, v in a.ListFields() if f.name != "distribution"}
    if a.distribution:
        value["distribution"] = dict(a.distribution)
    return value


def face_json(f):
    face = {"box": [f.box.x1, f.box.y1, f.box.x2, f.box.y2], "score": f.score,
            "landmarks": [[p.x, p.y] for p in f.landmarks]}
    if f.HasField("pose"):
        face["pose"] = {"pitch": f.pose.pitch, "yaw": f.pose.yaw, "roll": f.pose.roll}
    if f.HasField("quality"):
        face["quality"] = {"score": f.quality.score, "reasons": list(f.quality.reasons),
                           **f.quality.measured}
    if f.too_small:
        face["too_small"] = True
    if f.embedding:
        face["embedding"] = list(f.embedding)
    face.update({name: attribute_json(a) for name, a in f.attributes.items()})
    return face


def analysis_json(a, kinds):
    """An Analysis as /v1 writes it, without the times. kinds: of "faces" and "classes"."""
    out = {"format_version": a.format_version, "width": a.width, "height": a.height}
    if "faces" in kinds:
        out["faces"] = [face_json(f) for f in a.faces]
    for name in ("turned", "main"):
        if a.HasField(name):
            out[name] = getattr(a, name)
    if "classes" in kinds:
        out["classes"] = [{"index": c.index, "wnid": c.wnid, "label": c.label, "score": c.score}
                          for c in a.classes]
    return out


def as_floats(value):
    """Embeddings as the floats that both mean."""
    for face in value.get("faces", ()):
        if "embedding" in face:
            face["embedding"] = [struct.unpack("f", struct.pack("f", x))[0]
                                 for x in face["embedding"]]
    value.pop("timing_ms", None)
    return value


def test_pictures(server, client):
    """What /v1 answers, of every method and with options."""
    cases = [("Analyze", "analyze", {}, ("faces", "classes")),
             ("Analyze", "analyze", {"quality": True, "embeddings": True, "top": 2,
                                     "attributes": ["age", "gender"]}, ("faces", "classes")),
             ("Detect", "detect", {"threshold": 0.5, "max_faces": 3}, ("faces",)),
             ("Embed", "embed", {"face": "main"}, ("faces",)),
             ("Classify", "classify", {"top": 3}, ("classes",))]
    for photo in PHOTOS[:2]:
        picture = Path(photo).read_bytes()
        for method, path, options, kinds in cases:
            query = urllib.parse.urlencode(
                {k: ",".join(v) if isinstance(v, list) else int(v) if v is True else v
                 for k, v in options.items()})
            http = server.post(f"/v1/{path}?{query}", picture)
            assert http.status == 200, http
            got = client.ask(client.mien, method, MIEN.PictureRequest(
                picture=picture, options=MIEN.Options(**options)))
            mine, theirs = analysis_json(got, kinds), as_floats(http.json)
            assert mine == theirs, (method, photo, mine, theirs)
            assert got.timing_ms["total"] > 0


def tensors(reply):
    """The body of an answer of HTTP: its JSON, and its tensors one after the other."""
    length = int(reply.headers["Inference-Header-Content-Length"])
    return json.loads(reply.body[:length]), reply.body[length:]


def test_kserve(server, client):
    """Raw and typed, what HTTP's binary tensors are."""
    ask = client.ask
    names = server.get("/v2/models").json["models"]
    assert ask(client.kserve, "ServerLive", INFER.ServerLiveRequest()).live
    assert ask(client.kserve, "ServerReady", INFER.ServerReadyRequest()).ready
    about = ask(client.kserve, "ServerMetadata", INFER.ServerMetadataRequest())
    http = server.get("/v2").json
    assert (about.name, about.version, list(about.extensions)) == (
        http["name"], http["version"], http["extensions"])
    for name in names:
        http = server.get(f"/v2/models/{name}").json
        got = ask(client.kserve, "ModelMetadata", INFER.ModelMetadataRequest(name=name))
        assert (got.name, list(got.versions), got.platform) == (
            name, http["versions"], http["platform"])
        for mine, theirs in ((got.inputs, http["inputs"]), (got.outputs, http["outputs"])):
            assert [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)}
                    for t in mine] == theirs
        assert ask(client.kserve, "ModelReady", INFER.ModelReadyRequest(name=name)).ready

    name = next(n for n in names if n.startswith("mobilefacenet"))
    shape = [2, 112, 112, 3]
    count = 2 * 112 * 112 * 3
    values = bytes(i * 37 % 256 for i in range(count))
    for datatype, raw in (("UINT8", values), ("FP32", struct.pack(f"<{count}f", *values))):
        head = json.dumps({"id": "a", "inputs": [{
            "name": "input", "datatype": datatype, "shape": shape,
            "parameters": {"binary_data_size": len(raw)}}],
            "parameters": {"binary_data_output": True}}).encode()
        reply = server.ask("POST", f"/v2/models/{name}/infer", head + raw,
                            {"Content-Type": "application/octet-stream",
                             "Inference-Header-Content-Length": str(len(head))})
        assert reply.status == 200, reply
        described, bytes_of_http = tensors(reply)
        one = INFER.ModelInferRequest(model_name=name, id="a", raw_input_contents=[raw])
        one.inputs.add(name="input", datatype=datatype, shape=shape)
        got = ask(client.kserve, "ModelInfer", one)
        assert (got.model_name, got.model_version, got.id) == (name, "1", "a")
        assert b"".join(got.raw_output_contents) == bytes_of_http
        assert [o.name for o in got.outputs] == [o["name"] for o in described["outputs"]]
        assert [list(o.shape) for o in got.outputs] == [o["shape"] for o in described["outputs"]]

        typed = INFER.ModelInferRequest(model_name=name, model_version="1")
        tensor = typed.inputs.add(name="input", datatype=datatype, shape=shape)
        if datatype == "UINT8":
            tensor.contents.uint_contents.extend(values)
        else:
            tensor.contents.fp32_contents.extend(map(float, values))
        typed.outputs.add(name=got.outputs[0].name)
        again = ask(client.kserve, "ModelInfer", typed)
        assert not again.raw_output_contents and len(again.outputs) == 1
        floats = list(again.outputs[0].contents.fp32_contents)
        assert struct.pack(f"<{len(floats)}f", *floats) == got.raw_output_contents[0]

    def stream():
        yield one
        yield INFER.ModelInferRequest(model_name="nobody", id="b")
        broken = INFER.ModelInferRequest(model_name=name, id="c", raw_input_contents=[b"1", b"2"])
        broken.inputs.add(name="input", datatype="UINT8", shape=shape)
        yield broken
        yield one

    answers = list(client.kserve.ModelStreamInfer(stream(), timeout=PATIENCE,
                                                  metadata=client.metadata))
    assert [a.infer_response.id for a in answers] == ["a", "b", "c", "a"]
    assert answers[0].infer_response == answers[3].infer_response
    assert b"".join(answers[0].infer_response.raw_output_contents) == bytes_of_http
    assert answers[1].error_message == "this server has no such model"
    assert answers[2].error_message == "raw_input_contents has 2 entries for 1 inputs"


def test_refusals(client):
    """What is wrong has its code, its sentence and its word."""
    picture = Path(PHOTOS[0]).read_bytes()
    kserve, mien = client.kserve, client.mien
    name = "mobilefacenet-192"

    def infer(**fields):
        message = INFER.ModelInferRequest(model_name=name, **fields)
        message.inputs.add(name="input", datatype="UINT8", shape=[1, 112, 112, 3])
        return message

    big = infer()
    big.inputs[0].contents.uint_contents.extend([256] * (112 * 112 * 3))
    strange = infer(raw_input_contents=[bytes(3)])
    strange.inputs[0].datatype = "BYTES"
    cases = [
        (mien, "Analyze", MIEN.PictureRequest(), CODE.INVALID_ARGUMENT, "no picture"),
        (mien, "Analyze", MIEN.PictureRequest(picture=b"nothing"), CODE.INVALID_ARGUMENT, "JPEG"),
        (mien, "Analyze", MIEN.PictureRequest(picture=picture[:200]), CODE.INVALID_ARGUMENT, ""),
        (mien, "Detect", MIEN.PictureRequest(picture=picture, options={"top": -1}),
         CODE.INVALID_ARGUMENT, "top"),
        (mien, "Detect", MIEN.PictureRequest(picture=picture, options={"method": "joint"}),
         CODE.INVALID_ARGUMENT, "method"),
        (mien, "Detect", MIEN.PictureRequest(picture=picture, options={"search": "far"}),
         CODE.INVALID_ARGUMENT, "search must be one of"),
        (mien, "Identify", MIEN.IdentifyRequest(picture=picture), CODE.NOT_FOUND, ""),
        (mien, "Identify", MIEN.IdentifyRequest(picture=picture, collection="a/b"),
         CODE.NOT_FOUND, ""),
        (kserve, "ModelReady", INFER.ModelReadyRequest(), CODE.NOT_FOUND, "no such model"),
        (kserve, "ModelReady", INFER.ModelReadyRequest(name="x" * 5000), CODE.NOT_FOUND, ""),
        (kserve, "ModelReady", INFER.ModelReadyRequest(name=name, version="2"), CODE.NOT_FOUND,
         "no such model"),
        (kserve, "ModelReady", INFER.ModelReadyRequest(name="../" + name), CODE.NOT_FOUND, ""),
        (kserve, "ModelInfer", INFER.ModelInferRequest(model_name=name), CODE.INVALID_ARGUMENT, ""),
        (kserve, "ModelInfer", infer(), CODE.INVALID_ARGUMENT, ""),
        (kserve, "ModelInfer", big, CODE.INVALID_ARGUMENT, "no UINT8"),
        (kserve, "ModelInfer", strange, CODE.INVALID_ARGUMENT, ""),
        (kserve, "ModelInfer", infer(raw_input_contents=[bytes(100)]), CODE.INVALID_ARGUMENT, ""),
        (kserve, "ModelInfer", infer(raw_input_contents=[bytes(1), bytes(1)]),
         CODE.INVALID_ARGUMENT, "2 entries for 1 inputs"),
    ]
    for stub, method, message, code, words in cases:
        with error_of(code) as caught:
            client.ask(stub, method, message)
        assert words in caught.error.details(), (method, caught.error.details())
        assert "\n" not in caught.error.details()
    with error_of(CODE.INVALID_ARGUMENT) as caught:
        client.ask(mien, "Analyze", MIEN.PictureRequest(picture=b"nothing"),
                   metadata=[("x-request-id", "mine-1")])
    assert metadata_of(caught.error)["mien-error"] == "bad_request"
    assert metadata_of(caught.error)["x-request-id"] == "mine-1"
    with error_of(CODE.UNIMPLEMENTED):
        client.channel.unary_unary("/mien.v1.Mien/Nothing")(b"", timeout=PATIENCE)
    with error_of(CODE.UNIMPLEMENTED):
        client.channel.unary_unary("/nobody.Service/Nothing")(b"", timeout=PATIENCE)
    blank = MIEN.PictureRequest(picture=b"P5 64 64 255\n" + bytes(64 * 64))
    with error_of(CODE.FAILED_PRECONDITION) as caught:
        client.ask(mien, "Embed", blank)
    assert metadata_of(caught.error)["mien-error"] == "no_face"


def test_stream(client):
    """Answers in order, each in its own way; one that fails ends nothing."""
    picture = Path(PHOTOS[0]).read_bytes()
    whole = client.ask(client.mien, "Analyze", MIEN.PictureRequest(picture=picture))

    def stream():
        for i in range(scaled(20)):
            of = MIEN.PictureRequest(picture=b"nothing" if i % 5 == 3 else picture, id=str(i))
            if i % 5 == 4:
                yield MIEN.PicturesRequest(classify=of)
            elif i % 5 == 2:
                yield MIEN.PicturesRequest()
            else:
                yield MIEN.PicturesRequest(analyze=of)

    answers = list(client.mien.Pictures(stream(), timeout=PATIENCE, metadata=client.metadata))
    assert len(answers) == scaled(20)
    for i, answer in enumerate(answers):
        assert answer.id == ("" if i % 5 == 2 else str(i))
        if i % 5 in (2, 3):
            assert answer.error.status == CODE.INVALID_ARGUMENT.value[0]
            assert answer.error.code == "bad_request" and answer.error.message
            continue
        answer.analysis.timing_ms.clear()
        assert list(answer.analysis.classes) == list(whole.classes)
        assert list(answer.analysis.faces) == ([] if i % 5 == 4 else list(whole.faces))


def test_broken_messages(client):
    """Bytes that are no message, cut anywhere, are refused and harm nothing."""
    picture = Path(PHOTOS[0]).read_bytes()
    one = INFER.ModelInferRequest(model_name="mobilefacenet-192", raw_input_contents=[bytes(900)])
    one.inputs.add(name="input", datatype="UINT8", shape=[1, 2, 3])
    whole = {"/inference.GRPCInferenceService/ModelInfer": one.SerializeToString(),
             "/mien.v1.Mien/Detect": MIEN.PictureRequest(
                 picture=picture, options={"size": 64}).SerializeToString()}
    for path, message in whole.items():
        call = client.channel.unary_unary(path)
        for n in range(1, min(len(message), 60)):
            for bad in (message[:n], message[:n] + b"\xff" * 12, b"\xff" * n):
                try:
                    call(bad, timeout=PATIENCE, metadata=client.metadata)
                except grpc.RpcError as error:
                    assert error.code() in (CODE.INTERNAL, CODE.INVALID_ARGUMENT, CODE.NOT_FOUND,
                                            CODE.UNIMPLEMENTED), (error.code(), error.details())


def test_crowd(client, count):
    """Many calls at once: the answers of one."""
    picture = Path(PHOTOS[0]).read_bytes()
    request = MIEN.PictureRequest(picture=picture, options={"size": 320})
    alone = client.ask(client.mien, "Detect", request)
    alone.timing_ms.clear()
    calls = [client.mien.Detect.future(request, timeout=PATIENCE, metadata=client.metadata)
             for _ in range(count)]
    for call in calls:
        answer = call.result()
        answer.timing_ms.clear()
        assert answer == alone


def main():
    with Server("--grpc-port", "0", "--queue", "400") as server, Client(server) as client:
        test_pictures(server, client)
        test_kserve(server, client)
        test_refusals(client)
        test_stream(client)
        test_broken_messages(client)
        test_crowd(client, scaled(200))
        calls = server.metrics()["mien_grpc_requests_total"]
        assert calls > scaled(200), calls
    print("gRPC: the answers of HTTP")


if __name__ == "__main__":
    main()
