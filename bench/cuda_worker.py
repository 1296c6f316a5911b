"""One contender of bench/cuda.py in a process of its own: lines of JSON in, lines of JSON out.

    {"do": "open", "blob" or "network": ..., "precision": ..., "way": ..., "side": ...}
    {"do": "run", "input": FILE, "output": FILE}      .npy in, .npz out
    {"do": "input", "input": FILE}                    what the times are about
    {"do": "time", "batch": N, "seconds": S}          -> {"device_ms": ..., "host_ms": ...}

    python3 bench/cuda_worker.py mien|torch

mien is libmien.so ($MIEN_LIB, else in $MIEN_BUILD_DIR), over ctypes; torch the same network out of
bench/networks.py. Both are timed by events around groups of launches long enough for the clock; a
time is the median of the groups. An answer with "error" says why there is none.
"""
import ctypes
import json
import os
import statistics
import sys
import time

import numpy as np

GROUP_SECONDS, MOST_LAUNCHES, FEWEST_GROUPS, WARM_UP = 0.01, 200, 5, 3
PRECISIONS = {"fp32": 0, "bf16": 1, "int8": 2, "fp16": 3}
DEVICES = {"cpu": 0, "cuda": 1}


def median_of_groups(one_group, seconds):
    """one_group(n) -> seconds a launch, of n launches."""
    one = one_group(1)
    launches = max(1, min(MOST_LAUNCHES, int(GROUP_SECONDS / one) + 1 if one > 0 else MOST_LAUNCHES))
    times, begin = [], time.perf_counter()
    while len(times) < FEWEST_GROUPS or time.perf_counter() - begin < seconds:
        times.append(one_group(launches))
    return 1e3 * statistics.median(times)


class Options(ctypes.Structure):
    """mien_options."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("device", ctypes.c_int),
        ("device_index", ctypes.c_int),
        ("precision", ctypes.c_int),
        ("threads", ctypes.c_int),
        ("weights_dir", ctypes.c_char_p),
        ("backend", ctypes.c_char_p),
        ("no_pack_cache", ctypes.c_int),
    ]


class Tensor(ctypes.Structure):
    """mien_tensor."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("n", ctypes.c_int),
        ("h", ctypes.c_int),
        ("w", ctypes.c_int),
        ("c", ctypes.c_int),
        ("data", ctypes.c_void_p),
    ]


class Mien:
    def __init__(self):
        path = os.environ.get("MIEN_LIB") or os.path.join(
            os.environ.get("MIEN_BUILD_DIR", "build"), "libmien.so"
        )
        self.lib = ctypes.CDLL(os.path.abspath(path))
        self.lib.mien_error.restype = ctypes.c_char_p
        self.lib.mien_backend_name.restype = ctypes.c_char_p
        self.lib.mien_backend_name.argtypes = [ctypes.c_void_p]
        self.ctx, self.net = ctypes.c_void_p(), ctypes.c_void_p()

    def check(self, code):
        if code:
            raise RuntimeError(self.lib.mien_error().decode())

    def open(self, blob, precision, way=None, device="cuda", **_):
        options = Options(
            struct_size=ctypes.sizeof(Options),
            device=DEVICES[device],
            precision=PRECISIONS[precision],
            backend=way.encode() if way else None,
            no_pack_cache=1,
        )
        self.check(self.lib.mien_open(ctypes.byref(options), ctypes.byref(self.ctx)))
        self.check(self.lib.mien_net_load(self.ctx, blob.encode(), ctypes.byref(self.net)))
        return {"backend": self.lib.mien_backend_name(self.ctx).decode()}

    def outputs_for(self, n, h, w):
        outputs, arrays = (Tensor * self.lib.mien_net_outputs(self.net))(), {}
        for i, t in enumerate(outputs):
            self.check(self.lib.mien_net_output_shape(self.net, i, n, w, h, ctypes.byref(t)))
            array = np.full((t.n, t.h, t.w, t.c), np.nan, np.float32)
            t.data = array.ctypes.data
            arrays[t.name.decode()] = array
        return outputs, arrays

    def run_once(self, x):
        x = np.ascontiguousarray(x, np.float32)
        n, h, w, c = x.shape
        tensor = Tensor(n=n, h=h, w=w, c=c, data=x.ctypes.data)
        outputs, arrays = self.outputs_for(n, h, w)
        self.check(self.lib.mien_run(self.net, ctypes.byref(tensor), outputs, len(outputs)))
        return arrays

    run = run_once

    def time(self, batch, seconds):
        x = np.ascontiguousarray(self.input[:batch])
        for _ in range(WARM_UP):
            self.run_once(x)
        shape = (x.shape[0], x.shape[2], x.shape[1])

        def group(launches):
            taken = ctypes.c_double()
            self.check(
                self.lib.mien_net_device_time(self.net, *shape, launches, ctypes.byref(taken))
            )
            return taken.value

        device = median_of_groups(group, seconds)
        host = []
        for _ in range(FEWEST_GROUPS):
            begin = time.perf_counter()
            self.run_once(x)
            host.append(1e3 * (time.perf_counter() - begin))
        return {"device_ms": device, "host_ms": statistics.median(host)}


