"""Face masks drawn on aligned crops: what `mask` is trained on, since pictures of real ones with a
licence to use them were not at hand. Shapes, colours and patterns are random; some are drawn on
held-out pictures alone, so that what is measured there is masks never seen. Every other picture has
no mask, and many of those something else that hides a part of the face."""

import csv
import io
import os
import tarfile

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .manifest import SIDE, Manifest

FINER = 3  # drawn so much larger, for smooth edges
QUALITY = 85

# What each style's outline passes through on the left half, from the middle of its upper edge to
# that of its lower one, in pixels of the template: eyes at y 52, nose 72, mouth 92, chin some 114.
SHAPES = {
    "surgical": [(56, 62), (42, 67), (23, 71), (22, 84), (25, 98), (38, 112), (56, 115)],
    "cloth": [(56, 61), (44, 67), (20, 72), (24, 90), (34, 107), (46, 115), (56, 117)],
    "cup": [(56, 58), (46, 64), (32, 74), (27, 88), (32, 103), (44, 114), (56, 117)],
    "folded": [(56, 57), (45, 66), (24, 73), (25, 88), (33, 104), (46, 116), (56, 119)],
    "duckbill": [(56, 62), (40, 66), (22, 76), (26, 90), (36, 106), (46, 109), (56, 109)],
    "gaiter": [(56, 63), (38, 67), (16, 70), (14, 92), (18, 112), (20, 132), (56, 134)],
    "printed": [(56, 60), (43, 66), (19, 71), (23, 91), (33, 108), (45, 116), (56, 119)],
}
SEEN = ("surgical", "cloth", "cup", "folded")
UNSEEN = ("duckbill", "gaiter", "printed")
HIDDEN_BY_OTHERS = ("glasses", "below_chin", "held_before", "patch")

COLOURS = {  # at ordinary light
    "seen": [(150, 190, 215), (235, 238, 240), (28, 28, 32), (120, 185, 165), (60, 70, 110),
             (130, 130, 132), (140, 40, 45), (205, 190, 160)],
    "unseen": [(235, 170, 190), (225, 195, 70), (85, 110, 60), (120, 80, 140), (235, 130, 60)],
}


def _curve(points, count=12):
    """A smooth line through points (Catmull-Rom)."""
    p = np.array([points[0], *points, points[-1]], float)
    t = np.linspace(0, 1, count, endpoint=False)[:, None]
    parts = [0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2
                    + (3 * b - a - 3 * c + d) * t**3)
             for a, b, c, d in zip(p, p[1:], p[2:], p[3:])]
    return np.concatenate([*parts, p[-1:]])


