#!/usr/bin/env python3
"""A service of somebody's own: how large each face is, as a part of the picture's width.

usage: face_size.py --listen 127.0.0.1:50054 --redis HOST:PORT

It reads the faces that face-landmark has found from Redis, and adds a field of its own to the
picture's hash; data-storage joins it with the others. Needs python3-grpcio, python3-protobuf,
python3-redis, python3-pil and protoc.
"""
import argparse
import hashlib
import importlib
import io
import json
import subprocess
import sys
import tempfile
from concurrent import futures
from pathlib import Path

import grpc
import redis
from PIL import Image

EXPIRY = 600  # seconds, as that of the other fields


def messages():
    """The module of the messages, made by protoc."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["protoc", "-I", str(Path(__file__).parent), "--python_out", folder,
                        "face_size.proto"], check=True)
        sys.path.insert(0, folder)
        return importlib.import_module("face_size_pb2")


def make_service(pb, store):
    def measure(request, context):
        trace = dict(context.invocation_metadata()).get("traceparent", "")
        print(f"{request.image_id} trace={trace[3:35]}", file=sys.stderr, flush=True)
        key = "face:" + hashlib.sha256(request.image_data).hexdigest()
        found = store.hget(key, "landmarks")
        if found is None:  # lost meanwhile: image-input begins anew
            context.abort(grpc.StatusCode.UNAVAILABLE, "no landmarks are in Redis")
        try:
            width = Image.open(io.BytesIO(request.image_data)).width
        except OSError as error:
            return pb.ImageResponse(success=False, image_id=request.image_id,
                                    error_message=str(error))
        boxes = [face["bbox"] for face in json.loads(found)["landmarks"]]
        told = [{"face_size": round((box[2] - box[0]) / width, 4)} for box in boxes]
        store.hset(key, "face_size", json.dumps({"faces": told}))
        store.expire(key, EXPIRY)
        return pb.ImageResponse(success=True, image_id=request.image_id, redis_key=key)

    return grpc.method_handlers_generic_handler("face_size.FaceSize", {
        "MeasureFaces": grpc.unary_unary_rpc_method_handler(
            measure, request_deserializer=pb.ImageRequest.FromString,
            response_serializer=pb.ImageResponse.SerializeToString)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", required=True)
    parser.add_argument("--redis", required=True)
    options = parser.parse_args()
    host, _, port = options.redis.rpartition(":")
    server = grpc.server(futures.ThreadPoolExecutor(8),
                         options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers(
        (make_service(messages(), redis.Redis(host, int(port))),))
    if not server.add_insecure_port(options.listen):
        sys.exit(f"cannot listen on {options.listen}")
    server.start()
    print("ready", file=sys.stderr, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
