"""gRPC asked by npm's grpc-js, a client that shares nothing with the server's library: what HTTP
answers."""
import base64
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from grpc_client import MODULE, PROTOS  # noqa: E402
from npm import installed  # noqa: E402
from server import HAVE_SERVER, PATIENCE, PHOTOS, Server  # noqa: E402

HERE = Path(__file__).resolve().parent / "grpc_js"


def infer_http(server, model):
    """The tensors of the client's request, asked over HTTP."""
    values = bytes(i * 31 % 256 for i in range(112 * 112 * 3))
    head = json.dumps({"inputs": [{"name": "input", "datatype": "UINT8", "shape": [1, 112, 112, 3],
                                   "parameters": {"binary_data_size": len(values)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    reply = server.ask("POST", f"/v2/models/{model}/infer", head + values,
                       {"Content-Type": "application/octet-stream",
                        "Inference-Header-Content-Length": str(len(head))})
    assert reply.status == 200, reply
    return reply.body[int(reply.headers["Inference-Header-Content-Length"]):]


def main():
    if not MODULE.exists() or not HAVE_SERVER or not shutil.which("node"):
        print("mien's gRPC module, networks, photos or node are not there")
        return 77
    modules = installed("grpc-js", HERE / "package.json")
    if not modules:
        print("npm's grpc-js is not installed")
        return 77
    with Server("--grpc-port=0", "--classifier=none", "--age-gender=none") as server:
        port = server.find(r"listening on grpc://\S+:(\d+)")[1]
        model = next(name for name in server.get("/v2/models").json["models"]
                     if name.startswith("mobilefacenet"))
        done = subprocess.run(["node", HERE / "client.mjs", modules, PROTOS, f"127.0.0.1:{port}",
                               model, PHOTOS[0]], capture_output=True, text=True, check=False,
                              timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        got = json.loads(done.stdout)
        tensors = infer_http(server, model)
        assert got["live"] and got["ready"] and got["model_ready"] and got["health"] == "SERVING"
        about = server.get("/v2").json
        assert got["server"] == about, got["server"]
        assert got["model"] == server.get(f"/v2/models/{model}").json, got["model"]
        assert b"".join(map(base64.b64decode, got["raw"])) == tensors
        assert struct.pack(f"<{len(got['typed'])}f", *got["typed"]) == tensors
        assert got["shape"] == [1, len(tensors) // 4]
        assert got["stream"] == [["raw", ""], ["x", "this server has no such model"],
                                 ["typed", ""]], got["stream"]
        assert got["pictures"] == [["a", "analysis", None], ["b", "error", "bad_request"]]
        assert got["error"][:2] == [3, "bad_request"], got["error"]
        faces = server.post("/v1/detect", Path(PHOTOS[0]).read_bytes()).json["faces"]
        assert [[f["box"][k] for k in ("x1", "y1", "x2", "y2")] for f in got["detect"]["faces"]] == [
            f["box"] for f in faces]
        assert [f["score"] for f in got["detect"]["faces"]] == [f["score"] for f in faces]
    print("grpc-js: the answers of HTTP")
    return 0


if __name__ == "__main__":
    sys.exit(main())
