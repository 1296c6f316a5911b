"""A client of mien's gRPC services made of Debian's python3-grpcio and protoc: what the tests of
gRPC share. AVAILABLE is None where a server and a client can be had, else what is missing."""
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PROTOS = Path(__file__).resolve().parents[2] / "proto"
MODULE = Path(os.environ.get("MIEN_BUILD_DIR", "build")) / "libmien-grpc.so"


def _missing():
    if not MODULE.exists():
        return "mien was built without its gRPC module"
    if not shutil.which("protoc"):
        return "protoc is not installed"
    for name in ("grpc", "google.protobuf"):
        try:
            importlib.import_module(name)
        except ImportError:
            return f"Python has no {name}"
    return None


AVAILABLE = _missing()


def compile_protos():
    """The modules of inference, mien and health; made anew from proto/ by protoc."""
    folder = tempfile.mkdtemp(prefix="mien-protos-")
    try:
        for place, name in (("", "inference"), ("mien/v1", "mien"), ("grpc/health/v1", "health")):
            subprocess.run(["protoc", "-I", str(PROTOS / place), "--python_out", folder,
                            f"{name}.proto"], check=True)
        sys.path.append(folder)
        return tuple(importlib.import_module(name + "_pb2")
                     for name in ("inference", "mien", "health"))
    finally:
        shutil.rmtree(folder)


class Stub:
    """The methods of a service, by the names of its descriptor."""

    def __init__(self, channel, module, service):
        descriptor = module.DESCRIPTOR.services_by_name[service]
        for method in descriptor.methods:
            asks = getattr(method, "client_streaming", None)
            if asks is None:  # of older protobuf: its proto says it
                from google.protobuf import descriptor_pb2
                proto = descriptor_pb2.MethodDescriptorProto()
                method.CopyToProto(proto)
                asks, answers = proto.client_streaming, proto.server_streaming
            else:
                answers = method.server_streaming
            make = getattr(channel, f"{'stream' if asks else 'unary'}_"
                                    f"{'stream' if answers else 'unary'}")
            setattr(self, method.name, make(
                f"/{descriptor.full_name}/{method.name}",
                request_serializer=lambda m: m.SerializeToString(),
                response_deserializer=_reader(module, method.output_type)))


def _reader(module, output):
    return getattr(module, output.name).FromString


@contextlib.contextmanager
def error_of(code):
    """The error that the block must end with; its value becomes `.error`."""
    import grpc

    class Caught:
        error = None

    caught = Caught()
    try:
        yield caught
    except grpc.RpcError as error:
        assert error.code() == code, (error.code(), error.details())
        caught.error = error
    else:
        raise AssertionError(f"no {code}")


def metadata_of(call):
    """The metadata at the end of a call or error, as a dictionary."""
    return dict(call.trailing_metadata() or ())
