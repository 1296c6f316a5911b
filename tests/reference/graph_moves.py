"""What graph_maker.py's random graphs do to pixels and channels without weights: cuts, shuffles,
padding, resizing, and sums and products of maps of different sizes."""
import numpy as np


class Moves:
    """For Maker: functions of a value (name, channels, height, width) to another."""

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def parts(self, x):
        """Split along channels; two parts meet again, or one goes on alone."""
        name, c, h, w = x
        if c < 2:
            return x
        first = int(self.random.integers(1, c)) if self.chance(0.5) or c % 2 else c // 2
        outs = [self.name("split"), self.name("split_b")]
        inputs, attributes = [name], {"axis": 1}
        if self.opset < 13:
            attributes["split"] = [first, c - first]
        else:
            inputs.append(self.ints(first, c - first))
        self.append("Split", inputs, outs, **attributes)
        if self.chance(0.4):
            return outs[0], first, h, w
        if self.chance(0.5):
            outs.reverse()
        if first * 2 == c and self.chance(0.4):
            return self.node("Add", outs), first, h, w
        changed = self.node("Relu", [outs[1]])
        return self.node("Concat", [outs[0], changed], axis=1), c, h, w

    def slice(self, x):
        """A part of the channels, rows or columns, perhaps every n-th of them."""
        name, c, h, w = x
        axis = self.pick((1, 1, 2, 3))
        size = x[axis]
        step = self.pick((1, 1, 2)) if self.opset > 9 else 1
        start = int(self.random.integers(0, max(1, size // 3)))
        end = self.pick((size, 2**31 - 1, size - size // 4, -1))
        taken = len(range(*slice(start, end, step).indices(size)))
        if taken < (1 if axis == 1 else 4):
            return x
        if self.opset < 10:
            y = self.node("Slice", [name], starts=[start], ends=[end], axes=[axis])
        else:
            y = self.node("Slice", [name, self.ints(start), self.ints(end), self.ints(axis),
                                    self.ints(step)])
        result = [y, c, h, w]
        result[axis] = taken
        return tuple(result)

    def focus(self, x):
        """YOLOv5's: every second pixel, from four places."""
        name, c, h, w = x
        if self.opset < 10 or c > 12 or h % 2 or w % 2:
            return x
        places = []
        for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)):
            y = self.node("Slice", [name, self.ints(i), self.ints(2**31), self.ints(2),
                                    self.ints(2)])
            places.append(self.node("Slice", [y, self.ints(j), self.ints(2**31), self.ints(3),
                                              self.ints(2)]))
        return self.node("Concat", places, axis=1), 4 * c, h // 2, w // 2

    def shuffle(self, x):
        """ShuffleNet's; perhaps cut in two right behind."""
        name, c, h, w = x
        groups = self.pick([g for g in (2, 3, 4, 1) if c % g == 0])
        y = self.node("Reshape", [name, self.ints(1, groups, c // groups, h, w)])
        y = self.node("Transpose", [y], perm=[0, 2, 1, 3, 4])
        y = self.node("Reshape", [y, self.ints(1, -1, h, w)])
        return self.parts((y, c, h, w)) if self.chance(0.4) else (y, c, h, w)

    def blocks(self, x):
        """Depth to space or back, by its operator or as torch writes it."""
        name, c, h, w = x
        if c % 4 == 0 and self.chance(0.6):
            way = self.pick(("DCR", "CRD", "torch"))
            if way == "torch" or self.opset < 11:
                y = self.node("Reshape", [name, self.ints(1, c // 4, 2, 2, h, w)])
                y = self.node("Transpose", [y], perm=[0, 1, 4, 2, 5, 3])
                y = self.node("Reshape", [y, self.ints(1, c // 4, 2 * h, 2 * w)])
            else:
                y = self.node("DepthToSpace", [name], blocksize=2, mode=way)
            return y, c // 4, 2 * h, 2 * w
        if h % 2 or w % 2 or c > 12:
            return x
        if self.chance(0.5):
            return self.node("SpaceToDepth", [name], blocksize=2), 4 * c, h // 2, w // 2
        y = self.node("Reshape", [name, self.ints(1, c, h // 2, 2, w // 2, 2)])
        y = self.node("Transpose", [y], perm=[0, 1, 3, 5, 2, 4])
        return self.node("Reshape", [y, self.ints(1, 4 * c, h // 2, w // 2)]), 4 * c, h // 2, w // 2

    def around(self, x):
        """A Pad that nothing takes up."""
        name, c, h, w = x
        mode = self.pick(("constant", "edge", "reflect"))
        pads = [int(n) for n in self.random.integers(0, min(4, h, w), 4)]
        full = [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]
        if self.opset < 11:
            y = self.node("Pad", [name], pads=full, mode=mode)
        else:
            y = self.node("Pad", [name, self.ints(*full)], mode=mode)
        return self.node("Relu", [y]), c, h + pads[0] + pads[2], w + pads[1] + pads[3]

    def resize(self, x):
        """To any size, by any of the rules."""
        name, c, h, w = x
        mode = self.pick(("nearest", "linear", "cubic"))
        scales = [float(self.pick((0.5, 0.7, 1, 1.5, 2, 2.3, 3))) for _ in range(2)]
        size = [int(np.floor(np.float32(n) * np.float32(s))) for n, s in zip((h, w), scales)]
        if min(size) < 2 or mode == "cubic" and min(scales) < 1:  # ONNX Runtime does not judge that
            return x
        # 10 times 2.3 is 23 in floats, 22 in doubles: ONNX Runtime has one here and one there, and
        # fails where what follows takes every second pixel.
        if size != [int(n * float(np.float32(s))) for n, s in zip((h, w), scales)]:
            return x
        if self.opset < 11:
            if min(scales) < 1 or mode == "cubic":  # whose rounding depends on ONNX Runtime's
                return x  # version, or which it has not
            op = "Upsample" if self.opset < 10 else "Resize"
            return self.node(op, [name, self.constant(np.float32([1, 1, *scales]))],
                             mode=mode), c, *size
        style = {"mode": mode, "coordinate_transformation_mode": self.pick(
            ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"))}
        if mode == "nearest":
            style["nearest_mode"] = self.pick(("round_prefer_floor", "floor", "ceil",
                                               "round_prefer_ceil"))
        if mode == "cubic":
            style.update(self.pick(({}, {"cubic_coeff_a": -0.5}, {"exclude_outside": 1})))
        roi = self.constant(np.zeros(0, np.float32))
        # Of sizes, what is half way between two pixels is so by the rounding of a quotient only.
        if self.chance(0.5) or "round" in style.get("nearest_mode", ""):
            inputs = [name, roi, self.constant(np.float32([1, 1, *scales]))]
        else:
            empty = self.constant(np.zeros(0, np.float32)) if self.opset < 13 else ""
            inputs = [name, roi, empty, self.ints(1, c, *size)]
        return self.node("Resize", inputs, **style), c, *size

    def attention(self, x):
        """A gate of one channel, one row or one column, or of the mean over the channels."""
        name, c, h, w = x
        kind = self.pick(("channel", "mean", "row", "column", "max"))
        if kind == "channel":
            y = self.conv(x, (1, 1), 1, 1)[0]
        elif kind == "mean":
            y = self.with_axes("ReduceMean", name, [1], 18, keepdims=1)
        elif kind == "max":
            y = self.node("GlobalMaxPool", [name])
        elif kind == "row" and h <= 32:
            y = self.node("MaxPool", [name], kernel_shape=[h, 1])
        elif kind == "column" and w <= 32:
            y = self.node("MaxPool", [name], kernel_shape=[1, w])
        else:
            return x
        inputs = [name, self.node("Sigmoid", [y])]
        if self.chance(0.5):
            inputs.reverse()
        return self.node(self.pick(("Mul", "Add", "Sub")), inputs), c, h, w

    def norm(self, x):
        """Instance, group or layer norm, as torch writes them."""
        name, c, h, w = x
        if h * w < 4 or h * w > 400:  # of more, ONNX Runtime's float sums are off by 1e-5
            return x
        kind = self.pick(("instance", "group", "layer", "all"))
        epsilon = 1e-2  # of a map that hardly varies less makes a rounding of it more than the limit
        if kind == "instance" or self.opset < 17:
            y = self.node("InstanceNormalization", [
                name, self.constant(self.floats(c, low=0.5, high=2)),
                self.constant(self.floats(c))], epsilon=epsilon)
        elif kind == "group":
            groups = self.pick([g for g in (1, 2, 3, 4) if c % g == 0])
            y = self.node("Reshape", [name, self.ints(1, groups, -1)])
            y = self.node("InstanceNormalization", [
                y, self.constant(np.ones(groups, np.float32)),
                self.constant(np.zeros(groups, np.float32))], epsilon=epsilon)
            y = self.node("Reshape", [y, self.ints(1, c, h, w)])
            y = self.node("Mul", [y, self.constant(self.floats(c, 1, 1, low=0.5, high=2))])
        elif kind == "layer" and c > 3:
            y = self.node("Transpose", [name], perm=[0, 2, 3, 1])
            y = self.node("LayerNormalization", [
                y, self.constant(self.floats(c, low=0.5, high=2)), self.constant(self.floats(c))],
                axis=-1, epsilon=epsilon)
            y = self.node("Transpose", [y], perm=[0, 3, 1, 2])
        else:
            y = self.node("LayerNormalization", [name, self.constant(np.ones((c, h, w), np.float32))],
                          axis=1, epsilon=epsilon)
        return y, c, h, w

    def beside(self, x):
        """Joined along rows or columns."""
        axis = self.pick((2, 3))
        fits = [v for v in self.values if v[1] == x[1] and v[5 - axis] == x[5 - axis]]
        if not fits:
            return x
        other = self.pick(fits)
        result = list(x)
        result[0] = self.node("Concat", [x[0], other[0]], axis=axis)
        result[axis] = x[axis] + other[axis]
        return tuple(result)

    def transposed(self, x):
        """ConvTranspose."""
        name, c, h, w = x
        kernel = self.pick(((2, 2), (3, 3), (4, 4), (3, 2), (1, 1)))
        strides = self.pick(([2, 2], [2, 2], [1, 1], [1, 2], [3, 2]))
        groups = self.pick([g for g in (1, 1, 2, c) if c % g == 0])
        out = self.pick((1, 2, 4))
        pads = [int(self.random.integers(0, min(2, kernel[i % 2]))) for i in range(4)]
        extra = [int(self.random.integers(0, s)) if s > 1 else 0 for s in strides]
        size = [(n - 1) * strides[i] + kernel[i] - pads[i] - pads[i + 2] + extra[i]
                for i, n in enumerate((h, w))]
        if min(size) < 2:
            return x
        inputs = [name, self.constant(self.floats(c, out, *kernel))]
        if self.chance(0.5):
            inputs.append(self.constant(self.floats(out * groups)))
        return self.node("ConvTranspose", inputs, kernel_shape=list(kernel), strides=strides,
                         pads=pads, output_padding=extra, group=groups), out * groups, *size
