"""The window of a convolution or pool: where ONNX's attributes put it, as the engine says it."""

import math

from .errors import refuse

MOST_STRIDE = 16


class Window:
    def __init__(self, operator, kernel, size, around, ceil=False, dilation=1):
        """size: (h, w) of the map; around: zeros a Pad put there (top, left, bottom, right)."""
        self.dilation = dilation
        attrs = operator.attrs
        strides = list(attrs.get("strides", [1, 1]))
        if len(strides) != 2 or not all(1 <= stride <= MOST_STRIDE for stride in strides):
            refuse(operator, f"strides of {strides}; two of 1 to {MOST_STRIDE} are possible")
        self.kernel, self.strides, self.ceil = list(kernel), strides, ceil
        self.stride = math.gcd(*strides)  # of the engine, which knows one for both sides
        self.same = False
        mode = attrs.get("auto_pad", "NOTSET") or "NOTSET"
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            own = self._same(size, mode == "SAME_UPPER")
            self.same = mode == "SAME_UPPER" and not any(around) and strides[0] == strides[1]
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
            total = max(0, (-(-n // self.strides[i]) - 1) * self.strides[i] + self.reach(i) - n)
            less = total // 2
            pads[i], pads[i + 2] = (less, total - less) if upper else (total - less, less)
        return pads

    def _out(self, i, n):
        span = n + self.pads[i] + self.pads[i + 2] - self.reach(i)
        stride = self.strides[i]
        if span < 0:
            return 0
        out = (-(-span // stride) if self.ceil else span // stride) + 1
        if self.ceil and (out - 1) * stride >= n + self.pads[i]:
            out -= 1  # a window must start inside the map or before it
        return out

    def ceil_matters(self, size):
        return self.ceil and any((n + self.pads[i] + self.pads[i + 2] - self.reach(i))
                                 % self.strides[i] for i, n in enumerate(size))

    def reach(self, i):
        return (self.kernel[i] - 1) * self.dilation + 1

    def add(self, b, operator, op, node, channels, attributes):
        """The node of the window; where strides differ, every n-th row or column of one of a smaller
        stride."""
        if self.strides == [self.stride] * 2:
            return b.map(b.add(operator, op, [node], (channels, *self.out), attributes))
        if self.ceil_matters(b.sizes[node][1:]):
            refuse(operator, f"strides of {self.strides} with windows that end outside")
        steps = [stride // self.stride for stride in self.strides]
        full = [(n + self.pads[i] + self.pads[i + 2] - self.reach(i)) // self.stride + 1
                for i, n in enumerate(b.sizes[node][1:])]
        y = b.add(operator, op, [node], (channels, *full), attributes)
        return b.map(b.add(operator, "crop", [y], (channels, *self.out),
                           {"rows": [0, 0, steps[0]], "columns": [0, 0, steps[1]]}))

    def attributes(self):
        pads = self.pads
        pad = "same" if self.same else pads[0] if len(set(pads)) == 1 else pads
        more = {"dilation": self.dilation} if self.dilation > 1 else {}
        return {"stride": self.stride, "pad": pad, **more}
