"""A client of mien's gRPC services made of Debian's python3-grpcio and protoc: what the tests of
gRPC share. MISSING is None where a server and a client can be had, else a sentence."""
import contextlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from server import PATIENCE, wait_for

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


MISSING = _missing()


def _compile():
    """The modules of inference, mien and health, made from proto/ by protoc."""
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


INFER, MIEN, HEALTH = _compile() if not MISSING else (None, None, None)


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


_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


class Client:
    """Both services of a server, over a channel of its own."""

    def __init__(self, server, key=None, credentials=None, name="127.0.0.1"):
        scheme = "grpcs" if credentials else "grpc"
        port = wait_for(lambda: server.find(rf"listening on {scheme}://\S+:(\d+)"), "gRPC")[1]
        place = f"{name}:{port}"
        import grpc
        self.channel = (grpc.secure_channel(place, credentials, _ANY_SIZE) if credentials
                        else grpc.insecure_channel(place, _ANY_SIZE))
        self.metadata = [("x-api-key", key)] if key else []
        self.kserve = Stub(self.channel, INFER, "GRPCInferenceService")
        self.mien = Stub(self.channel, MIEN, "Mien")
        self.health = Stub(self.channel, HEALTH, "Health")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def ask(self, stub, method, message, timeout=PATIENCE, metadata=()):
        return getattr(stub, method)(message, timeout=timeout,
                                     metadata=[*self.metadata, *metadata])


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
