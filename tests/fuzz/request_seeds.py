"""Writes the corpus request_fuzz starts from: a request of every kind the server answers.

usage: request_seeds.py FOLDER
"""
import base64
import json
import struct
import sys
import zlib
from pathlib import Path


def png(width=40, height=32):
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))
    rows = b"".join(b"\0" + bytes((x * 7 + y * 5) % 256 for x in range(3 * width))
                    for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


PICTURE = png()
TEXT = base64.b64encode(PICTURE).decode()


def request(line, body=b"", **headers):
    head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    headers = {"Content-Length": len(body), **headers} if body else headers
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return head.encode() + b"\r\n" + body


def form(line, *parts):
    body = b"".join(b"--XbX\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n"
                    for head, content in parts) + b"--XbX--\r\n"
    return request(line, body, Content_Type="multipart/form-data; boundary=XbX")


def as_json(line, value):
    return request(line, json.dumps(value).encode(), Content_Type="application/json")


def kserve(name, shape, values):
    tensor = {"name": "input", "datatype": "FP32", "shape": shape, "data": values}
    return as_json(f"POST /v2/models/{name}/infer", {"id": "1", "inputs": [tensor]})


def binary(name, shape):
    data = struct.pack("<f", 7.5) * (shape[1] * shape[2] * shape[3])
    head = json.dumps({"inputs": [{"name": "input", "datatype": "FP32", "shape": shape,
                                   "parameters": {"binary_data_size": len(data)}}],
                       "outputs": [{"name": "prob", "parameters": {"binary_data": True}}]}).encode()
    return request(f"POST /v2/models/{name}/infer", head + data,
                   Content_Type="application/octet-stream",
                   Inference_Header_Content_Length=len(head))


def seeds():
    file = b'name="file"; filename="a.png"'
    for path in ("/", "/health", "/ready", "/ready/", "/metrics", "/docs", "/openapi.json", "/v2",
                 "/v2/health/live", "/v2/models", "/v2/models/resnet", "/v2/models/resnet/config",
                 "/nothing", "/v1/models", "http://127.0.0.1/health"):
        yield request(f"GET {path}")
    for path in ("/v1/detect", "/v1/embed", "/v1/analyze", "/v1/classify", "/predict"):
        yield form(f"POST {path}", (file, PICTURE))
        yield request(f"POST {path}", PICTURE, Content_Type="image/png")
        yield as_json(f"POST {path}", {"image": TEXT})
    yield form("POST /v1/compare", (b'name="a"; filename="a"', PICTURE),
               (b'name="b"; filename="b"', PICTURE))
    yield form("POST /v1/analyze?top=3", (b"name=file; filename*=utf-8''a.png", PICTURE),
               (b"name=threshold", b"0.1"), (b"name=embeddings", b"true"))
    yield request("POST /v1/detect?threshold=0&nms=1&max_faces=100&size=64", PICTURE)
    yield as_json("POST /v1/detect", {"images": [TEXT, TEXT], "threshold": 0, "max_faces": None})
    yield form("POST /detect_faces_from_files/", (b'name="files"; filename="a.png"', PICTURE))
    yield as_json("POST /detect_faces_from_base64/", [TEXT])
    yield as_json("POST /detect_faces_from_urls/", ["http://127.0.0.1/"])
    yield form("POST /v1/vision/face", (b'name="image"; filename="a.png"', PICTURE), (b'name="min_confidence"', b"0"))
    yield request("POST /v1/vision/face/delete", b"userid=Ann+Lee&api_key=%41",
                  Content_Type="application/x-www-form-urlencoded")
    yield request("POST /v1/vision/face/list")
    yield as_json("POST /api/v1/recognition/subjects", {"subject": "Ann"})
    yield as_json("PUT /api/v1/recognition/subjects/Ann", {"subject": "Bob"})
    yield request("DELETE /api/v1/recognition/subjects")
    yield request("GET /api/v1/recognition/faces?page=1&size=2?subject=Ann")
    yield form("POST /api/v1/detection/detect?limit=1?face_plugins=age,landmarks?status=true",
               (b'name="file"; filename="a.png"', PICTURE))
    yield as_json("POST /api/v1/verification/embeddings/verify", {"source": [1], "targets": [[1, 2], [3]]})
    for operation, value in (("DetectFaces", {"Image": {"Bytes": TEXT}, "Attributes": ["ALL"]}),
                             ("DetectLabels", {"Image": {"Bytes": TEXT}, "MinConfidence": 0}),
                             ("CreateCollection", {"CollectionId": "a"}), ("ListCollections", {"MaxResults": 1}),
                             ("CreateUser", {"CollectionId": "a", "UserId": "b"}),
                             ("DeleteCollection", {"CollectionId": "a"})):
        yield request("POST /", json.dumps(value).encode(), Content_Type="application/x-amz-json-1.1",
                      X_Amz_Target=f"RekognitionService.{operation}", X_Amz_Date="20150830T123600Z",
                      Authorization="AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, "
                                    "SignedHeaders=host;x-amz-date, Signature=00")
    yield request("PUT /v1/collections/a")
    yield as_json("POST /v1/collections/a/persons", {"name": "Ann", "metadata": {"floor": 1}})
    yield kserve("resnet", [1, 32, 32, 3], [1] * 3072)
    yield binary("resnet", [1, 32, 32, 3])
    yield binary("scrfd", [1, 64, 32, 3])
    yield request("OPTIONS /v1/detect", Origin="http://page.example",
                  Access_Control_Request_Method="POST")
    yield request("OPTIONS *")
    yield request("HEAD /health", x_request_id="abc", Accept_Encoding="gzip")
    yield request("POST /v1/detect", PICTURE, Content_Encoding="gzip")
    yield request("POST /v1/detect", b"file=a", Content_Type="application/x-www-form-urlencoded")
    yield request("DELETE /v1/detect")
    yield request("POST /v1/detect", PICTURE, Transfer_Encoding="chunked")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, content in enumerate(seeds()):
        (folder / f"seed{i:02}").write_bytes(bytes([i % 3 * 50]) + content)


if __name__ == "__main__":
    main()
