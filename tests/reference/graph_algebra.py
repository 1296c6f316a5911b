"""What graph_maker.py's random graphs do across a map's axes: means, maxima and softmax over any of
them, numbers that differ from pixel to pixel, products of matrices, values joined end to end."""
import numpy as np

MOST_VALUES = 4096  # of a map that is taken apart, so that graphs stay quick


class Algebra:
    """For Maker: functions of a value (name, channels, height, width) to another."""

    def reduced(self, x):
        """Of which the rest is made as large again by a sum."""
        name, c, h, w = x
        op = self.pick(("ReduceMean", "ReduceMax", "ReduceSum"))
        axes = self.pick(([1], [2], [3], [1, 2], [-1, 1]))
        if c * h * w > MOST_VALUES:
            return x
        since = 13 if op == "ReduceSum" else 18
        y = self.with_axes(op, name, axes, since, keepdims=1)
        return self.node("Add", [self.node("Tanh", [y]), name]), c, h, w

    def soft(self, x):
        """A softmax over one axis; below opset 13 over that and all behind it."""
        name, c, h, w = x
        if c * h * w > MOST_VALUES:
            return x
        y = self.softmax(name, (1, 2, 3, -1))
        return self.node("Add", [y, name]), c, h, w  # alone it hardly varies, and a norm magnifies that

    def softmax(self, name, axes):
        """Of values within -8 and 8: of hundreds, whose rounding is 1e-5, the order of the sums before
        it makes more than the limit."""
        name = self.node("Tanh", [self.node("Mul", [name, self.constant(np.float32(0.1))])])
        name = self.node("Mul", [name, self.constant(np.float32(8))])
        return self.node("Softmax", [name], axis=self.pick(axes))

    def each(self, x):
        """A number a pixel, or one a value."""
        name, c, h, w = x
        if c * h * w > MOST_VALUES:
            return x
        shape = self.pick(((1, 1, h, w), (h, w), (c, h, 1), (c, h, w)))
        inputs = [name, self.constant(self.floats(*shape, low=0.5, high=2))]
        if self.chance(0.3):
            inputs.reverse()
        return self.node(self.pick(("Add", "Sub", "Mul")), inputs), c, h, w

    def matrices(self, x):
        """What attention does: pixels by pixels from channels, and back."""
        name, c, h, w = x
        if c * h * w * max(h * w, c) > 1 << 18 or h * w < 4:
            return x
        heads = self.pick([n for n in (1, 2, 3, 4, c) if c % n == 0])
        if self.chance(0.5):
            y = self.heads(self.node("Reshape", [name, self.ints(1, heads, c // heads, h * w)]),
                           heads, c // heads, h * w)
            return self.node("Reshape", [y, self.ints(1, c, h, w)]), c, h, w
        flat = self.node("Reshape", [name, self.ints(1, c, h * w)])
        turned = self.node("Transpose", [flat], perm=[0, 2, 1])
        y = self.node("MatMul", [flat, self.scores(turned, flat)])
        return self.node("Reshape", [y, self.ints(1, c, h, w)]), c, h, w

    def scores(self, x, y):
        product = self.node("MatMul", [x, y])
        return self.node("Tanh", [self.node("Mul", [product, self.constant(np.float32(0.1))])])

    def heads(self, x, heads, rows, columns):
        """A product for each head: with a constant on either side, or with another value."""
        which, few = self.pick(range(4)), self.pick((1, heads))
        if which == 0:
            weight = self.floats(1, few, columns, columns) / np.float32(columns ** 0.5)
            return self.node("MatMul", [x, self.constant(weight)])
        if which == 1:
            weight = self.floats(few, rows, rows) / np.float32(rows ** 0.5)
            return self.node("MatMul", [self.constant(weight), x])
        turned = self.node("Transpose", [x], perm=[0, 1, 3, 2])
        if which == 2:
            return self.node("MatMul", [self.scores(x, turned), x])
        one = self.with_axes("ReduceMean", x, [1], 18, keepdims=1)
        return self.node("MatMul", [x, self.scores(turned, one)])

    def quotient(self, x):
        """Divided by another value; roots and powers."""
        same = [v for v in self.values if v[1:] == x[1:]]
        if not same:
            return x
        below = self.node("Sigmoid", [self.pick(same)[0]])
        below = self.node("Add", [below, self.constant(np.float32(0.5))])
        if self.chance(0.5):
            below = self.node(self.pick(("Sqrt", "Exp", "Reciprocal")), [below])
        return self.node("Div", [x[0], below]), *x[1:]

    def written_norm(self, x):
        """A layer norm of torch's exporter below opset 17."""
        name, c, h, w = x
        if h * w < 4 or h * w > 400 or c < 4:
            return x
        axes = self.pick(([1], [2, 3], [1, 2, 3]))
        if len(axes) == 3 and c * h * w > MOST_VALUES:  # ONNX Runtime's mean of 28728 is off by 5e-5
            return x
        distance = self.node("Sub", [name, self.with_axes("ReduceMean", name, axes, 18, keepdims=1)])
        squares = self.node("Pow", [distance, self.constant(np.float32(2))])
        mean = self.with_axes("ReduceMean", squares, axes, 18, keepdims=1)
        root = self.node("Sqrt", [self.node("Add", [mean, self.constant(np.float32(1e-3))])])
        return self.node("Div", [distance, root]), c, h, w

    def written_gelu(self, x):
        """As exporters write it below opset 20, in one of their orders of factors; or nearly that."""
        name, c, h, w = x
        number = lambda value: self.constant(np.float32(value))
        inner = self.node("Div", [name, number(2**0.5)]) if self.chance(0.5) else (
            self.node("Mul", [name, number(0.5**0.5)]))
        total = self.node("Add", [self.node("Erf", [inner]), number(1)])
        first, second, third = self.random.permutation([name, total, number(self.pick((0.5, 0.5, 0.4)))])
        return self.node("Mul", [self.node("Mul", [str(first), str(second)]), str(third)]), c, h, w

    def strung(self, x):
        """Two values end to end, as the anchors of levels are; an output, as they are or through a
        layer."""
        others = [v for v in self.values if v[1] * v[2] * v[3] <= MOST_VALUES]
        if x[1] * x[2] * x[3] > MOST_VALUES or not others:
            return self.map(x)
        parts, total = [], 0
        for name, c, h, w in (x, self.pick(others)):
            turned = self.node("Transpose", [name], perm=[0, 2, 3, 1])
            parts.append(self.node("Reshape", [turned, self.ints(1, -1)]))
            total += c * h * w
        y = self.node("Concat", parts, axis=1)
        return self.outputs.append(self.dense(y, total)[0] if self.chance(0.5) else y)