class Canvas:
    """A layer over a picture of `side` pixels whose middle is the template: what is drawn on it
    keeps the light, the noise and the blur of the picture below."""

    def __init__(self, side, rng):
        self.side, self.rng, self.margin = side, rng, (side - SIDE) // 2
        # Where the face is another than the template's, or turned: moved, and a half stretched.
        self.shift, self.size = rng.normal(0, (2.0, 1.5)), rng.normal(1, 0.05)
        self.left, self.right = 1 + np.array([1, -1]) * rng.normal(0, 0.1)
        self.tilt = np.deg2rad(rng.normal(0, 3))
        self.alpha = Image.new("L", (side * FINER, side * FINER))
        self.lines = Image.new("L", self.alpha.size)  # folds, seams and rims, darker

    def place(self, points):
        p = (np.asarray(points, float) - (56, 84)) * self.size
        p[:, 0] *= np.where(p[:, 0] < 0, self.left, self.right)
        c, s = np.cos(self.tilt), np.sin(self.tilt)
        p = p @ np.array([[c, s], [-s, c]]) + (56, 84) + self.shift + self.margin
        return [tuple(q) for q in p * FINER]

    def fill(self, points):
        ImageDraw.Draw(self.alpha).polygon(self.place(points), fill=255)

    def line(self, points, width, dark, strap=False):
        """A dark line; a strap is drawn where there is nothing else, too."""
        for image, value in ((self.lines, dark), (self.alpha, 255))[: 1 + strap]:
            ImageDraw.Draw(image).line(self.place(points), fill=value, width=round(width * FINER))

    def _small(self, image, blur):
        image = image.resize((self.side, self.side), Image.Resampling.BOX)
        return np.asarray(image.filter(ImageFilter.GaussianBlur(blur)), float) / 255

    def over(self, pixels, colours):
        """The picture with the layer over it. colours: [side][side][3], at ordinary light."""
        rng, blur = self.rng, self.rng.uniform(0.2, 0.9)
        if np.ptp(pixels, -1).mean() < 3:  # in grey
            colours = np.broadcast_to(colours.mean(-1, keepdims=True), colours.shape)
        alpha, lines = self._small(self.alpha, blur), self._small(self.lines, blur)
        luma = Image.fromarray(pixels).convert("L").filter(ImageFilter.GaussianBlur(10))
        light = np.asarray(luma, float) / 140
        light = np.clip(light, 0.25, 1.4) ** rng.uniform(0.5, 1)
        y, x = np.mgrid[-1 : 1 : self.side * 1j, -1 : 1 : self.side * 1j]
        slope = 1 + rng.normal(0, 0.12) * x + rng.normal(-0.08, 0.1) * y
        bulge = 1.05 - rng.uniform(0, 0.5) * x**2
        shade = (light * slope * bulge * (1 - 0.6 * lines))[..., None]
        noise = rng.normal(0, rng.uniform(0, 5), (self.side, self.side, 1))
        layer = np.clip(colours * shade + noise, 0, 255)
        shadow = 1 - rng.uniform(0, 0.5) * self._small(self.alpha, 2.0)[..., None]
        below = pixels * np.where(alpha[..., None] < 1, shadow, 1)
        return (below * (1 - alpha[..., None]) + layer * alpha[..., None] + 0.5).astype(np.uint8)


