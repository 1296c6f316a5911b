"""The window of a convolution or pool: where ONNX's attributes put it, as the engine says it."""

from .errors import refuse

MOST_STRIDE = 16


class Window:
    def __init__(self, operator, kernel, size, around, ceil=False):
        """size: (h, w) of the map; around: zeros a Pad put there (top, left, bottom, right)."""
        attrs = operator.attrs
        strides = list(attrs.get("strides", [1, 1]))
        declared = attrs.get("kernel_shape")
        if declared is not None and list(declared) != list(kernel):
            refuse(operator, f"kernel_shape {list(declared)} is not its kernel {list(kernel)}")
        if len(strides) != 2 or strides[0] != strides[1] or not 1 <= strides[0] <= MOST_STRIDE:
            refuse(operator, f"strides of {strides}; both must be the same and at most "
                   f"{MOST_STRIDE}")
        self.kernel, self.stride, self.ceil = list(kernel), strides[0], ceil
        self.same = False
        mode = attrs.get("auto_pad", "NOTSET") or "NOTSET"
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            own = self._same(size, mode == "SAME_UPPER")
            self.same = mode == "SAME_UPPER" and not any(around)
            self.ceil = False
        elif mode in ("NOTSET", "VALID"):
            own = list(attrs.get("pads", [0] * 4)) if mode == "NOTSET" else [0] * 4
        else:
            refuse(operator, f"auto_pad {mode} is not known")
        self.own = own
        self.pads = [a + b for a, b in zip(own, around)]
        if len(own) != 4 or min(self.pads) < 0 or max(self.pads) > 32:
            refuse(operator, f"pads of {own}; four of 0 to 32 are possible")
        self.out = [self._out(i, size[i]) for i in (0, 1)]
        if min(self.out) < 1:
            refuse(operator, f"a map of {size[1]}x{size[0]} is smaller than its kernel")

    def _same(self, size, upper):
        pads = [0] * 4
        for i, n in enumerate(size):
            total = max(0, (-(-n // self.stride) - 1) * self.stride + self.kernel[i] - n)
            less = total // 2
            pads[i], pads[i + 2] = (less, total - less) if upper else (total - less, less)
        return pads

    def _out(self, i, n):
        span = n + self.pads[i] + self.pads[i + 2] - self.kernel[i]
        if span < 0:
            return 0
        out = (-(-span // self.stride) if self.ceil else span // self.stride) + 1
        if self.ceil and (out - 1) * self.stride >= n + self.pads[i]:
            out -= 1  # a window must start inside the map or before it
        return out

    def ceil_matters(self, size):
        return self.ceil and any((n + self.pads[i] + self.pads[i + 2] - self.kernel[i])
                                 % self.stride for i, n in enumerate(size))

    def attributes(self):
        pads = self.pads
        pad = "same" if self.same else pads[0] if len(set(pads)) == 1 else pads
        return {"stride": self.stride, "pad": pad}