class Torch:
    """way: eager, graph (eager, captured), reduce-overhead, max-autotune (compiled, captured)."""

    def open(self, network, precision, way, side, **_):
        import networks
        import torch

        self.torch, self.way = torch, way
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        self.network = networks.find(network, side)
        self.type = torch.float16 if precision == "fp16" else torch.float32
        net = self.network.torch().to(self.type).to(memory_format=torch.channels_last).cuda()
        if way == "reduce-overhead":
            net = torch.compile(net, mode="reduce-overhead", dynamic=False)
        elif way == "max-autotune":
            torch._inductor.config.freezing = True  # folds batch norms, as mien does
            net = torch.compile(net, mode="max-autotune-no-cudagraphs", dynamic=False)
        self.net, self.captured = net, {}
        return {"backend": "torch %s, cuDNN %s" % (torch.__version__, torch.backends.cudnn.version())}

    def convert(self, x):
        t = self.torch.from_numpy(self.network.normalised(x).astype(np.float32))
        return t.cuda().to(self.type).contiguous(memory_format=self.torch.channels_last)

    def runner(self, x):
        """What runs the network on x again and again, and where its outputs are."""
        torch, result = self.torch, {}

        def plain():
            result["out"] = self.net(x)

        for _ in range(WARM_UP):
            plain()
        torch.cuda.synchronize()
        if self.way in ("eager", "reduce-overhead"):
            return plain, result
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            plain()
        return graph.replay, result

    def run(self, x):
        with self.torch.no_grad():
            replay, result = self.runner(self.convert(x))
            replay()
            out = result["out"]
            out = out if isinstance(out, dict) else {self.network.output_names()[0]: out}
            return {k: v.float().cpu().numpy() for k, v in out.items()}

    def time(self, batch, seconds):
        torch = self.torch
        with torch.no_grad():
            if batch not in self.captured:
                self.captured = {}
                torch.cuda.empty_cache()
                self.captured = {batch: self.runner(self.convert(self.input[:batch]))}
            replay = self.captured[batch][0]

            def group(launches):
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                begin.record()
                for _ in range(launches):
                    replay()
                end.record()
                end.synchronize()
                return 1e-3 * begin.elapsed_time(end) / launches

            return {"device_ms": median_of_groups(group, seconds)}


def answer(worker, ask):
    what = ask.pop("do")
    if what == "open":
        return worker.open(**ask)
    if what == "run":
        np.savez(ask["output"], **worker.run(np.load(ask["input"])))
        return {}
    if what == "input":
        worker.input = np.load(ask["input"])
        return {}
    return worker.time(ask["batch"], ask["seconds"])


def main():
    worker = Mien() if sys.argv[1] == "mien" else Torch()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # compilers talk
    for line in sys.stdin:
        try:
            reply = answer(worker, json.loads(line))
        except Exception as error:  # whatever it is, the next contender is asked
            text = str(error).strip().splitlines()
            reply = {"error": (text[0] if text else type(error).__name__)[:300]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