def _pattern(side, rng, colours, dots):
    """[side][side][3]: a colour, or two in stripes, checks, waves or dots."""
    base = np.array(colours[rng.integers(len(colours))], float) * rng.uniform(0.8, 1.1)
    other = np.clip(rng.uniform(0, 255, 3), 0, 255)
    y, x = np.mgrid[:side, :side]
    step, angle = rng.uniform(3, 12), rng.uniform(0, np.pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    if dots:
        kind = [np.hypot(u % step - step / 2, v % step - step / 2) < step / 3,
                np.sin(u / step * 2) * np.cos(v / step * 3) + np.sin((u + v) / step) > 0.4]
    else:
        kind = [u % step < step / 2, (u % step < step / 2) ^ (v % step < step / 2),
                (v + 2 * np.sin(u / 3)) % step < step / 2]
    share = 0.0 if not dots and rng.random() < 0.6 else kind[rng.integers(len(kind))]
    share = np.broadcast_to(np.asarray(share, float), (side, side))[..., None]
    return base * (1 - share) + other * share


def _outline(style, rng):
    half = np.array(SHAPES[style], float)
    half[1:-1] += rng.normal(0, 1.2, half[1:-1].shape)
    half[[0, -1], 1] += rng.normal(0, 1.8, 2)
    left = _curve(half)
    return np.concatenate([left, np.stack([112 - left[::-1, 0], left[::-1, 1]], 1)])


def _details(canvas, style, rng):
    """Folds, seams, a valve and straps."""
    dark = int(rng.integers(60, 200))
    if style == "surgical":
        for y in 76 + np.arange(rng.integers(2, 5)) * rng.uniform(6, 10):
            canvas.line([(24, y), (40, y + 2), (56, y + 2.5), (72, y + 2), (88, y)],
                        rng.uniform(0.5, 1.4), dark)
    elif style == "folded" or style in ("cloth", "printed") and rng.random() < 0.4:
        canvas.line([(56, 55), (56 + rng.normal(0, 1), 86), (56, 122)], rng.uniform(0.5, 1.5), dark)
    elif style == "cup":
        canvas.line(_curve([(32, 76), (56, 64), (80, 76)]), rng.uniform(0.5, 1.2), dark)
        if rng.random() < 0.4:  # a valve
            x, y, r = 56 + rng.normal(0, 8), 92 + rng.normal(0, 3), rng.uniform(4, 8)
            turn = np.linspace(0, 2 * np.pi, 20)
            canvas.line(np.stack([x + r * np.cos(turn), y + r * np.sin(turn)], 1), 1.2, dark)
    elif style == "duckbill":
        canvas.line(_curve([(24, 84), (56, 90), (88, 84)]), rng.uniform(0.8, 1.6), dark)
    if style != "gaiter" and rng.random() < 0.8:
        width, up = rng.uniform(0.6, 2), rng.uniform(50, 72)
        for side in (0, 1):
            for y in (74, 98):
                ends = [(24, y), (8, up if y < 80 else up + 12)]
                canvas.line([(112 - x, y) if side else (x, y) for x, y in ends], width, 60, True)


def masked(pixels, style, rng):
    """The crop with a mask of the style, [side][side][3] of bytes."""
    canvas = Canvas(pixels.shape[0], rng)
    _details(canvas, style, rng)
    canvas.fill(_outline(style, rng))
    colours = COLOURS["unseen" if style in UNSEEN else "seen"]
    return canvas.over(pixels, _pattern(canvas.side, rng, colours, style == "printed"))


def hidden(pixels, how, rng):
    """The crop with something else that hides a part of the face, or with a mask below the chin."""
    canvas, turn = Canvas(pixels.shape[0], rng), np.linspace(0, 2 * np.pi, 30)
    colours = _pattern(canvas.side, rng, COLOURS["seen"], False)
    if how == "glasses":
        for x in (38, 74):
            canvas.fill(np.stack([x + 14 * np.cos(turn), 52 + 10 * np.sin(turn)], 1))
        canvas.line([(50, 50), (62, 50)], 2, 40, True)
        colours = colours * rng.uniform(0.1, 0.6)
    elif how == "below_chin":
        top = rng.uniform(103, 112)
        canvas.fill([(4, top - 12), (30, top - 3), (56, top), (82, top - 3), (108, top - 12),
                     (108, 140), (4, 140)])
    elif how == "held_before":  # a hand, a cup, a microphone: a part of the mouth or of a cheek
        x, y = rng.uniform(30, 82), rng.uniform(88, 112)
        canvas.fill(np.stack([x + rng.uniform(6, 15) * np.cos(turn),
                              y + rng.uniform(6, 13) * np.sin(turn)], 1))
        if rng.random() < 0.6:  # of the skin's colour
            m = canvas.margin
            colours = np.broadcast_to(pixels[m + 66 : m + 76, m + 34 : m + 44].mean((0, 1)) * 1.1,
                                      colours.shape)
    else:
        x, y = rng.uniform(10, 102), rng.uniform(0, 45)
        canvas.fill(np.stack([x + rng.uniform(10, 40) * np.cos(turn),
                              y + rng.uniform(6, 20) * np.sin(turn)], 1))
    return canvas.over(pixels, colours)


def draw(pixels, style, rng):
    if style in SHAPES:
        return masked(pixels, style, rng)
    return hidden(pixels, style, rng) if style in HIDDEN_BY_OTHERS else pixels


def make(manifest_path, description, out, limit, seed, unseen, tell):
    """Writes a tar of the manifest's first crops, half of them with a mask, and a manifest of them.
    What is held out has masks of styles that the others have not; with `unseen`, all are such."""
    manifest = Manifest(manifest_path, description)
    held_out, count = manifest.held_out(), min(limit or len(manifest), len(manifest))
    os.makedirs(out, exist_ok=True)
    with tarfile.open(os.path.join(out, "crops-0.tar"), "w") as tar, open(
            os.path.join(out, "labels.csv"), "w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "mask", "style"])
        for row, pixels in zip(range(count), manifest.pictures()):
            rng = np.random.default_rng([seed, row])
            styles = UNSEEN if unseen or held_out[row] else SEEN
            mask = rng.random() < 0.5
            style = rng.choice(styles if mask else (*HIDDEN_BY_OTHERS, *["nothing"] * 6))
            data, member = io.BytesIO(), tarfile.TarInfo(manifest.files[row])
            Image.fromarray(draw(pixels, style, rng)).save(data, "JPEG", quality=QUALITY)
            member.size = data.tell()
            data.seek(0)
            tar.addfile(member, data)
            writer.writerow([member.name, "yes" if mask else "no", style])
            tell(row + 1, count)
