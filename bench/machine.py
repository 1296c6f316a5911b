"""What was measured on, and with what: the part of the results a reader needs to judge them."""
import importlib.metadata
import json
import os
import platform
import subprocess

from networks import ROOT, reference
from runtimes.node_runtime import cache_dir

# Instructions that decide which kernels run.
FLAGS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_bf16", "amx_int8"]


def cpuinfo():
    """The first processor's lines of /proc/cpuinfo."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = file.read().split("\n\n")[0].splitlines()
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}


def first_line(*command):
    """What a program says first; None where it is not there."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout else None


def describe():
    info = cpuinfo()
    flags = info.get("flags", "").split()
    return {
        "cpu": info.get("model name", platform.processor()),
        "family_model_stepping": [info.get(k) for k in ("cpu family", "model", "stepping")],
        "flags": [flag for flag in FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in flags,
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def onnxruntime_version():
    path = os.path.join(cache_dir(), "node", "node_modules", "onnxruntime-node", "package.json")
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)["version"]
    except OSError:
        return None


def torch_versions():
    """torch's version, and that of the oneDNN in it."""
    try:
        import torch
    except ImportError:
        return None, None
    dnn = [line for line in torch.__config__.show().splitlines() if "MKL-DNN" in line]
    return torch.__version__, dnn[0].split("MKL-DNN")[1].split()[0] if dnn else None


def service_versions():
    """What the Python service stands on; None for what is not installed."""
    return {name: package_version(name) for name in ("fastapi", "uvicorn", "uvloop", "httptools")}


def package_version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions():
    torch, onednn = torch_versions()
    return {
        "mien": first_line(reference.tool("mien", "MIEN_TOOL"), "--version"),
        "commit": first_line("git", "describe", "--always", "--dirty"),
        "onnxruntime": onnxruntime_version(),
        "torch": torch,
        "onednn": onednn,
        "node": first_line("node", "--version"),
        "python": platform.python_version(),
        "cc": first_line("cc", "--version"),
    }
